/** @file Exact nearest neighbours: every vector of the index is compared with the query. */

import { EmbedError } from "../errors.ts";
import type { EmbeddingMatrix } from "../types.ts";
import { mismatch } from "./mismatch.ts";
import { dot } from "./scan/dot.ts";
import { TopK } from "./top-k.ts";
import type { Hit } from "./top-k.ts";

/** Rows that a new index has room for; it doubles from there. */
const FIRST_ROWS = 64;
/** Float32 rounding moves the length of a unit vector by under 1e-6; anything near this is no embedding. */
const UNIT_NORM_TOLERANCE = 1e-3;
const DEFAULT_TOP_K = 10;

export interface FlatIndexOptions {
  /** Embedding-space id that every vector must share, as `EmbeddingMatrix.space`. */
  readonly space: string;
  /** Components of every vector. */
  readonly dimensions: number;
}

export interface FlatSearchOptions {
  /** Most hits to return; an integer ≥ 1. @default 10 */
  readonly topK?: number;
  /** Which row of a query matrix. @default 0 */
  readonly row?: number;
}

/** Unit vectors of one embedding space in one block of memory, searched by a full scan. */
export class FlatIndex {
  readonly space: string;
  readonly dimensions: number;
  #vectors: Float32Array;
  #rows = 0;

  /** @throws {EmbedError} `invalid-input` unless `dimensions` is an integer ≥ 1. */
  constructor({ space, dimensions }: FlatIndexOptions) {
    assertPositiveInteger("dimensions", dimensions);
    this.space = space;
    this.dimensions = dimensions;
    this.#vectors = new Float32Array(0);
  }

  /** Vectors in the index. */
  get rows(): number {
    return this.#rows;
  }

  /**
   * Copies all rows of a matrix to the end of the index, or none when it throws.
   *
   * @param matrix - As `embed` returns it: unit vectors, `[rows, dimensions]`.
   * @returns The row that the first of them got; the others follow.
   * @throws {EmbedError} `index-mismatch` for another space or other dimensions; `invalid-input` with `row` for a
   *   vector that is not of length 1, or an output other than float32; `out-of-memory`.
   */
  add(matrix: EmbeddingMatrix): number {
    this.#assertSame(matrix);
    assertUnit(matrix);
    const first = this.#rows;
    this.#reserve(first + matrix.rows);
    this.#vectors.set(matrix.data, first * this.dimensions);
    this.#rows += matrix.rows;
    return first;
  }

  /**
   * The vectors most similar to a query by cosine, computed exactly.
   *
   * @param query - A matrix (its row 0, or `row`), or one vector of any length but 0, `[dimensions]`. A plain vector
   *   carries no space id: that it belongs to the index's space is the caller's word.
   * @returns At most `topK` hits, best first, equal scores by ascending row; none from an empty index.
   * @throws {EmbedError} `index-mismatch` for another space or other dimensions; `invalid-input` for a `topK` or `row`
   *   out of range, or a vector without direction.
   */
  search(query: Float32Array | EmbeddingMatrix, options: FlatSearchOptions = {}): Hit[] {
    const { topK = DEFAULT_TOP_K, row = 0 } = options;
    assertPositiveInteger("topK", topK);
    const vector = this.#toUnit(query instanceof Float32Array ? query : this.#rowOf(query, row));
    const best = new TopK(topK);
    for (let i = 0; i < this.#rows; i++) best.offer(i, dot(this.#vectors, i * this.dimensions, vector));
    return best.toSorted();
  }

  #rowOf(matrix: EmbeddingMatrix, row: number): Float32Array {
    this.#assertSame(matrix);
    if (!Number.isInteger(row) || row < 0 || row >= matrix.rows) {
      throw new EmbedError("invalid-input", `row is ${row}, the query has ${matrix.rows} rows`, {
        details: { row, rows: matrix.rows },
      });
    }
    return matrix.data.subarray(row * this.dimensions, (row + 1) * this.dimensions);
  }

  #toUnit(vector: Float32Array): Float32Array {
    if (vector.length !== this.dimensions) throw mismatch("dimensions", this.dimensions, vector.length);
    const length = Math.sqrt(dot(vector, 0, vector));
    if (!(length > 0 && length < Infinity)) {
      throw new EmbedError("invalid-input", `the query vector has length ${length}`, { details: { length } });
    }
    return vector.map((component) => component / length);
  }

  #assertSame(matrix: EmbeddingMatrix): void {
    // The type says so, but a caller in JavaScript has none.
    const output: string = matrix.output;
    if (output !== "float32") {
      throw new EmbedError("invalid-input", `output is ${output}, the index takes float32`, { details: { output } });
    }
    if (matrix.space !== this.space) throw mismatch("space", this.space, matrix.space);
    if (matrix.dimensions !== this.dimensions) throw mismatch("dimensions", this.dimensions, matrix.dimensions);
  }

  #reserve(rows: number): void {
    const needed = rows * this.dimensions;
    if (needed <= this.#vectors.length) return;
    const size = Math.max(needed, 2 * this.#vectors.length, FIRST_ROWS * this.dimensions);
    try {
      const larger = new Float32Array(size);
      larger.set(this.#vectors.subarray(0, this.#rows * this.dimensions));
      this.#vectors = larger;
    } catch (cause) {
      throw new EmbedError("out-of-memory", `no memory for ${4 * size} bytes of vectors`, {
        cause,
        details: { rows, sizeBytes: 4 * size },
      });
    }
  }
}

function assertPositiveInteger(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new EmbedError("invalid-input", `${name} is ${value}, must be an integer of at least 1`, {
    details: { [name]: value },
  });
}

function assertUnit({ data, rows, dimensions }: EmbeddingMatrix): void {
  if (data.length !== rows * dimensions) {
    throw new EmbedError("invalid-input", `${data.length} components are not ${rows} rows of ${dimensions}`, {
      details: { rows, dimensions, components: data.length },
    });
  }
  for (let row = 0; row < rows; row++) {
    const vector = data.subarray(row * dimensions, (row + 1) * dimensions);
    const length = Math.sqrt(dot(vector, 0, vector));
    // Written so that NaN fails it too.
    if (!(Math.abs(length - 1) <= UNIT_NORM_TOLERANCE)) {
      throw new EmbedError("invalid-input", `vector ${row} has length ${length}, not 1`, { details: { row, length } });
    }
  }
}
