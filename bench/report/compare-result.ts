/** @file What `npm run bench` leaves: results of kind "compare". Types only; described for readers in bench/results/README.md. */
import type { ContenderName } from "../compare/contender.ts";
import type { ResultFrame, Spread } from "./result.ts";

/** The last two are of `npm run bench:page`: a visitor's minute, and a test's seconds. */
export type SizeName = "small" | "cpu" | "full" | "quick" | "smoke";

export interface CompareResult extends ResultFrame {
  readonly kind: "compare";
  readonly size: SizeName;
  readonly device: "webgpu" | "wasm";
  /** Of the export. */
  readonly dtype: string;
  /** How each one ran, such as `webgpu f32 jspi`. */
  readonly executions: Readonly<Record<ContenderName, string>>;
  /** Load average of the last minute over the number of processors, before and after. */
  readonly load: { readonly start: number; readonly end: number };
  readonly workloads: readonly WorkloadResult[];
}

/** What the workload is about; verdicts and charts go by it. */
export type WorkloadKind =
  | "cold-start"
  | "one-query"
  | "mixed-lengths"
  | "equal-lengths"
  | "long-text"
  | "bulk-with-queries"
  | "truncated"
  | "shorter-in-batch";

/** What a contender was made to do. */
export type EntryMode =
  | "as given"
  | "batches"
  | "one a call"
  | "without queries"
  | "alone"
  | "in a batch"
  | "padded right"
  /** Every buffer and pipeline is made, nothing is computed: for memory alone. */
  | "dry";

export interface WorkloadResult {
  readonly kind: WorkloadKind;
  /** Such as `64 texts of 128 tokens`. */
  readonly title: string;
  readonly texts: number;
  /** Real ones: padding does not count. */
  readonly tokens: number;
  readonly lengths: { readonly least: number; readonly median: number; readonly most: number };
  readonly entries: readonly EntryResult[];
}

export interface EntryResult {
  readonly contender: ContenderName;
  readonly mode: EntryMode;
  /** Texts a call of transformers.js; `null` where Strata was given all at once. */
  readonly batchSize: number | null;
  /** How it failed, in the runtime's words; then the rest is `null`. */
  readonly failure: string | null;
  /** Milliseconds, one sample a round: of the whole workload, or of a cold start. */
  readonly ms: Spread | null;
  /** One sample a round. */
  readonly tokensPerSecond: Spread | null;
  /** Single requests, all rounds together. */
  readonly latency: Latency | null;
  readonly memory: MemoryUse | null;
  /** Against the float64 reference of the same weights. */
  readonly exactness: Exactness | null;
  /** Cold starts: milliseconds by phase, medians; phases may overlap. */
  readonly phases: Readonly<Record<string, number>> | null;
}

/** Milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly most: number;
  readonly samples: number;
}

/** Of the contender's worker, in bytes; the most of all rounds. */
export interface MemoryUse {
  readonly peakVramBytes: number;
  /** Before the workload: weights, and what the runtime keeps. */
  readonly idleVramBytes: number;
  /** Of one round. */
  readonly readBackBytes: number;
  readonly dispatches: number;
  readonly submits: number;
  readonly wasmBytes: number;
  /** Objects of the JS heap, sampled; `null` where the browser did not say. */
  readonly jsHeapBytes: number | null;
  /** With ArrayBuffers, WebAssembly's memory among them. */
  readonly jsHeapWithBuffersBytes: number | null;
}

export interface Exactness {
  /** Vectors that were compared. */
  readonly vectors: number;
  readonly meanCosine: number;
  readonly minCosine: number;
  /** Largest difference of a component of unit vectors. */
  readonly maxAbsDiff: number;
}
