/** @file Reading an EmbeddingMatrix row by row. Pure. */
import { EmbedError } from "./errors.ts";
import type { EmbeddingMatrix, OutputArrays, OutputType } from "./types.ts";

/**
 * One embedding of a result, as a view: no copy.
 *
 * @param row - 0 … rows − 1.
 * @returns `[dimensions]`; binary: `[ceil(dimensions / 8)]`.
 * @throws {EmbedError} `invalid-input` when there is no such row.
 */
export function rowOf<O extends OutputType>(matrix: EmbeddingMatrix<O>, row: number): OutputArrays[O] {
  const { data, rows } = matrix;
  if (!Number.isInteger(row) || row < 0 || row >= rows) {
    throw new EmbedError("invalid-input", `row ${row} of a matrix with ${rows} rows`, { details: { row, rows } });
  }
  const width = data.length / rows;
  return data.subarray(row * width, (row + 1) * width) as OutputArrays[O];
}
