/** @file What a benchmark leaves in `bench/results/`: the frame that all kinds share. Types only; docs/benchmarks.md is rendered from these. */
import type { AdapterFacts } from "../../src/types.ts";

/** Raised whenever a field changes its meaning. */
export const RESULT_VERSION = 1;

/** What was measured: one section of docs/benchmarks.md each. */
export type ResultKind = "compare" | "parity" | "node" | "profile" | "search" | "index";

/** Where it was measured. */
export interface Machine {
  /** Logical processors. */
  readonly cpus: number;
  readonly cpuModel: string;
  readonly memoryBytes: number;
  /** `process.platform` and `process.arch`, or what a browser says of itself. */
  readonly platform: string;
}

/** What all results say about themselves. */
export interface ResultFrame {
  readonly schema: "strata-bench";
  readonly version: typeof RESULT_VERSION;
  readonly kind: ResultKind;
  /** ISO 8601, UTC, of the start. */
  readonly date: string;
  /** The command that makes it again. */
  readonly command: string;
  /** Of the repository; `+` behind it when the tree had changes. `null` outside a checkout. */
  readonly commit: string | null;
  readonly machine: Machine;
  /** Such as `Chromium 156.0.8078.108` or `Node 20.19.0`. */
  readonly host: string;
  /** `null`: no adapter, or none used. */
  readonly adapter: AdapterFacts | null;
  /** Package versions by name: onnxruntime-web, @huggingface/transformers, webgpu, strata-embed. */
  readonly versions: Readonly<Record<string, string>>;
  /** Name and bits of the model's pack. */
  readonly model: string;
  /** What a reader must know before believing it: load on the machine, thermals, warm-up. One sentence each. */
  readonly notes: readonly string[];
}

/** Samples of one quantity, of several rounds. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly samples: number;
}
