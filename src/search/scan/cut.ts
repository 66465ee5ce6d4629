/** @file Matryoshka cut and L2, and the query that a view compares. Pure. */
import { assert, EmbedError } from "../../errors.ts";

/**
 * The first `dimensions` components of each row, then L2 again. A row of zeros stays one.
 *
 * @param rows - `[N, width]`, row-major.
 * @returns `[N, dimensions]`, a copy.
 * @throws {EmbedError} `numeric-fault` with `row` for NaN or infinity.
 */
export function cutAndNormalize(rows: Float32Array, width: number, dimensions: number): Float32Array {
  assert(
    dimensions >= 1 && dimensions <= width && rows.length % width === 0,
    `${rows.length} components, rows of ${width}, ${dimensions} kept`,
  );
  const count = rows.length / width;
  const out = new Float32Array(count * dimensions);
  for (let row = 0; row < count; row++) {
    const from = row * width;
    const to = row * dimensions;
    let sum = 0;
    for (let i = 0; i < dimensions; i++) sum += rows[from + i]! * rows[from + i]!;
    if (!(sum < Infinity)) {
      throw new EmbedError("numeric-fault", `vector ${row} has the squared length ${sum}`, {
        details: { row, squareSum: sum },
      });
    }
    const factor = sum > 0 ? 1 / Math.sqrt(sum) : 0;
    for (let i = 0; i < dimensions; i++) out[to + i] = rows[from + i]! * factor;
  }
  return out;
}

/**
 * A query as a view of so many dimensions compares it.
 *
 * @param query - `[storedDimensions]`, any length but 0.
 * @returns `[dimensions]`, of length 1.
 * @throws {EmbedError} `index-mismatch` for too few components; `invalid-input` where those that are kept have no
 *   direction.
 */
export function cutQuery(query: Float32Array, dimensions: number): Float32Array {
  if (query.length < dimensions) {
    throw new EmbedError("index-mismatch", `the query has ${query.length} dimensions, the index ${dimensions}`, {
      details: { what: "dimensions", expected: dimensions, actual: query.length },
    });
  }
  let sum = 0;
  for (let i = 0; i < dimensions; i++) sum += query[i]! * query[i]!;
  if (!(sum > 0 && sum < Infinity)) {
    throw new EmbedError("invalid-input", `the query vector has length ${Math.sqrt(sum)}`, {
      details: { length: Math.sqrt(sum), dimensions },
    });
  }
  return cutAndNormalize(query, query.length, dimensions);
}
