/** @file What crosses between page and search worker. Types only; every value survives a structured clone. */
import type {
  AddProgress,
  AddResult,
  AskedQuery,
  DocumentEntry,
  EngineStatus,
  ImportRequest,
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
import type { CallProgress } from "./protocol.ts";

/** Raised with every change to this file: a page must not talk to the worker of another build left in a cache. */
export type SearchProtocolVersion = 1;

/** On the page, called by the worker: tokens of each text by the model; `null` while there is no model. */
export type CountOnPage = (texts: readonly string[]) => Promise<Int32Array | null>;

/** `IndexEngine` over comlink. `callId` is unique on the page and names the call in `cancel` and in events. */
export interface SearchService {
  ready(): SearchProtocolVersion;
  /** Once, before any other call. */
  open(callId: number, request: OpenIndexRequest, countTokens: CountOnPage): Promise<EngineStatus>;
  /** Reads what is stored now. */
  reopen(callId: number): Promise<EngineStatus>;
  add(callId: number, documents: readonly SearchDocument[]): Promise<AddResult>;
  remove(callId: number, documentIds: readonly string[]): Promise<number>;
  clear(callId: number): Promise<void>;
  forgetVectors(callId: number): Promise<void>;
  pending(callId: number, limit: number, refused: readonly number[]): Promise<PendingBatch>;
  keepVectors(callId: number, vectors: NewVectors): Promise<void>;
  search(callId: number, asked: AskedQuery, request: SearchRequest): Promise<SearchResult>;
  documents(callId: number): Promise<DocumentEntry[]>;
  document(callId: number, id: string): Promise<SearchDocument | null>;
  configure(callId: number, view: ViewOptions): Promise<void>;
  measure(callId: number, options: MeasureOptions): Promise<ViewMeasurement>;
  vectors(callId: number, limit: number): Promise<VectorSample>;
  save(callId: number): Promise<void>;
  exportFile(callId: number): Promise<Blob>;
  importFile(callId: number, file: Blob, request: ImportRequest): Promise<AddResult>;
  /** Nothing happens when the call has settled. */
  cancel(callId: number): void;
}

/** Worker → page, on the port of the answers, so that news arrive before the answers that follow them. */
export type SearchEvent = CallProgress<AddProgress> | { readonly kind: "status"; readonly status: EngineStatus };
