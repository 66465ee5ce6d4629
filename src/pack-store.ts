/** @file The store on the page: openPackStore and what it returns. Checks here, work in a worker. */
import type {
  DownloadProgress,
  ModelSource,
  PackOffer,
  PackStore,
  StorageEstimate,
  StoredPack,
  StoreHooks,
  VerifyResult,
} from "./delivery.ts";
import { EmbedError } from "./errors.ts";
import { checkFetch, checkModelSource } from "./model-input.ts";
import type { PageFetch } from "./thread/fetch-bridge.ts";
import { askToPersist } from "./thread/persist.ts";
import { StoreClient } from "./thread/store-client.ts";
import type { WorkerPort } from "./thread/worker-calls.ts";

/** How a store is opened. */
export interface PackStoreOptions {
  /** What requests go through, on the page: for headers that expire, or another transport. @default the worker's own `fetch` */
  readonly fetch?: PageFetch;
  /** Longest wait for the worker's script to be fetched and run, in milliseconds. @default 30000 */
  readonly readyTimeoutMs?: number;
}

/**
 * The packs in this browser's storage, in a worker that is started by the first call. Every call settles: with its
 * result, its own error, `aborted` at once when its signal says so, `disposed` after `dispose()`, `worker-crashed` when
 * the worker is gone: the next call starts a fresh one, and a download goes on from what is stored.
 */
export interface PagePackStore extends PackStore, Disposable {
  /** Ends the worker; what is under way rejects with `disposed`. */
  dispose(): void;
}

/** As for the worker of the embedder, whose script is the larger one. */
const READY_TIMEOUT_MS = 30_000;

/** @throws {EmbedError} `invalid-input` for options; the rest when it is called. */
export function openPackStore(options: PackStoreOptions = {}): PagePackStore {
  // One literal expression: bundlers find the worker's entry by it.
  return openStore(
    options,
    () => new Worker(new URL("../workers/store.worker.ts", import.meta.url), { type: "module" }),
  );
}

/** `openPackStore` with workers of the caller's making. */
export function openStore(options: PackStoreOptions, startWorker: () => WorkerPort): PagePackStore {
  const { readyTimeoutMs = READY_TIMEOUT_MS } = options;
  checkNumber("readyTimeoutMs", readyTimeoutMs);
  const fetch = checkFetch(options.fetch);
  return new WorkerPackStore(new StoreClient(startWorker, { readyTimeoutMs, fetch }));
}

class WorkerPackStore implements PagePackStore {
  readonly #client: StoreClient;
  #hasAsked = false;

  constructor(client: StoreClient) {
    this.#client = client;
  }

  async list(hooks: StoreHooks<never> = {}): Promise<StoredPack[]> {
    return this.#client.call((service, callId) => service.list(callId), hooks);
  }

  async estimate(hooks: StoreHooks<never> = {}): Promise<StorageEstimate> {
    return this.#client.call((service, callId) => service.estimate(callId), hooks);
  }

  async inspect(source: ModelSource, hooks: StoreHooks<never> = {}): Promise<PackOffer> {
    const checked = checkModelSource(source, globalThis.document?.baseURI);
    return this.#client.call((service, callId) => service.inspect(callId, checked), hooks);
  }

  async download(source: ModelSource, hooks: StoreHooks<DownloadProgress> = {}): Promise<StoredPack> {
    const checked = checkModelSource(source, globalThis.document?.baseURI);
    if (!this.#hasAsked) askToPersist();
    this.#hasAsked = true;
    return this.#client.call((service, callId) => service.download(callId, checked), hooks);
  }

  async verify(id: string, hooks: StoreHooks<DownloadProgress> = {}): Promise<VerifyResult> {
    checkId(id);
    return this.#client.call((service, callId) => service.verify(callId, id), hooks);
  }

  async remove(id: string, hooks: StoreHooks<never> = {}): Promise<void> {
    checkId(id);
    return this.#client.call((service, callId) => service.remove(callId, id), hooks);
  }

  async evict(freeBytes: number, hooks: StoreHooks<never> = {}): Promise<StoredPack[]> {
    checkNumber("freeBytes", freeBytes);
    return this.#client.call((service, callId) => service.evict(callId, freeBytes), hooks);
  }

  dispose(): void {
    this.#client.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function checkId(id: string): void {
  if (typeof id === "string" && id !== "") return;
  throw new EmbedError("invalid-input", "id is not the id of a stored pack", { details: { option: "id", value: id } });
}

function checkNumber(option: string, value: number): void {
  if (Number.isFinite(value) && value >= 0) return;
  const message = `${option} is ${String(value)}, not a finite number from 0 on`;
  throw new EmbedError("invalid-input", message, { details: { option, value } });
}
