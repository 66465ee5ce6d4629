/** @file What `npm run bench:search` leaves: results of kind "search". Types only. */
import type { Precision } from "../../src/search-types.ts";
import type { ResultFrame } from "../report/result.ts";
import type { VectorKind } from "./synthetic-vectors.ts";

export interface SearchResult extends ResultFrame {
  readonly kind: "search";
  /** Hits that are sought. */
  readonly topK: number;
  /** Components of the stored vectors. */
  readonly storedDimensions: number;
  readonly measurements: readonly ScanMeasurement[];
}

/** One view of one set of vectors. */
export interface ScanMeasurement {
  readonly vectors: VectorKind;
  readonly rows: number;
  readonly scan: "cpu" | "webgpu";
  readonly precision: Precision;
  readonly dimensions: number;
  /** Held by the view. */
  readonly bytes: number;
  /** Of a scan for all candidates, rescoring not included. */
  readonly scanMs: { readonly median: number; readonly p95: number };
  /** Candidates that are rescored. */
  readonly candidates: number;
  /** Median of rescoring, from memory: reading from storage comes on top. */
  readonly rescoreMs: number;
  /** Mean share of the exact topK, all dimensions in float32, that is found. */
  readonly recall: number;
  /** Of the view's own order, without rescoring. */
  readonly recallAsIs: number;
  readonly queries: number;
}

/** What the worker is to measure. */
export interface ScanOrder {
  readonly vectors: VectorKind;
  readonly rows: number;
  readonly storedDimensions: number;
  /** Views' dimensions. */
  readonly cuts: readonly number[];
  readonly precisions: readonly Precision[];
  readonly queries: number;
  readonly topK: number;
}
