/** @file The sign of each component about a centre, compared with a query that keeps its numbers. */
import type { Coding, ScoreRun } from "./coding.ts";
import { dot } from "./dot.ts";
import { Rotation } from "./rotation.ts";
import { RowChunks, rowsInChunk } from "./row-chunks.ts";

/** Values of a byte: eight signs. */
const BYTE_VALUES = 256;

/** Mean of so many rows, the first: more of them moved recall by less than 0.01. Until then the centre is 0. */
const CENTRE_ROWS = 256;

/**
 * 1 bit a component and 8 bytes a row. Vectors are turned, so that components count alike, and seen from a centre c, for
 * all embeddings of a model have much in common. With s the signs of x − c, (q − c) · (x − c) is about
 * (q − c) · s × |x − c|² ÷ ((x − c) · s), without bias; q · x follows from it by c · x, q · c and c · c.
 *
 * Measured, of the exact ten the share among the first 100: 3,732 real vectors of 256 components, 0.98, without centre
 * and rotation 0.93; 50,000 × 1,024 embedding-like, Hamming distance in place of the query's numbers took a third less
 * time, and held in the first 20 0.92 instead of 0.96.
 *
 * @see https://arxiv.org/abs/2405.12497 (RaBitQ)
 */
export class BinaryCoding implements Coding {
  readonly rowsPerChunk: number;
  readonly #dimensions: number;
  readonly #rowBytes: number;
  readonly #rotation: Rotation;
  readonly #signs: RowChunks<Uint8Array>;
  /** Of each row |x − c|² ÷ ((x − c) · s), and c · x. */
  readonly #terms: RowChunks<Float32Array>;
  #centre: Float32Array;
  /** The first rows, turned, until the centre is known. */
  #early: Float32Array[] = [];

  constructor(dimensions: number) {
    const rowBytes = Math.ceil(dimensions / 8);
    const rowsPerChunk = rowsInChunk(rowBytes);
    this.rowsPerChunk = rowsPerChunk;
    this.#dimensions = dimensions;
    this.#rowBytes = rowBytes;
    this.#rotation = new Rotation(dimensions);
    this.#signs = new RowChunks({ type: Uint8Array, width: rowBytes, rowsPerChunk });
    this.#terms = new RowChunks({ type: Float32Array, width: 2, rowsPerChunk });
    this.#centre = new Float32Array(dimensions);
  }

  get rows(): number {
    return this.#signs.rows;
  }

  get bytes(): number {
    return this.#signs.bytes + this.#terms.bytes + this.#early.length * 4 * this.#dimensions;
  }

  append(vectors: Float32Array): void {
    const width = this.#dimensions;
    this.#signs.reserve(vectors.length / width);
    this.#terms.reserve(vectors.length / width);
    for (let at = 0; at < vectors.length; at += width) {
      const turned = vectors.slice(at, at + width);
      this.#rotation.turn(turned);
      this.#code(turned, this.#signs.next(), this.#terms.next());
      if (this.rows <= CENTRE_ROWS) this.#early.push(turned);
      if (this.rows === CENTRE_ROWS) this.#findCentre();
    }
  }

  compare(query: Float32Array): ScoreRun {
    const centre = this.#centre;
    const turned = query.slice();
    this.#rotation.turn(turned);
    const shared = dot(turned, 0, centre) - dot(centre, 0, centre);
    const sums = sumsBySigns(turned.map((component, i) => component - centre[i]!));
    return ({ chunk, from, to }, scores) => {
      const signs = this.#signs.chunk(chunk);
      const terms = this.#terms.chunk(chunk);
      for (let row = from; row < to; row++) {
        const product = addUp(sums, signs, row * this.#rowBytes) * terms[2 * row]!;
        scores[row - from] = product + terms[2 * row + 1]! + shared;
      }
    };
  }

  /** The first rows' mean; they are coded anew, so that it does not matter in which pieces rows came. */
  #findCentre(): void {
    for (const vector of this.#early) {
      for (let i = 0; i < vector.length; i++) this.#centre[i]! += vector[i]! / CENTRE_ROWS;
    }
    for (const [row, vector] of this.#early.entries()) this.#code(vector, this.#signs.row(row), this.#terms.row(row));
    this.#early = [];
  }

  /** @param vector - Turned. */
  #code(vector: Float32Array, signs: Uint8Array, terms: Float32Array): void {
    const centre = this.#centre;
    signs.fill(0);
    let [magnitudes, squares] = [0, 0];
    for (let i = 0; i < vector.length; i++) {
      const rest = vector[i]! - centre[i]!;
      magnitudes += Math.abs(rest);
      squares += rest * rest;
      if (rest > 0) signs[i >> 3]! |= 1 << (i & 7);
    }
    terms[0] = magnitudes > 0 ? squares / magnitudes : 0;
    terms[1] = dot(vector, 0, centre);
  }
}

/**
 * What each byte of signs makes of the query's eight components there: `[rowBytes, 256]`. An eighth of the additions
 * that a row would take, and no branch.
 */
function sumsBySigns(query: Float32Array): Float32Array {
  const sums = new Float32Array(Math.ceil(query.length / 8) * BYTE_VALUES);
  for (let start = 0, first = 0; first < query.length; start += BYTE_VALUES, first += 8) {
    const eight = query.subarray(first, first + 8);
    sums[start] = -eight.reduce((sum, component) => sum + component, 0);
    // Each bit doubles what is known: the same signs, this one turned.
    for (let bit = 0, known = 1; bit < 8; bit++, known *= 2) {
      const turned = 2 * (eight[bit] ?? 0);
      for (let byte = 0; byte < known; byte++) sums[start + known + byte] = sums[start + byte]! + turned;
    }
  }
  return sums;
}

/** Product of a row's signs, its bytes from `start`, with the query. */
function addUp(sums: Float32Array, signs: Uint8Array, start: number): number {
  const rowBytes = sums.length / BYTE_VALUES;
  const whole = rowBytes - (rowBytes % 4);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = 0; i < whole; i += 4) {
    const at = i * BYTE_VALUES;
    a += sums[at + signs[start + i]!]!;
    b += sums[at + BYTE_VALUES + signs[start + i + 1]!]!;
    c += sums[at + 2 * BYTE_VALUES + signs[start + i + 2]!]!;
    d += sums[at + 3 * BYTE_VALUES + signs[start + i + 3]!]!;
  }
  for (let i = whole; i < rowBytes; i++) a += sums[i * BYTE_VALUES + signs[start + i]!]!;
  return a + b + (c + d);
}
