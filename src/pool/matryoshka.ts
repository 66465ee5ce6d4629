/** @file Matryoshka cut: the first dimensions of an embedding are an embedding. Pure. */

import { assert, EmbedError } from "../errors.ts";

/**
 * Checks a request's `dimensions` before any work is done for it.
 *
 * @param range - The pack's `dimensions`.
 * @throws {EmbedError} `invalid-input` with `dimensions`, `min` and `max`, unless it is an integer in the range.
 */
export function assertDimensions(dimensions: number, range: { readonly min: number; readonly max: number }): void {
  const { min, max } = range;
  if (Number.isInteger(dimensions) && dimensions >= min && dimensions <= max) return;
  throw new EmbedError(
    "invalid-input",
    `dimensions is ${String(dimensions)}, must be an integer from ${min} to ${max}`,
    {
      details: { dimensions, min, max },
    },
  );
}

/**
 * The first `dimensions` components of each row; no longer of length 1.
 *
 * @param rows - `[N, width]`, row-major.
 * @param width - Components of a row, at least `dimensions`.
 * @returns `[N, dimensions]`, a copy.
 */
export function truncate(rows: Float32Array, width: number, dimensions: number): Float32Array {
  assert(
    dimensions <= width && rows.length % width === 0,
    `${rows.length} elements, rows of ${width}, ${dimensions} kept`,
  );
  const count = rows.length / width;
  const out = new Float32Array(count * dimensions);
  for (let row = 0; row < count; row++) {
    out.set(rows.subarray(row * width, row * width + dimensions), row * dimensions);
  }
  return out;
}
