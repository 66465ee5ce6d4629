/** @file The worker's end of the store: serves it to the page, with cancellation and progress. */
import { expose, type Endpoint } from "comlink";
import type {
  DownloadProgress,
  ModelSource,
  PackOffer,
  PackStore,
  StorageEstimate,
  StoredPack,
  VerifyResult,
} from "../delivery.ts";
import { assert } from "../errors.ts";
import { installErrorTransfer } from "./error-transfer.ts";
import { bridgedFetch } from "./fetch-bridge.ts";
import { ServedCalls } from "./served-calls.ts";
import type { StoreEvent, StoreProtocolVersion, StoreService } from "./store-protocol.ts";

/** `model/` has the one for the worker. */
export type CreateStore = (options: { readonly fetch?: typeof fetch }) => PackStore;

/**
 * Answers the page's calls from now on; to be called while the worker's script is first run, as a message that finds no
 * listener is lost. What a call rejects with: see `ServedCalls`.
 *
 * @param endpoint - @default the worker's own port
 */
export function serveStore(createStore: CreateStore, endpoint: Endpoint = globalThis as unknown as Endpoint): void {
  installErrorTransfer();
  const post = (event: StoreEvent): void => endpoint.postMessage(event);
  expose(new ServedStore(createStore, post), endpoint);
}

class ServedStore implements StoreService {
  readonly #createStore: CreateStore;
  readonly #calls: ServedCalls<DownloadProgress>;
  #store: PackStore | null = null;

  constructor(createStore: CreateStore, post: (event: StoreEvent) => void) {
    this.#createStore = createStore;
    this.#calls = new ServedCalls((callId, progress) => post({ kind: "progress", callId, progress }));
  }

  ready(): StoreProtocolVersion {
    return 1;
  }

  open(fetchPort: MessagePort | null): void {
    this.#store = this.#createStore(fetchPort ? { fetch: bridgedFetch(fetchPort) } : {});
  }

  list(callId: number): Promise<StoredPack[]> {
    return this.#calls.run(callId, async () => this.#opened.list());
  }

  estimate(callId: number): Promise<StorageEstimate> {
    return this.#calls.run(callId, async () => this.#opened.estimate());
  }

  inspect(callId: number, source: ModelSource): Promise<PackOffer> {
    return this.#calls.run<PackOffer, never>(callId, async (hooks) => this.#opened.inspect(source, hooks));
  }

  download(callId: number, source: ModelSource): Promise<StoredPack> {
    return this.#calls.run(callId, async (hooks) => this.#opened.download(source, hooks));
  }

  verify(callId: number, id: string): Promise<VerifyResult> {
    return this.#calls.run(callId, async (hooks) => this.#opened.verify(id, hooks));
  }

  remove(callId: number, id: string): Promise<void> {
    return this.#calls.run(callId, async () => this.#opened.remove(id));
  }

  evict(callId: number, freeBytes: number): Promise<StoredPack[]> {
    return this.#calls.run(callId, async () => this.#opened.evict(freeBytes));
  }

  cancel(callId: number): void {
    this.#calls.cancel(callId);
  }

  get #opened(): PackStore {
    assert(this.#store !== null, "the page opens the store before it calls it");
    return this.#store;
  }
}
