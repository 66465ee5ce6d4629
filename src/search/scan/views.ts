/** @file Vectors in memory as they are searched: cut, coded, and scanned row by row. */
import { assert } from "../../errors.ts";
import type { Precision } from "../../search-types.ts";
import { TopK } from "../top-k.ts";
import { BinaryCoding } from "./binary-coding.ts";
import type { Candidate, Coding } from "./coding.ts";
import { cutAndNormalize, cutQuery } from "./cut.ts";
import { Float16Coding } from "./float16-coding.ts";
import { Float32Coding } from "./float32-coding.ts";
import { Int8Coding } from "./int8-coding.ts";

export type { Candidate } from "./coding.ts";
export { candidateCount, rescore } from "./rescore.ts";

/** Rows that are scored at a time: 32 KB of scores, and few calls. */
const RUN_ROWS = 4096;

/** All vectors of an index in one precision. */
export interface VectorView {
  readonly precision: Precision;
  readonly dimensions: number;
  readonly rows: number;
  /** Bytes that are held. */
  readonly bytes: number;
  /**
   * Cuts to `dimensions`, L2 again, and codes.
   *
   * @param vectors - Unit rows, `[N, storedDimensions]`.
   * @throws {EmbedError} `numeric-fault` for NaN or infinity; `out-of-memory`. Nothing is appended then.
   */
  append(vectors: Float32Array, storedDimensions: number): void;
  /**
   * The rows nearest to a query.
   *
   * @param query - `[storedDimensions]`, any length but 0.
   * @param limit - Most candidates; an integer ≥ 1.
   * @param accepted - Rows with 0 are passed over; `null`: none is.
   * @returns Best first, equal scores by ascending row.
   * @throws {EmbedError} `index-mismatch` for too few components; `invalid-input` for a query without direction.
   */
  scan(query: Float32Array, limit: number, accepted: Uint8Array | null): Candidate[];
}

/** An empty view. @param dimensions - Of the view: from 1 to the stored ones. */
export function createView(precision: Precision, dimensions: number): VectorView {
  assert(Number.isInteger(dimensions) && dimensions >= 1, `a view of ${dimensions} dimensions`);
  return new CodedView(precision, dimensions);
}

const CODINGS: Readonly<Record<Precision, new (dimensions: number) => Coding>> = {
  float32: Float32Coding,
  float16: Float16Coding,
  int8: Int8Coding,
  binary: BinaryCoding,
};

class CodedView implements VectorView {
  readonly precision: Precision;
  readonly dimensions: number;
  readonly #coding: Coding;
  readonly #scores = new Float64Array(RUN_ROWS);

  constructor(precision: Precision, dimensions: number) {
    this.precision = precision;
    this.dimensions = dimensions;
    this.#coding = new CODINGS[precision](dimensions);
  }

  get rows(): number {
    return this.#coding.rows;
  }

  get bytes(): number {
    return this.#coding.bytes;
  }

  append(vectors: Float32Array, storedDimensions: number): void {
    this.#coding.append(cutAndNormalize(vectors, storedDimensions, this.dimensions));
  }

  scan(query: Float32Array, limit: number, accepted: Uint8Array | null): Candidate[] {
    assert(Number.isInteger(limit) && limit >= 1, `a scan for ${limit} candidates`);
    const { rows, rowsPerChunk } = this.#coding;
    const score = this.#coding.compare(cutQuery(query, this.dimensions));
    const scores = this.#scores;
    const best = new TopK(limit);
    for (let start = nextAccepted(accepted, 0, rows); start < rows;) {
      const chunk = Math.floor(start / rowsPerChunk);
      const first = chunk * rowsPerChunk;
      const end = endOfRun(accepted, start, Math.min(rows, first + rowsPerChunk, start + RUN_ROWS));
      score({ chunk, from: start - first, to: end - first }, scores);
      for (let row = start; row < end; row++) best.offer(row, scores[row - start]!);
      start = nextAccepted(accepted, end, rows);
    }
    return best.toSorted();
  }
}

function nextAccepted(accepted: Uint8Array | null, row: number, rows: number): number {
  while (accepted && row < rows && accepted[row] === 0) row++;
  return row;
}

function endOfRun(accepted: Uint8Array | null, row: number, limit: number): number {
  if (!accepted) return limit;
  while (row < limit && accepted[row] !== 0) row++;
  return row;
}
