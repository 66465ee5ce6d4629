/** @file A fixed rotation that makes all components of a vector count alike, for codes that treat them so. Pure. */

/**
 * Each is signs at random, then a Hadamard transform of a power of two of components: first and last ones in turn, so
 * that any number of dimensions is mixed. Two leave no component's own weight to be seen.
 */
const ROUNDS = 2;

/** Turns vectors of one length; the same in every session, though nothing is stored that depends on it. */
export class Rotation {
  readonly #dimensions: number;
  readonly #block: number;
  /** ±1 and the transform's scale in one, `[ROUNDS, block]`. */
  readonly #signs: Float32Array;

  constructor(dimensions: number) {
    this.#dimensions = dimensions;
    this.#block = 2 ** Math.floor(Math.log2(dimensions));
    this.#signs = randomSigns(ROUNDS * this.#block, 1 / Math.sqrt(this.#block));
  }

  /** In place; lengths and angles stay. @param vector - `[dimensions]`. */
  turn(vector: Float32Array): void {
    const block = this.#block;
    for (let round = 0; round < ROUNDS; round++) {
      const start = round % 2 === 0 ? 0 : this.#dimensions - block;
      for (let i = 0; i < block; i++) vector[start + i]! *= this.#signs[round * block + i]!;
      hadamard(vector, start, block);
    }
  }
}

/** In place, not scaled. @param length - A power of two. */
function hadamard(vector: Float32Array, start: number, length: number): void {
  for (let half = 1; half < length; half *= 2) {
    for (let first = start; first < start + length; first += 2 * half) {
      for (let i = first; i < first + half; i++) {
        const a = vector[i]!;
        const b = vector[i + half]!;
        vector[i] = a + b;
        vector[i + half] = a - b;
      }
    }
  }
}

/** By xorshift32 from a fixed seed. */
function randomSigns(count: number, magnitude: number): Float32Array {
  let state = 0x9e3779b9 | 0;
  return Float32Array.from({ length: count }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state < 0 ? -magnitude : magnitude;
  });
}
