/** @file Vectors in half precision; products in float64. */
import type { Coding, ScoreRun } from "./coding.ts";
import { floatsToHalves, HALF_VALUES } from "../../float16.ts";
import { RowChunks, rowsInChunk } from "./row-chunks.ts";

/** 2 bytes a component; a cosine moves by under 1e-3. */
export class Float16Coding implements Coding {
  readonly rowsPerChunk: number;
  readonly #dimensions: number;
  readonly #halves: RowChunks<Uint16Array>;

  constructor(dimensions: number) {
    this.#dimensions = dimensions;
    this.rowsPerChunk = rowsInChunk(2 * dimensions);
    this.#halves = new RowChunks({ type: Uint16Array, width: dimensions, rowsPerChunk: this.rowsPerChunk });
  }

  get rows(): number {
    return this.#halves.rows;
  }

  get bytes(): number {
    return this.#halves.bytes;
  }

  append(vectors: Float32Array): void {
    const width = this.#dimensions;
    this.#halves.reserve(vectors.length / width);
    for (let at = 0; at < vectors.length; at += width) {
      floatsToHalves(vectors.subarray(at, at + width), this.#halves.next());
    }
  }

  compare(query: Float32Array): ScoreRun {
    return ({ chunk, from, to }, scores) => {
      const halves = this.#halves.chunk(chunk);
      for (let row = from; row < to; row++) scores[row - from] = dotHalves(halves, row * query.length, query);
    };
  }
}

/** As `dot`, the row in bits of float16. */
function dotHalves(halves: Uint16Array, start: number, vector: Float32Array): number {
  const values = HALF_VALUES;
  const whole = vector.length - (vector.length % 4);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = 0; i < whole; i += 4) {
    a += values[halves[start + i]!]! * vector[i]!;
    b += values[halves[start + i + 1]!]! * vector[i + 1]!;
    c += values[halves[start + i + 2]!]! * vector[i + 2]!;
    d += values[halves[start + i + 3]!]! * vector[i + 3]!;
  }
  for (let i = whole; i < vector.length; i++) a += values[halves[start + i]!]! * vector[i]!;
  return a + b + (c + d);
}
