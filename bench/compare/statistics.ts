/** @file Samples → what is said of them. Pure. */
import type { Exactness, Latency } from "../report/compare-result.ts";
import type { Spread } from "../report/result.ts";

/**
 * @param q - From 0 to 1; between two samples the value lies on the line through them.
 * @throws {RangeError} Without samples.
 */
export function quantile(samples: readonly number[], q: number): number {
  if (samples.length === 0) throw new RangeError("no samples");
  const sorted = [...samples].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (high - low) * (at - Math.floor(at));
}

/** @throws {RangeError} Without samples. */
export function spreadOf(samples: readonly number[]): Spread {
  return {
    median: quantile(samples, 0.5),
    least: quantile(samples, 0),
    most: quantile(samples, 1),
    samples: samples.length,
  };
}

/** @throws {RangeError} Without samples. */
export function latencyOf(samples: readonly number[]): Latency {
  return {
    p50: quantile(samples, 0.5),
    p95: quantile(samples, 0.95),
    most: quantile(samples, 1),
    samples: samples.length,
  };
}

/**
 * How far vectors are from their references; a vector without a reference is left out.
 *
 * @param vectors - `[N, dimensions]`, row-major.
 * @param references - One a row.
 * @returns `null` when there is no reference at all. What is not a number makes the worst of values.
 */
export function exactnessOf(
  vectors: ArrayLike<number>,
  references: readonly (ArrayLike<number> | null)[],
): Exactness | null {
  const size = vectors.length / references.length;
  const cosines: number[] = [];
  let maxAbsDiff = 0;
  references.forEach((reference, row) => {
    if (reference === null) return;
    const { cosine, difference } = compare(
      Array.from({ length: size }, (_, i) => vectors[row * size + i]!),
      reference,
    );
    cosines.push(cosine);
    maxAbsDiff = Math.max(maxAbsDiff, difference);
  });
  if (cosines.length === 0) return null;
  const meanCosine = cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length;
  return { vectors: cosines.length, meanCosine, minCosine: Math.min(...cosines), maxAbsDiff };
}

function compare(
  vector: readonly number[],
  reference: ArrayLike<number>,
): { readonly cosine: number; readonly difference: number } {
  let [dot, a, b, difference] = [0, 0, 0, 0];
  vector.forEach((value, i) => {
    const expected = reference[i]!;
    dot += value * expected;
    a += value * value;
    b += expected * expected;
    difference = Math.max(difference, Math.abs(value - expected));
  });
  const cosine = dot / Math.sqrt(a * b);
  // Unit vectors differ by 2 at most; a row of zeros or of NaN points nowhere.
  return Number.isFinite(cosine) ? { cosine, difference } : { cosine: -1, difference: 2 };
}
