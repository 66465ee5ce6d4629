/** @file The search index on the page: createSearchIndex and what it returns. Checks here, work in a worker. */
import type { Embedder } from "./embedder.ts";
import { checkPositiveInteger } from "./embedder-input.ts";
import { assert, EmbedError, throwIfAborted } from "./errors.ts";
import { checkIndexOptions, checkView, type SearchIndexOptions } from "./search-index-input.ts";
import { Indexing } from "./search-indexing.ts";
import { SearchClient } from "./thread/search-client.ts";
import type { WorkerPort } from "./thread/worker-calls.ts";
import { wrongType } from "./wrong-type.ts";
import type {
  AddProgress,
  AddResult,
  DocumentEntry,
  EngineStatus,
  MeasureOptions,
  OpenIndexRequest,
  SearchDocument,
  SearchIndexStatus,
  SearchQuery,
  SearchRequest,
  SearchResult,
  VectorSample,
  ViewMeasurement,
  ViewOptions,
} from "./search-types.ts";
import type { CallHooks } from "./types.ts";

/** How one search is made. */
export interface SearchOptions extends SearchRequest {
  /** Task of the query: what "similar" means. @default the pack's default instruction */
  readonly instruction?: string;
  readonly signal?: AbortSignal;
}

/** How a file is taken in. */
export interface ImportOptions extends CallHooks<AddProgress> {
  /**
   * `"require"`: vectors of another space are refused. `"drop"`: such documents are taken in without, and embedded in
   * the background.
   *
   * @default "require"
   */
  readonly vectors?: "require" | "drop";
}

/**
 * Documents that can be searched by words and by meaning, in a worker of its own. What `add` has taken is kept, and
 * what has no vector yet is embedded in the background, at priority `bulk`, from one visit to the next. When the worker
 * is gone, what is under way rejects with `worker-crashed`, and the next call opens the index again in a fresh one: as it
 * is stored, or empty where it is in memory only.
 */
export interface SearchIndex extends Disposable {
  /** The same object until something changes. */
  readonly status: SearchIndexStatus;
  /**
   * Splits documents and keeps them; each can be found by its words as soon as it is kept. Resolves when all are kept
   * and, where there is an embedder that is not paused, embedded.
   *
   * @throws {EmbedError} `invalid-input` with `details.index`; `storage-full`, `storage-busy`; `aborted`: documents
   *   that were kept stay, and are embedded in the background.
   */
  add(documents: readonly SearchDocument[], hooks?: CallHooks<AddProgress>): Promise<AddResult>;
  /** Takes documents out; ids that are not there are passed over. @returns How many there were. */
  remove(documentIds: readonly string[]): Promise<number>;
  /** Takes everything out. */
  clear(): Promise<void>;
  /**
   * @throws {EmbedError} `invalid-input`; in mode `semantic` what the embedder throws, and `invalid-input` where there is
   *   none; `aborted`.
   */
  search(query: SearchQuery, options?: SearchOptions): Promise<SearchResult>;
  /**
   * From here on this model embeds; `null`: none. What has no vector is embedded in the background.
   *
   * @throws {EmbedError} `index-mismatch` where the index holds vectors of another space: see `forgetVectors`.
   */
  use(embedder: Embedder | null): Promise<void>;
  /** Drops all vectors, so that another model can make them anew; documents stay. */
  forgetVectors(): Promise<void>;
  /** Stops embedding after the run that is under way. */
  pause(): void;
  resume(): void;
  /** Resolves when every passage has a vector, or embedding is paused, has failed or has no embedder. */
  settled(signal?: AbortSignal): Promise<void>;
  /** What is in the index, in the order it came. */
  documents(): Promise<DocumentEntry[]>;
  /** A document as it was added; `null` where there is none of this id. */
  document(id: string): Promise<SearchDocument | null>;
  /** Changes what vectors look like in memory. */
  configure(view: ViewOptions): Promise<void>;
  /** How well and how fast the view finds what an exact scan finds; takes passages of the index as queries. */
  measure(options?: MeasureOptions): Promise<ViewMeasurement>;
  /** Stored vectors of at most `limit` passages, evenly taken from the whole. */
  vectors(options?: { readonly limit?: number }): Promise<VectorSample>;
  /** Resolves when all that was taken lies safely in storage. */
  save(): Promise<void>;
  /** Reads the stored state again, such as what another tab has written since. */
  load(): Promise<void>;
  /** Everything in one file: versioned, checksummed, with the embedding-space id. */
  export(hooks?: CallHooks<AddProgress>): Promise<Blob>;
  /**
   * Takes in what `export` made; documents with an id that is here already are replaced.
   *
   * @throws {EmbedError} `index-mismatch` for vectors of another space (see `vectors`); `invalid-input` for a file that is no export,
   *   is of a later version or is damaged; nothing has changed then.
   */
  import(file: Blob, options?: ImportOptions): Promise<AddResult>;
  /** Ends the worker; what is under way rejects with `disposed`. What was kept stays. */
  dispose(): void;
}

