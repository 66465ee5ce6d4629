/** @file Candidates compared anew by their stored vectors, and how many that takes. Pure. */
import { assert } from "../../errors.ts";
import type { Precision } from "../../search-types.ts";
import type { Candidate } from "./coding.ts";
import { cutQuery } from "./cut.ts";
import { dot } from "./dot.ts";

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

/**
 * Candidates for each hit that is wanted, where the view has all dimensions. Measured by `npm run bench:search`, recall@10
 * at 100,000 × 1,024: int8 finds 1.000 with 30 candidates and binary 1.000 with 200 in embedding-like vectors. In the worst
 * case, independent Gaussian components, 1.000 and 0.66: binary would take 3,000 candidates there.
 */
const PER_HIT: Readonly<Record<Precision, number>> = { float32: 1, float16: 2, int8: 3, binary: 10 };

/** Signs need some more even for a few hits: the eleventh candidate is as likely a hit as the tenth. */
const BINARY_EXTRA = 100;

/**
 * A cut to 1 ÷ r of the dimensions takes r to this power for each hit: 30, 300 and 1,000 candidates gave 0.98 or more at
 * 1 ÷ 2, 1 ÷ 4 and 1 ÷ 8. Signs know less of each dimension that is left, and take so many times as many.
 */
const CUT_POWER = 2.5;
const BINARY_CUT_FACTOR = 3;

/**
 * Most candidates: so many stored vectors of 4 KiB are 8 MB to read for one query. Reached at a cut to 1 ÷ 8 (binary:
 * 1 ÷ 6); recall falls from there on, to 0.91 at 1 ÷ 16 (binary: 0.76).
 */
const MOST_CANDIDATES = 2000;

/**
 * How many candidates are to be rescored so that nearly all of the exact topK are among them.
 *
 * @param dimensions - Of the view.
 * @returns At least `topK`.
 */
export function candidateCount(
  precision: Precision,
  dimensions: number,
  { storedDimensions, topK }: { readonly storedDimensions: number; readonly topK: number },
): number {
  const cut = (storedDimensions / dimensions) ** CUT_POWER * (precision === "binary" ? BINARY_CUT_FACTOR : 1);
  const extra = precision === "binary" ? BINARY_EXTRA : 0;
  const wanted = extra + Math.ceil(topK * Math.max(PER_HIT[precision], cut));
  return Math.max(topK, Math.min(wanted, MOST_CANDIDATES));
}
