/** @file Last-token rows → unit vectors: final norm, Matryoshka cut, L2; a row without a direction harms no other. Pure. */
import { EmbedError } from "../errors.ts";
import type { FaultyRows } from "../types.ts";
import { finalNorm } from "./final-norm.ts";
import { truncate } from "./matryoshka.ts";
import { normalize } from "./normalize.ts";

export interface PoolOptions {
  /** Gain of the final norm; `[H]`. */
  readonly gain: Float32Array;
  /** `rms_norm_eps`. */
  readonly eps: number;
  readonly dimensions: number;
  readonly faultyRows: FaultyRows;
}

/**
 * Whether a row can become a vector: every component finite, not all of them zero.
 *
 * @param row - Hidden state of a last token; `[H]`.
 */
export function hasDirection(row: Float32Array): boolean {
  let sum = 0;
  for (const component of row) sum += component ** 2;
  return sum > 0 && sum < Infinity;
}

/**
 * @param rows - Hidden states of last tokens; `[H]` each.
 * @returns `vectors` `[rows.length, dimensions]`, and the indices of those rows that are zeros for want of a direction.
 * @throws {EmbedError} `numeric-fault` with `index` for such a row where `faultyRows` is "reject".
 */
export function poolRows(
  rows: readonly Float32Array[],
  options: PoolOptions,
): { readonly vectors: Float32Array; readonly faulty: Int32Array } {
  const { gain, eps, dimensions, faultyRows } = options;
  const vectors = new Float32Array(rows.length * dimensions);
  const faulty: number[] = [];
  rows.forEach((row, index) => {
    try {
      const normed = finalNorm(row, gain, eps);
      vectors.set(normalize(truncate(normed, gain.length, dimensions), dimensions), index * dimensions);
    } catch (error) {
      if (!(error instanceof EmbedError)) throw error;
      if (faultyRows === "reject") throw withIndex(error, index);
      faulty.push(index);
    }
  });
  return { vectors, faulty: Int32Array.from(faulty) };
}

/** The row was the only one where it failed; in the request it has a number. */
function withIndex(error: EmbedError, index: number): EmbedError {
  const details = { ...error.details, index, row: index };
  return new EmbedError(error.code, `text ${index} has no vector: ${error.message}`, { details, cause: error });
}
