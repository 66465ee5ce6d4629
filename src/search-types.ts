/** @file Hand-over types of the search index, as page and worker know them. Types only; all but hooks and engine survive a structured clone. */
import type { CallHooks } from "./types.ts";

// ── Documents in ───────────────────────────────────────────────────────────────────────────────────────

/** What a filter can ask for. */
export type MetadataValue = string | number | boolean;
export type Metadata = Readonly<Record<string, MetadataValue>>;

/** A heading that stands in a document's text. */
export interface Heading {
  /** UTF-16 offsets of the heading's line in `text`, end exclusive. */
  readonly start: number;
  readonly end: number;
  /** 1 is the highest. */
  readonly level: number;
}

/** What is to be found. */
export interface SearchDocument {
  /** Unique in the index: adding it again replaces the document. */
  readonly id: string;
  readonly text: string;
  /** Read by the model before each passage. @default none */
  readonly title?: string;
  /** Where the text's headings are, ascending. @default those that `format` knows */
  readonly headings?: readonly Heading[];
  /** In Markdown, lines that begin with one to six `#` are headings. @default "plain" */
  readonly format?: "plain" | "markdown";
  /** What filters go by, and what comes back with each hit. @default {} */
  readonly metadata?: Metadata;
}

/** How documents are split. */
export interface PassageOptions {
  /** Most tokens of a passage, without title and section trail; an integer ≥ 16. `Infinity`: documents stay whole, as far as a model reads. @default 256 */
  readonly maxTokens?: number;
  /** Tokens at the end of a passage that the next of the same section begins with; whole sentences. @default 32 */
  readonly overlapTokens?: number;
}

/** A part of a document. */
export interface Passage {
  /** UTF-16 offsets in the document's text, end exclusive; `text` is what is between them. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Texts of the headings above it, outermost first. */
  readonly section: readonly string[];
}

// ── Questions in ───────────────────────────────────────────────────────────────────────────────────────

export type SearchMode = "semantic" | "lexical" | "hybrid";

/** One of the values, any of several, or a range (bounds included) of numbers. */
export type FieldFilter = MetadataValue | readonly MetadataValue[] | { readonly gte?: number; readonly lte?: number };

/** What a document must be to be found: all that is named. */
export interface SearchFilter {
  /** @default every document */
  readonly documentIds?: readonly string[];
  /** By field of `metadata`; a document without the field is not found. @default every document */
  readonly metadata?: Readonly<Record<string, FieldFilter>>;
}

/**
 * A text, a passage to find more like, or a vector of the index's space: `[dimensions]`, any length but 0. A passage is
 * named by its id, or by its document and its number there, which other browsers with the same library understand, too.
 */
export type SearchQuery =
  | string
  | { readonly passageId: number }
  | { readonly documentId: string; readonly passage: number }
  | { readonly vector: Float32Array };

/** How the worker searches. */
export interface SearchRequest {
  /** Most hits; an integer ≥ 1. @default 10 */
  readonly topK?: number;
  /** @default "hybrid" */
  readonly mode?: SearchMode;
  /** @default everything is searched */
  readonly filter?: SearchFilter;
  /** Most passages of one document among the hits; an integer ≥ 1. @default Infinity */
  readonly perDocument?: number;
}

// ── Hits out ───────────────────────────────────────────────────────────────────────────────────────────

export interface SearchHit {
  /** Of this index alone; a passage of a document that is added again, changed, gets another. */
  readonly passageId: number;
  readonly documentId: string;
  /** Its number in the document, from 0. */
  readonly passage: number;
  /** `null` where the document has none. */
  readonly title: string | null;
  readonly metadata: Metadata;
  readonly section: readonly string[];
  readonly text: string;
  /** UTF-16 offsets in the document's text, end exclusive. */
  readonly start: number;
  readonly end: number;
  /** What the hits are ordered by: cosine (`semantic`), BM25 (`lexical`) or the sum of reciprocal ranks (`hybrid`). */
  readonly score: number;
  /** To the query, from the stored vectors; `null` where the passage has no vector yet or none was asked for. */
  readonly cosine: number | null;
  /** BM25; `null` where no word matched or none was asked for. */
  readonly bm25: number | null;
  /** Words of the passage that matched, lower case: for highlighting. */
  readonly terms: readonly string[];
}

