/** @file Vectors in 8-bit codes with a scale a row; products in whole numbers. */
import type { Coding, ScoreRun } from "./coding.ts";
import { openInt8Kernel, ROW_STEP, type Int8Kernel } from "./int8-kernel.ts";
import { RowChunks, rowsInChunk } from "./row-chunks.ts";

/** The largest code; −128 is left out so that codes are symmetric. */
const MAX_CODE = 127;
/** Largest code of the query: 16 bits cost no more than 8, and leave the row's rounding as the only one that counts. */
const MAX_QUERY_CODE = 32767;
const MAX_SUM = 2 ** 31 - 1;

/** 1 byte a component and 4 a row; rows end in zeros up to the kernel's step. */
export class Int8Coding implements Coding {
  readonly rowsPerChunk: number;
  readonly #dimensions: number;
  readonly #width: number;
  readonly #kernel: Int8Kernel;
  readonly #codes: RowChunks<Int8Array>;
  #sums = new Int32Array(0);
  readonly #scales: RowChunks<Float32Array>;

  constructor(dimensions: number) {
    const width = Math.ceil(dimensions / ROW_STEP) * ROW_STEP;
    const rowsPerChunk = rowsInChunk(width);
    this.rowsPerChunk = rowsPerChunk;
    this.#dimensions = dimensions;
    this.#width = width;
    this.#kernel = openInt8Kernel(width);
    this.#codes = new RowChunks({ type: Int8Array, width, rowsPerChunk });
    this.#scales = new RowChunks({ type: Float32Array, width: 1, rowsPerChunk });
  }

  get rows(): number {
    return this.#codes.rows;
  }

  get bytes(): number {
    return this.#codes.bytes + this.#scales.bytes;
  }

  append(vectors: Float32Array): void {
    const width = this.#dimensions;
    this.#codes.reserve(vectors.length / width);
    this.#scales.reserve(vectors.length / width);
    for (let at = 0; at < vectors.length; at += width) {
      this.#scales.next()[0] = codeRow(vectors.subarray(at, at + width), this.#codes.next());
    }
  }

  compare(query: Float32Array): ScoreRun {
    const width = this.#width;
    const { codes, scale } = codeQuery(query, width);
    return ({ chunk, from, to }, scores) => {
      if (this.#sums.length < to - from) this.#sums = new Int32Array(scores.length);
      const sums = this.#sums;
      const scales = this.#scales.chunk(chunk);
      this.#kernel.multiply(this.#codes.chunk(chunk).subarray(from * width, to * width), codes, sums);
      for (let row = from; row < to; row++) scores[row - from] = sums[row - from]! * (scale * scales[row]!);
    };
  }
}

/** @returns The scale: a component is about code · scale, off by at most half a scale. */
function codeRow(vector: Float32Array, codes: Int8Array): number {
  let largest = 0;
  for (let i = 0; i < vector.length; i++) largest = Math.max(largest, Math.abs(vector[i]!));
  if (largest === 0) return 0;
  const factor = MAX_CODE / largest;
  for (let i = 0; i < vector.length; i++) codes[i] = Math.round(vector[i]! * factor);
  return largest / MAX_CODE;
}

/** Codes as large as 16 bits allow, and a sum of products with any row that 32 bits hold. */
function codeQuery(query: Float32Array, width: number): { readonly codes: Int16Array; readonly scale: number } {
  let largest = 0;
  let sum = 0;
  for (const component of query) {
    largest = Math.max(largest, Math.abs(component));
    sum += Math.abs(component);
  }
  // Rounding adds at most a half to each code.
  const room = MAX_SUM / MAX_CODE - query.length / 2;
  const factor = Math.min(MAX_QUERY_CODE / largest, room / sum);
  const codes = new Int16Array(width);
  for (let i = 0; i < query.length; i++) codes[i] = Math.round(query[i]! * factor);
  return { codes, scale: 1 / factor };
}
