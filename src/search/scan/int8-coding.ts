/** @file Vectors in 8-bit codes with a scale a row; products in whole numbers. */
import type { Coding, ScoreRun } from "./coding.ts";
import { RowChunks, rowsInChunk } from "./row-chunks.ts";

/** The largest code; −128 is left out so that codes are symmetric. */
const MAX_CODE = 127;
/** Largest code of the query: 16 bits cost no more than 8, and leave the row's rounding as the only one that counts. */
const MAX_QUERY_CODE = 32767;
const MAX_SUM = 2 ** 31 - 1;

/** 1 byte a component and 4 a row. */
export class Int8Coding implements Coding {
  readonly rowsPerChunk: number;
  readonly #dimensions: number;
  readonly #codes: RowChunks<Int8Array>;
  readonly #scales: RowChunks<Float32Array>;

  constructor(dimensions: number) {
    const rowsPerChunk = rowsInChunk(dimensions);
    this.rowsPerChunk = rowsPerChunk;
    this.#dimensions = dimensions;
    this.#codes = new RowChunks({ type: Int8Array, width: dimensions, rowsPerChunk });
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
    const { codes, scale } = codeQuery(query);
    return ({ chunk, from, to }, scores) => {
      const rows = this.#codes.chunk(chunk);
      const scales = this.#scales.chunk(chunk);
      for (let row = from; row < to; row++) {
        scores[row - from] = dotCodes(rows, row * codes.length, codes) * (scale * scales[row]!);
      }
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
function codeQuery(query: Float32Array): { readonly codes: Int16Array; readonly scale: number } {
  let largest = 0;
  let sum = 0;
  for (const component of query) {
    largest = Math.max(largest, Math.abs(component));
    sum += Math.abs(component);
  }
  // Rounding adds at most a half to each code.
  const room = MAX_SUM / MAX_CODE - query.length / 2;
  const factor = Math.min(MAX_QUERY_CODE / largest, room / sum);
  return { codes: Int16Array.from(query, (component) => Math.round(component * factor)), scale: 1 / factor };
}

/** Product of a row of codes from `start` with the query's; whole, within 32 bits. */
function dotCodes(rows: Int8Array, start: number, query: Int16Array): number {
  const whole = query.length - (query.length % 4);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = 0; i < whole; i += 4) {
    a = (a + Math.imul(rows[start + i]!, query[i]!)) | 0;
    b = (b + Math.imul(rows[start + i + 1]!, query[i + 1]!)) | 0;
    c = (c + Math.imul(rows[start + i + 2]!, query[i + 2]!)) | 0;
    d = (d + Math.imul(rows[start + i + 3]!, query[i + 3]!)) | 0;
  }
  for (let i = whole; i < query.length; i++) a = (a + Math.imul(rows[start + i]!, query[i]!)) | 0;
  return (a + b + c + d) | 0;
}
