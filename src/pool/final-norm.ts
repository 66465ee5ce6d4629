/** @file The model's final norm, on pooled rows alone. Pure; no I/O, no GPU. */

import { assert, EmbedError } from "../errors.ts";

/**
 * Root-mean-square norm of each pooled row, then the learned gain. Sums run in float64.
 *
 * @param rows - Last-token hidden states; `[N, H]`, row-major float32.
 * @param gain - `model.norm.weight`; `[H]`.
 * @param eps - `rms_norm_eps`, added to the mean square.
 * @returns `[N, H]`, not yet L2-normalized.
 * @throws {EmbedError} `numeric-fault` with `row` when a row holds NaN or infinity, or nothing but zeros.
 * @see https://github.com/huggingface/transformers/blob/v4.51.0/src/transformers/models/qwen3/modeling_qwen3.py
 *   (`Qwen3RMSNorm`, behaviour matched)
 */
export function finalNorm(rows: Float32Array, gain: Float32Array, eps: number): Float32Array {
  const width = gain.length;
  assert(rows.length % width === 0, `${rows.length} elements are no rows of ${width}`);
  const out = new Float32Array(rows.length);
  for (let start = 0; start < rows.length; start += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += rows[start + i]! ** 2;
    if (!(sum > 0 && sum < Infinity)) throw faultyRow(start / width, sum);
    const factor = 1 / Math.sqrt(sum / width + eps);
    for (let i = 0; i < width; i++) out[start + i] = rows[start + i]! * factor * gain[i]!;
  }
  return out;
}

function faultyRow(row: number, squareSum: number): EmbedError {
  const what = squareSum === 0 ? "is all zeros" : "is not finite";
  return new EmbedError("numeric-fault", `hidden state of row ${row} ${what}`, { details: { row, squareSum } });
}
