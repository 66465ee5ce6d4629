/** @file The product that every exact comparison rests on. Pure. */

/**
 * Product of a row with a vector, in float64. Four sums, for one alone waits for each addition.
 *
 * @param matrix - Holds a row from `start`.
 * @param vector - `[dimensions]`.
 */
export function dot(matrix: Float32Array, start: number, vector: Float32Array): number {
  const whole = vector.length - (vector.length % 4);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = 0; i < whole; i += 4) {
    a += matrix[start + i]! * vector[i]!;
    b += matrix[start + i + 1]! * vector[i + 1]!;
    c += matrix[start + i + 2]! * vector[i + 2]!;
    d += matrix[start + i + 3]! * vector[i + 3]!;
  }
  for (let i = whole; i < vector.length; i++) a += matrix[start + i]! * vector[i]!;
  return a + b + (c + d);
}
