/** @file Vectors as they are; products in float64. */
import type { Coding, ScoreRun } from "./coding.ts";
import { dot } from "./dot.ts";
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
