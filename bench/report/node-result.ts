/** @file What `npm run bench:node` leaves: results of kind "node". Types only; described for readers in bench/node/README.md. */
import type { CopyPeak } from "../roofline/copy.ts";
import type { MatmulPeak } from "../roofline/matmul.ts";
import type { Exactness } from "./compare-result.ts";
import type { ResultFrame, Spread } from "./result.ts";

export interface NodeResult extends ResultFrame {
  readonly kind: "node";
  readonly size: "small" | "full";
  /** The adapter's own peak, timed in the same run; a part is `null` where the adapter cannot or it was left out. */
  readonly roofline: {
    readonly f32: MatmulPeak | null;
    readonly f16: MatmulPeak | null;
    readonly copy: CopyPeak | null;
  };
  readonly cells: readonly NodeCell[];
}

/** One model in one kind of activations, both contenders in one process. */
export interface NodeCell {
  /** Such as `4b`. */
  readonly shape: string;
  /** That were run: fewer than the shape's where `--layers` says so. */
  readonly layers: number;
  readonly bits: number;
  /** As asked for; what was run says `execution`. */
  readonly activations: "f32" | "f16";
  readonly strata: OpenedContender;
  readonly peer: OpenedContender;
  /** Why the process ended before its work; `null` when it did not. */
  readonly failure: string | null;
  readonly workloads: readonly NodeWorkload[];
}

export interface OpenedContender {
  /** Such as `webgpu f16 jspi, no subgroups`; `null` when it did not open. */
  readonly execution: string | null;
  readonly openMs: number | null;
  /** Against the pack's float64 answers. */
  readonly golden: Exactness | null;
  readonly failure: string | null;
}

export interface NodeWorkload {
  /** Such as `64 × 128`. */
  readonly title: string;
  readonly texts: number;
  readonly tokens: number;
  /** Multiplications and additions that the texts need, padding left out. */
  readonly flops: number;
  readonly entries: readonly NodeEntry[];
}

export interface NodeEntry {
  readonly contender: "strata" | "transformers.js";
  /** Texts a call of the peer; `null` where Strata was given all at once. */
  readonly batchSize: number | null;
  /** How it failed, in the runtime's words; then the rest is `null`. */
  readonly failure: string | null;
  readonly ms: Spread | null;
  readonly tokensPerSecond: Spread | null;
  /** Of `flops`, at the median time. */
  readonly flopsPerSecond: number | null;
  /** Before the workload: weights, and what the runtime keeps. */
  readonly idleVramBytes: number | null;
  readonly peakVramBytes: number | null;
  /** The peer's vectors against Strata's. */
  readonly againstStrata: Exactness | null;
}