/** The worker's script is small; 20 s on a 10 kB/s link, and then it must be compiled. */
const READY_TIMEOUT_MS = 30_000;
/** Texts whose tokens are counted in one call: each row of the answer is as wide as the longest. */
const COUNTED_AT_ONCE = 256;
/** Above what a map can show. */
const MAX_VECTORS = 2000;

/**
 * Opens an index in a worker of its own; one that is stored under the name goes on where it was.
 *
 * @throws {EmbedError} `invalid-input`, `storage-full`, `storage-busy`, `worker-crashed`, `aborted`; `index-mismatch`
 *   where the stored vectors are of another space than the embedder's, or a later version has stored them.
 */
export function createSearchIndex(options: SearchIndexOptions = {}): Promise<SearchIndex> {
  // One literal expression: bundlers find the worker's entry by it.
  return openSearchIndex(
    options,
    () => new Worker(new URL("../workers/search.worker.ts", import.meta.url), { type: "module" }),
  );
}

/** `createSearchIndex` with a worker of the caller's making. */
export async function openSearchIndex(
  options: SearchIndexOptions,
  startWorker: () => WorkerPort,
): Promise<SearchIndex> {
  const request = checkIndexOptions(options);
  const index = new WorkerSearchIndex(options, request, startWorker);
  try {
    await index.open(options.signal);
    if (options.embedder) await index.use(options.embedder);
    return index;
  } catch (error) {
    index.dispose();
    throw error;
  }
}

interface EmbeddedQuery {
  readonly text: string;
  readonly instruction: string | undefined;
  readonly embedder: Embedder;
  readonly vector: Float32Array;
}

class WorkerSearchIndex implements SearchIndex {
  readonly #request: OpenIndexRequest;
  readonly #options: SearchIndexOptions;
  readonly #client: SearchClient;
  readonly #indexing: Indexing;
  #embedder: Embedder | null = null;
  /** Of the embedder. */
  #space: string | null = null;
  /** Asked again with other filters, or since the index has grown, a query is not embedded again. */
  #lastQuery: EmbeddedQuery | null = null;
  #engine: EngineStatus | null = null;
  #status: SearchIndexStatus | null = null;

