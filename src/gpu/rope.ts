/** @file Tables for rotary position embedding. Pure. */

/**
 * Cosines and sines of the angles `position / theta^(2i / headDim)`.
 *
 * @param shape - `positions` M, `headDim` D (even), `theta`.
 * @returns Two row-major tables `[M, D / 2]`, computed in float64 and rounded once.
 * @see https://arxiv.org/abs/2104.09864
 */
export function ropeTables(shape: { readonly positions: number; readonly headDim: number; readonly theta: number }): {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
} {
  const half = shape.headDim / 2;
  const frequencies = Float64Array.from({ length: half }, (_, i) => shape.theta ** ((-2 * i) / shape.headDim));
  const cos = new Float32Array(shape.positions * half);
  const sin = new Float32Array(shape.positions * half);
  for (let position = 0; position < shape.positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * frequencies[i]!;
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  }
  return { cos, sin };
}
