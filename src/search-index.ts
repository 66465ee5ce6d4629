/** @file The search index on the page: createSearchIndex and what it returns. Checks here, work in a worker. */
import type { Embedder } from "./embedder.ts";
import type {
  AddProgress,
  AddResult,
  DocumentEntry,
  PassageOptions,
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

/** How an index is opened. */
export interface SearchIndexOptions {
  /** What embeds documents and queries; can be given later with `use`. @default none: words only */
  readonly embedder?: Embedder;
  /** Under which it is kept in this browser; letters, digits, `.`, `_` and `-`. `null`: in memory only. @default null */
  readonly name?: string | null;
  /** How documents are split; an index that is stored keeps what it was made with. */
  readonly passages?: PassageOptions;
  /** Of the stored vectors. Float16 halves the space; a cosine moves by under 1e-3. @default "float32" */
  readonly stored?: "float32" | "float16";
  /** What vectors look like in memory. @default all dimensions, float32 */
  readonly view?: ViewOptions;
  /** Called after each change of `status`. */
  readonly onStatus?: (status: SearchIndexStatus) => void;
  /** Longest wait for the worker's script to be fetched and run, in milliseconds. @default 30000 */
  readonly readyTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** How one search is made. */
export interface SearchOptions extends SearchRequest {
  /** Task of the query: what "similar" means. @default the pack's default instruction */
  readonly instruction?: string;
  readonly signal?: AbortSignal;
}

/**
 * Documents that can be searched by words and by meaning, in a worker of its own. What `add` has taken is kept, and
 * what has no vector yet is embedded in the background, at priority `bulk`, from one visit to the next.
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
  measure(options?: { readonly queries?: number; readonly topK?: number }): Promise<ViewMeasurement>;
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
   * @throws {EmbedError} `index-mismatch` for vectors of another space; `invalid-input` for a file that is no export,
   *   is of a later version or is damaged; nothing has changed then.
   */
  import(file: Blob, hooks?: CallHooks<AddProgress>): Promise<AddResult>;
  /** Ends the worker; what is under way rejects with `disposed`. What was kept stays. */
  dispose(): void;
}

/** @throws {EmbedError} `invalid-input`, `storage-busy`, `index-mismatch`, `worker-crashed`, `aborted`. */
export function createSearchIndex(_options: SearchIndexOptions = {}): Promise<SearchIndex> {
  return Promise.reject(new Error("being written"));
}