  constructor(options: SearchIndexOptions, request: OpenIndexRequest, startWorker: () => WorkerPort) {
    this.#options = options;
    this.#request = request;
    const { readyTimeoutMs = READY_TIMEOUT_MS } = options;
    this.#client = new SearchClient(startWorker, {
      request,
      countTokens: (texts) => this.#countTokens(texts),
      readyTimeoutMs,
      onStatus: (status) => this.#follow(status),
    });
    this.#indexing = new Indexing({
      pending: (limit, refused) => this.#client.call((service, callId) => service.pending(callId, limit, refused)),
      keepVectors: (vectors) => this.#client.keepVectors(vectors),
      onStatus: () => this.#tell(),
    });
  }

  async open(signal: AbortSignal | undefined): Promise<void> {
    await this.#client.opened(signal);
  }

  get status(): SearchIndexStatus {
    assert(this.#status !== null, "status is read after open");
    return this.#status;
  }

  async add(documents: readonly SearchDocument[], hooks: CallHooks<AddProgress> = {}): Promise<AddResult> {
    const result = await this.#client.call((service, callId) => service.add(callId, documents), hooks);
    await this.#embedded(hooks.signal);
    return result;
  }

  async remove(documentIds: readonly string[]): Promise<number> {
    return this.#client.call((service, callId) => service.remove(callId, documentIds));
  }

  async clear(): Promise<void> {
    return this.#client.call((service, callId) => service.clear(callId));
  }

  async search(query: SearchQuery, options: SearchOptions = {}): Promise<SearchResult> {
    const { signal, topK, mode, filter, perDocument } = options;
    const startMs = performance.now();
    const vector = typeof query === "string" ? await this.#embedQuery(query, options) : null;
    const embedMs = performance.now() - startMs;
    const request = {
      ...(topK !== undefined && { topK }),
      ...(mode !== undefined && { mode }),
      ...(filter !== undefined && { filter }),
      ...(perDocument !== undefined && { perDocument }),
    };
    const asked = { query, vector };
    const result = await this.#client.call(
      (service, callId) => service.search(callId, asked, request),
      signal ? { signal } : {},
    );
    const totalMs = performance.now() - startMs;
    return { ...result, timings: { ...result.timings, embedMs: vector ? embedMs : 0, totalMs } };
  }

  async use(embedder: Embedder | null): Promise<void> {
    // A matrix without rows still tells of its space.
    const space = embedder && (await embedder.embed([])).space;
    const expected = this.status.space;
    if (space !== null && expected !== null && space !== expected) {
      throw new EmbedError("index-mismatch", `the model's space is ${space}, the index holds ${expected}`, {
        details: { what: "space", expected, actual: space },
      });
    }
    this.#embedder = embedder;
    this.#space = space;
    this.#index();
  }

  async forgetVectors(): Promise<void> {
    return this.#client.call((service, callId) => service.forgetVectors(callId));
  }

  pause(): void {
    this.#indexing.pause();
  }

  resume(): void {
    this.#indexing.resume();
  }

  async settled(signal?: AbortSignal): Promise<void> {
    await abortable(this.#indexing.settled(), signal);
  }

  async documents(): Promise<DocumentEntry[]> {
    return this.#client.call((service, callId) => service.documents(callId));
  }

  async document(id: string): Promise<SearchDocument | null> {
    return this.#client.call((service, callId) => service.document(callId, id));
  }

  async configure(view: ViewOptions): Promise<void> {
    const checked = checkView(view);
    return this.#client.call((service, callId) => service.configure(callId, checked));
  }

  async measure(options: MeasureOptions = {}): Promise<ViewMeasurement> {
    for (const [name, value] of Object.entries(options)) checkPositiveInteger(name, value as number);
    return this.#client.call((service, callId) => service.measure(callId, options));
  }

  async vectors({ limit = MAX_VECTORS }: { readonly limit?: number } = {}): Promise<VectorSample> {
    checkPositiveInteger("limit", limit);
    return this.#client.call((service, callId) => service.vectors(callId, limit));
  }

  async save(): Promise<void> {
    return this.#client.call((service, callId) => service.save(callId));
  }

  async load(): Promise<void> {
    this.#follow(await this.#client.call((service, callId) => service.reopen(callId)));
    this.#index();
  }

  async export(hooks: CallHooks<AddProgress> = {}): Promise<Blob> {
    return this.#client.call((service, callId) => service.exportFile(callId), hooks);
  }

  async import(file: Blob, options: ImportOptions = {}): Promise<AddResult> {
    const { vectors = "require", ...hooks } = options;
    if (!(file instanceof Blob)) throw wrongType("file is not a Blob", file);
    if (vectors !== "require" && vectors !== "drop") throw wrongType("vectors is neither require nor drop", vectors);
    const request = { vectors, modelSpace: this.#space };
    return this.#client.call((service, callId) => service.importFile(callId, file, request), hooks);
  }

  dispose(): void {
    this.#indexing.use(null);
    this.#client.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Embeds in the background from now on, unless that is another tab's to do. */
  #index(): void {
    this.#indexing.use(this.status.readOnly ? null : this.#embedder);
  }

  /** Waits for the background, and throws what it failed with. */
  async #embedded(signal: AbortSignal | undefined): Promise<void> {
    await this.settled(signal);
    if (this.#indexing.status.state === "failed") throw this.#indexing.failure;
  }

  async #embedQuery(
    text: string,
    { mode = "hybrid", instruction, signal }: SearchOptions,
  ): Promise<Float32Array | null> {
    if (mode === "lexical") return null;
    if (this.#embedder === null) {
      if (mode === "hybrid") return null;
      throw new EmbedError("invalid-input", "mode is semantic, but the index has no embedder", { details: { mode } });
    }
    if (this.status.vectors === 0 && mode === "hybrid") return null;
    const last = this.#lastQuery;
    if (last?.text === text && last.instruction === instruction && last.embedder === this.#embedder) return last.vector;
    const embedder = this.#embedder;
    const options = { ...(instruction && { instruction }), ...(signal && { signal }) };
    const vector = await embedder.embedQuery(text, options);
    this.#lastQuery = { text, instruction, embedder, vector };
    return vector;
  }

  async #countTokens(texts: readonly string[]): Promise<Int32Array | null> {
    if (this.#options.countTokens !== "model" || this.#embedder === null) return null;
    const counts = new Int32Array(texts.length);
    for (let from = 0; from < texts.length; from += COUNTED_AT_ONCE) {
      const some = texts.slice(from, from + COUNTED_AT_ONCE);
      const { attentionMask, rows, columns } = await this.#embedder.tokenize(some, { overflow: "truncate" });
      for (let row = 0; row < rows; row++) {
        const tokens = attentionMask.subarray(row * columns, (row + 1) * columns).reduce((sum, one) => sum + one, 0);
        // The end token is no part of the text.
        counts[from + row] = tokens - 1;
      }
    }
    return counts;
  }

  #follow(engine: EngineStatus): void {
    this.#engine = engine;
    this.#tell();
    if (engine.passages > engine.vectors + this.#indexing.refused && !engine.readOnly) this.#indexing.start();
  }

  #tell(): void {
    if (this.#engine === null) return;
    this.#status = { name: this.#request.name, ...this.#engine, indexing: this.#indexing.status };
    this.#options.onStatus?.(this.#status);
  }
}

/** @throws {EmbedError} `aborted` at once when the signal says so. */
async function abortable(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  throwIfAborted(signal);
  if (!signal) return work;
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new EmbedError("aborted", "cancelled by the caller", { cause: signal.reason }));
    signal.addEventListener("abort", stop);
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
