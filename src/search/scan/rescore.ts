/** @file Candidates compared anew by their stored vectors, and how many that takes. Pure. */
import { assert } from "../../errors.ts";
import type { Precision } from "../../search-types.ts";
import type { Candidate } from "./coding.ts";
import { cutQuery } from "./cut.ts";
import { dot } from "./float32-coding.ts";

/**
 * The same candidates by their exact cosine.
 *
 * @param rows - Stored vectors of the candidates, in their order; `[candidates, dimensions]`.
 * @param query - `[dimensions]`, any length but 0.
 * @returns Best first, equal scores by ascending row.
 * @throws {EmbedError} `invalid-input` for a query without direction.
 */
export function rescore(candidates: readonly Candidate[], rows: Float32Array, query: Float32Array): Candidate[] {
  const width = query.length;
  assert(rows.length === candidates.length * width, `${rows.length} components for ${candidates.length} of ${width}`);
  const unit = cutQuery(query, width);
  const rescored = candidates.map(({ row }, index) => {
    const vector = rows.subarray(index * width, (index + 1) * width);
    const length = Math.sqrt(dot(vector, 0, vector));
    return { row, score: length > 0 ? dot(vector, 0, unit) / length : 0 };
  });
  return rescored.sort((a, b) => b.score - a.score || a.row - b.row);
}

/** Candidates for each hit that is wanted, and at least so many; see `candidateCount`. */
const CANDIDATES: Readonly<Record<Precision, { readonly perHit: number; readonly least: number }>> = {
  float32: { perHit: 1, least: 0 },
  float16: { perHit: 2, least: 20 },
  int8: { perHit: 3, least: 30 },
  binary: { perHit: 20, least: 200 },
};

/**
 * How many candidates are to be rescored so that the exact topK are among them.
 *
 * @param dimensions - Of the view.
 */
export function candidateCount(
  precision: Precision,
  dimensions: number,
  { storedDimensions, topK }: { readonly storedDimensions: number; readonly topK: number },
): number {
  const { perHit, least } = CANDIDATES[precision];
  return Math.max(least, perHit * topK) * (dimensions < storedDimensions ? 4 : 1);
}
