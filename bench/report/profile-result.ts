/** @file What `npm run bench:profile` leaves: results of kind "profile". Types only; described for readers in bench/results/README.md. */
import type { DispatchRecord } from "../profile/dispatch-timer.ts";
import type { ResultFrame, Spread } from "./result.ts";

export interface ProfileResult extends ResultFrame {
  readonly kind: "profile";
  /** How it ran, such as `webgpu f32 jspi`. */
  readonly execution: string;
  /** Of the layers that were run, and of the model that they are of. */
  readonly layers: { readonly run: number; readonly model: number };
  /** The adapter's own; `null` on WASM. */
  readonly peaks: { readonly flopsPerSecond: number; readonly bytesPerSecond: number } | null;
  readonly lengths: readonly LengthProfile[];
  /** Of a load with all known answers, and of one with the short ones; `null` where the pack was cut. */
  readonly selfCheck: { readonly fullMs: Spread; readonly briefMs: Spread } | null;
}

/** One text of so many tokens. Milliseconds of a run: one layer. */
export interface LengthProfile {
  readonly tokens: number;
  /** Of a layer but the last, by the graph for whole sequences. */
  readonly wholeMs: Spread;
  /** The same by the graph for slices, whose keys and values are kept. */
  readonly slicedMs: Spread;
  /** Of the last layer, of which one row is wanted. */
  readonly lastMs: Spread;
  /** Of one layer, by the model's arithmetic. */
  readonly flops: { readonly linear: number; readonly attention: number };
  readonly weightBytes: number;
  /** Of a run by the graph for whole sequences, the longest first; empty without timestamps. */
  readonly kernels: readonly DispatchRecord[];
}