export interface SearchTimings {
  /** The query's way through the model; 0 in mode `lexical`. */
  readonly embedMs: number;
  /** Comparing vectors, rescoring included. */
  readonly scanMs: number;
  readonly lexicalMs: number;
  /** Reading the hits' texts. */
  readonly readMs: number;
  readonly totalMs: number;
}

export interface SearchResult {
  /**
   * How it was searched. In place of `hybrid`: `lexical` as long as there is no model or no vector, `semantic` in the
   * moments after opening in which `lexicalReady` is not yet true.
   */
  readonly mode: SearchMode;
  /** Best first. */
  readonly hits: readonly SearchHit[];
  /** Passages that the filter let through. */
  readonly considered: number;
  readonly timings: SearchTimings;
}

// ── The index ──────────────────────────────────────────────────────────────────────────────────────────

/** What is kept of each component while searching; what is stored keeps its full precision. */
export type Precision = "float32" | "float16" | "int8" | "binary";

/** What vectors look like in memory. */
export interface ViewOptions {
  /** Matryoshka cut: the first components, then L2 again; an integer ≥ 1, all where there are fewer. @default all */
  readonly dimensions?: number;
  /** @default "float32" */
  readonly precision?: Precision;
  /** Whether the best candidates are compared anew by their stored vectors. @default true */
  readonly rescore?: boolean;
}

export interface ViewStatus {
  readonly dimensions: number;
  readonly precision: Precision;
  readonly rescore: boolean;
  /** Of the vectors in memory. */
  readonly bytes: number;
  /** What compares them, and why. */
  readonly scan: { readonly kind: "cpu" | "webgpu"; readonly reason: string };
}

/** How the view is measured. */
export interface MeasureOptions {
  /** Vectors of the index to take as queries; an integer ≥ 1. @default 32 */
  readonly queries?: number;
  /** An integer ≥ 1. @default 10 */
  readonly topK?: number;
}

/** The view against the exact one: every stored vector, all dimensions, float32. */
export interface ViewMeasurement {
  /** Mean share of the exact topK that the view finds. */
  readonly recall: number;
  /** Median of a scan, rescoring included. */
  readonly scanMs: number;
  readonly exactMs: number;
  readonly bytes: number;
  readonly exactBytes: number;
  /** Vectors of the index taken as queries. */
  readonly queries: number;
  readonly topK: number;
}

export interface IndexFailure {
  /** `null` for a fault of Strata itself. */
  readonly code: string | null;
  readonly message: string;
}

/** Of the embedding that goes on in the background. */
export interface IndexingStatus {
  readonly state: "idle" | "working" | "paused" | "failed";
  /** Title, or id, of the document being embedded. */
  readonly current: string | null;
  /** Of this stretch of work. */
  readonly passages: number;
  readonly tokens: number;
  readonly elapsedMs: number;
  /** `null` until there is something to estimate from. */
  readonly remainingMs: number | null;
  readonly failure: IndexFailure | null;
  /** Passages that the model cannot take, found by their words alone: longer than it reads, or without a direction. */
  readonly refused: number;
}

export interface StoredCounts {
  readonly documents: number;
  readonly passages: number;
  /** Passages with a vector; the rest wait to be embedded. */
  readonly vectors: number;
  /** Bytes of stored vectors. */
  readonly vectorBytes: number;
  /** Embedding-space id of all vectors; `null` as long as there is none. */
  readonly space: string | null;
  /** Components of the stored vectors; `null` as long as there is none. */
  readonly dimensions: number | null;
}

export interface SearchIndexStatus extends StoredCounts {
  /** `null`: in memory only. */
  readonly name: string | null;
  /** Another tab writes to it. */
  readonly readOnly: boolean;
  /** Whether words can be found yet: soon after opening. */
  readonly lexicalReady: boolean;
  readonly view: ViewStatus | null;
  readonly indexing: IndexingStatus;
}

export interface AddProgress {
  readonly doneDocuments: number;
  readonly totalDocuments: number;
  readonly donePassages: number;
  /** Grows while documents are still being split. */
  readonly totalPassages: number;
}

