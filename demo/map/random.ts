/** @file Random numbers that come out the same each time. Pure. */

/** Of the size of a 32-bit state. */
const RANGE = 2 ** 32;

/**
 * Marsaglia's xorshift with 32 bits: the same library gives the same map.
 *
 * @param seed - A whole number but 0.
 * @returns What gives the next number in [0, 1).
 * @see https://www.jstatsoft.org/article/view/v008i14
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / RANGE;
  };
}
