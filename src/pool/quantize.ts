/** @file Smaller output types: 8-bit codes with a scale a row, or one sign bit a dimension. Pure. */

import { assert } from "../errors.ts";

/** The largest code; −128 is left out so that codes are symmetric. */
const MAX_CODE = 127;

/**
 * 8-bit codes of each row's own scale: value ≈ code · scale, off by at most half a scale.
 *
 * @param rows - Finite; `[N, dimensions]`, row-major.
 * @returns `codes` in −127…127, `[N, dimensions]`; `scales`, the row's largest magnitude / 127, `[N]`.
 */
export function quantizeInt8(
  rows: Float32Array,
  dimensions: number,
): { readonly codes: Int8Array; readonly scales: Float32Array } {
  const count = countRows(rows, dimensions);
  const codes = new Int8Array(rows.length);
  const scales = new Float32Array(count);
  for (let row = 0; row < count; row++) {
    const start = row * dimensions;
    let largest = 0;
    for (let i = start; i < start + dimensions; i++) largest = Math.max(largest, Math.abs(rows[i]!));
    scales[row] = largest / MAX_CODE;
    // Codes belong to the scale as it is stored. A row of zeros has scale 0 and codes 0.
    const scale = scales[row]!;
    for (let i = start; scale > 0 && i < start + dimensions; i++) {
      codes[i] = Math.max(-MAX_CODE, Math.min(MAX_CODE, Math.round(rows[i]! / scale)));
    }
  }
  return { codes, scales };
}

/**
 * One bit a dimension, 1 where the component is above 0, first dimension in the highest bit; bits past the last
 * dimension are 0.
 *
 * @param rows - `[N, dimensions]`, row-major.
 * @returns `[N, ceil(dimensions / 8)]`.
 * @see https://github.com/huggingface/sentence-transformers/blob/v4.1.0/sentence_transformers/quantization.py
 *   (`ubinary`, layout matched)
 */
export function quantizeBinary(rows: Float32Array, dimensions: number): Uint8Array {
  const count = countRows(rows, dimensions);
  const rowBytes = Math.ceil(dimensions / 8);
  const out = new Uint8Array(count * rowBytes);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < dimensions; i++) {
      if (rows[row * dimensions + i]! > 0) out[row * rowBytes + (i >> 3)]! |= 0x80 >> (i & 7);
    }
  }
  return out;
}

function countRows(rows: Float32Array, dimensions: number): number {
  assert(rows.length % dimensions === 0, `${rows.length} elements are no rows of ${dimensions}`);
  return rows.length / dimensions;
}
