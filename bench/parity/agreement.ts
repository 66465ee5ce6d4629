/** @file How close vectors are to references. Pure. */
import type { Agreement } from "./parity-result.ts";

/**
 * @param actual - Vectors of length 1 to float32; `[H]` each, at least one.
 * @param expected - Unit vectors in float64, as many.
 * @returns A component that is not finite makes the difference infinite and the cosine −1.
 */
export function agreement(
  actual: readonly (Float32Array | Float64Array)[],
  expected: readonly Float64Array[],
): Agreement {
  let [cosines, minCosine, maxAbsDiff] = [0, 1, 0];
  for (const [i, vector] of actual.entries()) {
    const { cosine, absDiff } = compare(vector, expected[i]!);
    cosines += cosine;
    minCosine = Math.min(minCosine, cosine);
    maxAbsDiff = Math.max(maxAbsDiff, absDiff);
  }
  return { meanCosine: cosines / actual.length, minCosine, maxAbsDiff };
}

function compare(actual: Float32Array | Float64Array, expected: Float64Array) {
  let [dot, squares, absDiff] = [0, 0, 0];
  for (const [i, value] of expected.entries()) {
    const component = actual[i] ?? NaN;
    dot += component * value;
    squares += component * component;
    // NaN would slip through a maximum.
    absDiff = Math.max(absDiff, Number.isFinite(component) ? Math.abs(component - value) : Infinity);
  }
  // The last bit of a root would show as a cosine above 1.
  const cosine = Math.min(1, dot / Math.sqrt(squares));
  return { cosine: Number.isFinite(cosine) ? cosine : -1, absDiff };
}
