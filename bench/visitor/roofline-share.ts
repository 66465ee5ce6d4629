/** @file How close a workload comes to what the adapter was measured to do. Pure. */
import { runFlops } from "../../src/batch/cost.ts";
import type { Architecture, PackManifest } from "../../src/pack.ts";
import type { EntryResult, WorkloadResult } from "../report/compare-result.ts";

/** The adapter's own peaks, measured in this page. */
export interface Peaks {
  readonly f32FlopsPerSecond: number;
  /** `null`: the adapter has no `shader-f16`. */
  readonly f16FlopsPerSecond: number | null;
  /** Memory traffic of a buffer copy: bytes read and bytes written. */
  readonly bytesPerSecond: number;
}

export interface RooflineShare {
  readonly title: string;
  readonly contender: EntryResult["contender"];
  readonly mode: EntryResult["mode"];
  readonly flopsPerSecond: number;
  /** Of the peak of the activations' type. */
  readonly ofArithmetic: number;
  /** The weights' bytes, once a query; `null` where texts share a run. */
  readonly bytesPerSecond: number | null;
  readonly ofBandwidth: number | null;
}

/** Multiplications and additions of all layers over whole sequences of these lengths. */
export function flopsOf(architecture: Architecture, lengths: readonly number[]): number {
  const layer = lengths.reduce((sum, length) => {
    const slices = [{ sequence: 0, start: 0, length }];
    return sum + runFlops(architecture, { slices, tokenCount: length, sliced: false });
  }, 0);
  return architecture.num_hidden_layers * layer;
}

/** Of all layers: what each query has to read at least. */
export function layerWeightBytes({ tensors }: Pick<PackManifest, "tensors">): number {
  return tensors.filter(({ name }) => name.startsWith("layers.")).reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Shares of both contenders: the real tokens' arithmetic, whatever a contender pads.
 *
 * @param lengths - Of the workload's texts, in tokens.
 * @returns None for what has no times of its own, such as cold starts.
 */
export function sharesOf(
  workload: WorkloadResult,
  lengths: readonly number[],
  { manifest, peaks, activations }: Model,
): RooflineShare[] {
  if (!TIMED.includes(workload.kind)) return [];
  const peak = (activations === "f16" ? peaks.f16FlopsPerSecond : null) ?? peaks.f32FlopsPerSecond;
  const flops = flopsOf(manifest.architecture, lengths);
  const bytes = workload.kind === "one-query" ? layerWeightBytes(manifest) * lengths.length : null;
  return workload.entries.flatMap(({ contender, mode, ms }) => {
    if (!ms) return [];
    const seconds = ms.median / 1000;
    const bytesPerSecond = bytes === null ? null : bytes / seconds;
    return {
      title: workload.title,
      contender,
      mode,
      flopsPerSecond: flops / seconds,
      ofArithmetic: flops / seconds / peak,
      bytesPerSecond,
      ofBandwidth: bytesPerSecond === null ? null : bytesPerSecond / peaks.bytesPerSecond,
    };
  });
}

/** What shares are of. */
export interface Model {
  readonly manifest: PackManifest;
  readonly peaks: Peaks;
  readonly activations: "f32" | "f16";
}

const TIMED: readonly WorkloadResult["kind"][] = ["one-query", "mixed-lengths", "equal-lengths", "long-text"];
