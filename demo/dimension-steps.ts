/** @file The lengths to which vectors can be cut with the slider. Pure. */

/** Matryoshka training of Qwen3-Embedding goes no further down. */
export const MIN_DIMENSIONS = 32;

/**
 * Halvings of a model's dimensions and the three quarters between them, down to {@link MIN_DIMENSIONS}; ascending.
 *
 * @param all - Components of a whole vector.
 */
export function dimensionSteps(all: number): number[] {
  const steps = new Set([all]);
  for (let half = all; half > MIN_DIMENSIONS; half /= 2) {
    steps.add(Math.round((half * 3) / 4));
    steps.add(Math.round(half / 2));
  }
  return [...steps].filter((step) => step >= Math.min(MIN_DIMENSIONS, all)).sort((a, b) => a - b);
}
