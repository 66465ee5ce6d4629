/** @file The worker's end of the search index: serves an engine to the page, with cancellation and progress. */
import { expose, transfer, type Endpoint } from "comlink";
import { assert } from "../errors.ts";
import type {
  AddProgress,
  AddResult,
  AskedQuery,
  DocumentEntry,
  EngineHooks,
  EngineStatus,
  ImportRequest,
  IndexEngine,
  MeasureOptions,
  NewVectors,
  OpenIndexRequest,
  PendingBatch,
  SearchDocument,
  SearchRequest,
  SearchResult,
  VectorSample,
  ViewMeasurement,
  ViewOptions,
} from "../search-types.ts";
import type { CallHooks } from "../types.ts";
import { installErrorTransfer } from "./error-transfer.ts";
import type { CountOnPage, SearchEvent, SearchProtocolVersion, SearchService } from "./search-protocol.ts";
import { ServedCalls } from "./served-calls.ts";

/** `search/` has the one for the worker. */
export type OpenEngine = (request: OpenIndexRequest, hooks: EngineHooks) => Promise<IndexEngine>;

/**
 * Answers the page's calls from now on; to be called while the worker's script is first run, as a message that finds no
 * listener is lost. What a call rejects with: see `ServedCalls`.
 *
 * @param endpoint - @default the worker's own port
 */
export function serveSearch(openEngine: OpenEngine, endpoint: Endpoint = globalThis as unknown as Endpoint): void {
  installErrorTransfer();
  const post = (event: SearchEvent): void => endpoint.postMessage(event);
  expose(new ServedIndex(openEngine, post), endpoint);
}

class ServedIndex implements SearchService {
  readonly #openEngine: OpenEngine;
  readonly #hooks: Pick<EngineHooks, "onStatus">;
  readonly #calls: ServedCalls<AddProgress>;
  #open: (() => Promise<IndexEngine>) | null = null;
  #engine: IndexEngine | null = null;

  constructor(openEngine: OpenEngine, post: (event: SearchEvent) => void) {
    this.#openEngine = openEngine;
    this.#hooks = { onStatus: (status) => post({ kind: "status", status }) };
    this.#calls = new ServedCalls((callId, progress) => post({ kind: "progress", callId, progress }));
  }

  ready(): SearchProtocolVersion {
    return 1;
  }

  open(callId: number, request: OpenIndexRequest, countTokens: CountOnPage): Promise<EngineStatus> {
    this.#open = () => this.#openEngine(request, { ...this.#hooks, countTokens });
    return this.reopen(callId);
  }

  reopen(callId: number): Promise<EngineStatus> {
    return this.#run(callId, async () => {
      assert(this.#open !== null, "the page opens the index before it calls it");
      this.#engine?.close();
      this.#engine = null;
      this.#engine = await this.#open();
      return this.#engine.status;
    });
  }

  add(callId: number, documents: readonly SearchDocument[]): Promise<AddResult> {
    return this.#run(callId, (hooks) => this.#opened.add(documents, hooks));
  }

  remove(callId: number, documentIds: readonly string[]): Promise<number> {
    return this.#run(callId, () => this.#opened.remove(documentIds));
  }

  clear(callId: number): Promise<void> {
    return this.#run(callId, () => this.#opened.clear());
  }

  forgetVectors(callId: number): Promise<void> {
    return this.#run(callId, () => this.#opened.forgetVectors());
  }

  pending(callId: number, limit: number, refused: readonly number[]): Promise<PendingBatch> {
    return this.#run(callId, () => this.#opened.pending(limit, refused));
  }

  keepVectors(callId: number, vectors: NewVectors): Promise<void> {
    return this.#run(callId, () => this.#opened.keepVectors(vectors));
  }

  search(callId: number, asked: AskedQuery, request: SearchRequest): Promise<SearchResult> {
    return this.#run(callId, () => this.#opened.search(asked, request));
  }

  documents(callId: number): Promise<DocumentEntry[]> {
    return this.#run(callId, async () => this.#opened.documents());
  }

  document(callId: number, id: string): Promise<SearchDocument | null> {
    return this.#run(callId, () => this.#opened.document(id));
  }

  configure(callId: number, view: ViewOptions): Promise<void> {
    return this.#run(callId, () => this.#opened.configure(view));
  }

  measure(callId: number, options: MeasureOptions): Promise<ViewMeasurement> {
    return this.#run(callId, () => this.#opened.measure(options));
  }

  async vectors(callId: number, limit: number): Promise<VectorSample> {
    const sample = await this.#run(callId, async () => this.#opened.vectors(limit));
    return transfer(sample, [sample.data.buffer, sample.passageIds.buffer]);
  }

  save(callId: number): Promise<void> {
    return this.#run(callId, () => this.#opened.save());
  }

  exportFile(callId: number): Promise<Blob> {
    return this.#run(callId, (hooks) => this.#opened.exportFile(hooks));
  }

  importFile(callId: number, file: Blob, request: ImportRequest): Promise<AddResult> {
    return this.#run(callId, (hooks) => this.#opened.importFile(file, request, hooks));
  }

  cancel(callId: number): void {
    this.#calls.cancel(callId);
  }

  get #opened(): IndexEngine {
    assert(this.#engine !== null, "the page opens the index before it calls it");
    return this.#engine;
  }

  #run<R>(callId: number, work: (hooks: CallHooks<AddProgress>) => Promise<R>): Promise<R> {
    return this.#calls.run(callId, work);
  }
}
