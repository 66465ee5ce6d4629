/** @file Texts as token ids, the same ones each time. */
import type { PackManifest } from "../../src/pack.ts";

/**
 * Evenly spread numbers from 0 to 1, 1 excluded.
 *
 * @param seed - A whole number; the same one gives the same numbers.
 */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** @returns Random ids, the end token last; the length is the seed unless told. */
export function inputIds(tokens: number, { architecture, endTokenId }: PackManifest, seed = tokens): number[] {
  const random = randomNumbers(seed);
  const ids = Array.from({ length: tokens - 1 }, () => Math.floor(random() * architecture.vocab_size));
  return [...ids, endTokenId];
}

/**
 * Token counts as texts have them: their logarithms are normally distributed.
 *
 * @param spread - `sigma` of the logarithm; what falls outside `least` to `most` is set to the nearer of the two.
 */
export function logNormalLengths(
  count: number,
  spread: { readonly median: number; readonly sigma: number; readonly least: number; readonly most: number },
): number[] {
  const { median, sigma, least, most } = spread;
  const random = randomNumbers(count);
  return Array.from({ length: count }, () => {
    // Box and Muller; 1 − random is never 0.
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.round(Math.min(most, Math.max(least, median * Math.exp(sigma * normal))));
  });
}

/** Lengths evenly spread over a range, both ends included. */
export function evenLengths(
  count: number,
  { least, most }: { readonly least: number; readonly most: number },
): number[] {
  const random = randomNumbers(count);
  return Array.from({ length: count }, () => least + Math.floor(random() * (most - least + 1)));
}
