/** @file What `npm run bench:index` leaves: results of kind "index". Types only. */
import type { ViewMeasurement, ViewOptions } from "../../src/search-types.ts";
import type { ResultFrame } from "../report/result.ts";
import type { FillResult, OpenResult } from "./index-page.ts";

/** One index in one view. */
export interface ViewResult {
  readonly view: ViewOptions;
  readonly open: OpenResult;
  /** Objects and ArrayBuffers of the index's worker, garbage collected. */
  readonly workerBytes: number;
  /** From the key to the painted results, without the query's embedding. */
  readonly paintedMs: { readonly p50: number; readonly p95: number };
  readonly measured: ViewMeasurement;
}

/** One index. */
export interface SizeResult {
  readonly passages: number;
  readonly dimensions: number;
  readonly fill: FillResult;
  readonly views: readonly ViewResult[];
}

export interface IndexResult extends ResultFrame {
  readonly kind: "index";
  readonly sizes: readonly SizeResult[];
}
