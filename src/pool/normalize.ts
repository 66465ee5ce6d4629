/** @file L2 normalization: rows of length 1. Pure. */

import { assert, EmbedError } from "../errors.ts";

/**
 * Each row divided by its length. Sums run in float64.
 *
 * @param rows - `[N, dimensions]`, row-major.
 * @returns `[N, dimensions]`, a copy.
 * @throws {EmbedError} `numeric-fault` with `row` when a row has no direction: zeros, NaN or infinity.
 */
export function normalize(rows: Float32Array, dimensions: number): Float32Array {
  assert(rows.length % dimensions === 0, `${rows.length} elements are no rows of ${dimensions}`);
  const out = new Float32Array(rows.length);
  for (let start = 0; start < rows.length; start += dimensions) {
    let sum = 0;
    for (let i = 0; i < dimensions; i++) sum += rows[start + i]! ** 2;
    if (!(sum > 0 && sum < Infinity)) {
      const row = start / dimensions;
      throw new EmbedError("numeric-fault", `embedding ${row} has no direction, its squared length is ${sum}`, {
        details: { row, squareSum: sum },
      });
    }
    const factor = 1 / Math.sqrt(sum);
    for (let i = 0; i < dimensions; i++) out[start + i] = rows[start + i]! * factor;
  }
  return out;
}
