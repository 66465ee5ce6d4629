/** @file Vectors as they are; products in float64. */
import type { Coding, ScoreRun } from "./coding.ts";
import { RowChunks, rowsInChunk } from "./row-chunks.ts";

/** 4 bytes a component; exact. */
export class Float32Coding implements Coding {
  readonly rowsPerChunk: number;
  readonly #dimensions: number;
  readonly #vectors: RowChunks<Float32Array>;

  constructor(dimensions: number) {
    this.#dimensions = dimensions;
    this.rowsPerChunk = rowsInChunk(4 * dimensions);
    this.#vectors = new RowChunks({ type: Float32Array, width: dimensions, rowsPerChunk: this.rowsPerChunk });
  }

  get rows(): number {
    return this.#vectors.rows;
  }

  get bytes(): number {
    return this.#vectors.bytes;
  }

  append(vectors: Float32Array): void {
    const width = this.#dimensions;
    this.#vectors.reserve(vectors.length / width);
    for (let at = 0; at < vectors.length; at += width) this.#vectors.next().set(vectors.subarray(at, at + width));
  }

  compare(query: Float32Array): ScoreRun {
    return ({ chunk, from, to }, scores) => {
      const vectors = this.#vectors.chunk(chunk);
      for (let row = from; row < to; row++) scores[row - from] = dot(vectors, row * query.length, query);
    };
  }
}

/**
 * Product of a row with a vector, in float64. Four sums, for one alone waits for each addition.
 *
 * @param matrix - Holds a row from `start`.
 * @param vector - `[dimensions]`.
 */
export function dot(matrix: Float32Array, start: number, vector: Float32Array): number {
  const whole = vector.length - (vector.length % 4);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = 0; i < whole; i += 4) {
    a += matrix[start + i]! * vector[i]!;
    b += matrix[start + i + 1]! * vector[i + 1]!;
    c += matrix[start + i + 2]! * vector[i + 2]!;
    d += matrix[start + i + 3]! * vector[i + 3]!;
  }
  for (let i = whole; i < vector.length; i++) a += matrix[start + i]! * vector[i]!;
  return a + b + (c + d);
}