export interface AddResult {
  /** Documents that are new or have changed. */
  readonly added: number;
  /** Documents that were there already, the same. */
  readonly unchanged: number;
  readonly passages: number;
  /** Passages whose vector was taken over, since the model would read the same. */
  readonly reused: number;
}

/** A document without its text. */
export interface DocumentEntry {
  readonly id: string;
  readonly title: string | null;
  readonly metadata: Metadata;
  readonly passages: number;
  /** Passages that have a vector. */
  readonly vectors: number;
  /** UTF-16 units. */
  readonly length: number;
  /** Milliseconds since 1970. */
  readonly addedAt: number;
}

/** Stored vectors by passage, for a map of the library. */
export interface VectorSample {
  readonly passageIds: Uint32Array;
  readonly documentIds: readonly string[];
  /** `[rows, dimensions]`. */
  readonly data: Float32Array;
  readonly rows: number;
  readonly dimensions: number;
}

// ── The engine, as its worker sees it ──────────────────────────────────────────────────────────────────

/** How an index is opened. */
export interface OpenIndexRequest {
  /** `null`: in memory. */
  readonly name: string | null;
  readonly passages: Required<PassageOptions>;
  readonly stored: "float32" | "float16";
  readonly view: ViewOptions;
}

/** What the engine knows of its status; the page knows of the embedding. */
export type EngineStatus = Omit<SearchIndexStatus, "name" | "indexing">;

/** What the engine needs of those around it. */
export interface EngineHooks {
  readonly onStatus: (status: EngineStatus) => void;
  /** By the model's tokenizer, without the end token; `null` while there is no model. */
  readonly countTokens: (texts: readonly string[]) => Promise<ArrayLike<number> | null>;
}

/** A query, and its vector. */
export interface AskedQuery {
  readonly query: SearchQuery;
  /** Of a text, where there is a model: `[dimensions]`; `null`: words only. */
  readonly vector: Float32Array | null;
}

/** Passages that have no vector yet, and what the model is to read of each. */
export interface PendingBatch {
  readonly passageIds: Uint32Array;
  readonly inputs: readonly string[];
  /** Title, or id, of the first one's document; `null` when nothing waits. */
  readonly current: string | null;
  /** UTF-16 units of all inputs that wait, about. */
  readonly waitingLength: number;
}

/** Of some model, on the way into the index. */
export interface NewVectors {
  readonly passageIds: Uint32Array;
  /** `[passageIds.length, dimensions]`. */
  readonly vectors: Float32Array;
  readonly dimensions: number;
  readonly space: string;
}

/** What to do with the vectors of a file. */
export interface ImportRequest {
  /** `require`: those of another space are refused. `drop`: such documents are taken in, and wait to be embedded. */
  readonly vectors: "require" | "drop";
  /** Of the model that embeds here, where there is one. */
  readonly modelSpace: string | null;
}

/** An open index. `SearchIndex` says what its calls do. */
export interface IndexEngine {
  readonly status: EngineStatus;
  add(documents: readonly SearchDocument[], hooks: CallHooks<AddProgress>): Promise<AddResult>;
  remove(documentIds: readonly string[]): Promise<number>;
  clear(): Promise<void>;
  forgetVectors(): Promise<void>;
  /** At most `limit`, the oldest first, but none of `refused`. */
  pending(limit: number, refused: readonly number[]): Promise<PendingBatch>;
  /** Vectors of passages that have left meanwhile are dropped. */
  keepVectors(vectors: NewVectors): Promise<void>;
  search(asked: AskedQuery, request: SearchRequest): Promise<SearchResult>;
  documents(): DocumentEntry[];
  document(id: string): Promise<SearchDocument | null>;
  configure(view: ViewOptions): Promise<void>;
  measure(options: MeasureOptions): Promise<ViewMeasurement>;
  vectors(limit: number): VectorSample;
  save(): Promise<void>;
  exportFile(hooks: CallHooks<AddProgress>): Promise<Blob>;
  importFile(file: Blob, request: ImportRequest, hooks: CallHooks<AddProgress>): Promise<AddResult>;
  /** Lets go of files, database and lock. */
  close(): void;
}
