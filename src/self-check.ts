/** @file Known answers at load: a device that computes wrong vectors is found before it serves one. Pure. */
import { EmbedError } from "./errors.ts";
import type { GoldenVector } from "./pack.ts";
import type { Execution, SelfCheckResult } from "./types.ts";

/**
 * Largest component difference of a unit vector to the float64 reference. f32: kernels that are right stay below 1e-6
 * (nano and stress models); the flash-attention fault on narrow subgroups is off by 4e-2 and more. f16: rounding of
 * activations to 11 bits costs up to 3e-3 on the stress model's 128 dimensions, less on longer vectors.
 */
const TOLERANCE = { f32: 2e-5, f16: 5e-3 } as const;

/** Embeds token ids as one ragged batch; full dimensions, unit vectors. */
export type EmbedIds = (batch: readonly Int32Array[]) => Promise<readonly Float32Array[]>;

/**
 * Embeds the pack's golden inputs alone and as one ragged batch, and compares.
 *
 * @param golden - The pack's known answers; an empty list passes with differences of 0.
 */
export async function selfCheck(
  golden: readonly GoldenVector[],
  embedIds: EmbedIds,
  execution: Execution,
): Promise<SelfCheckResult> {
  const inputs = golden.map(({ inputIds }) => Int32Array.from(inputIds));
  const batches = [...inputs.map((input) => [input]), inputs];
  let maxAbsDiff = 0;
  let minCosine = 1;
  let next = 0;
  for (const batch of batches) {
    for (const vector of await embedIds(batch).catch(asWrongVectors(batch))) {
      const expected = golden[next++ % golden.length]!;
      const { absDiff, cosine } = compare(vector.subarray(0, expected.dimensions), expected.vector);
      maxAbsDiff = Math.max(maxAbsDiff, absDiff);
      minCosine = Math.min(minCosine, cosine);
    }
  }
  const tolerance = TOLERANCE[execution.activations];
  return { execution, passed: maxAbsDiff <= tolerance, maxAbsDiff, minCosine, tolerance };
}

/** A row without a direction (NaN in f16, say) is reported as an error, and is as wrong as a vector can be. */
function asWrongVectors(batch: readonly Int32Array[]): (error: unknown) => Float32Array[] {
  return (error) => {
    if (error instanceof EmbedError && error.code === "numeric-fault") return batch.map(() => new Float32Array(0));
    throw error;
  };
}

/** A component that is not finite makes the difference infinite: NaN would slip through a maximum. */
function compare(actual: Float32Array, expected: readonly number[]): { absDiff: number; cosine: number } {
  let dot = 0;
  let actualSquares = 0;
  let expectedSquares = 0;
  let absDiff = 0;
  expected.forEach((value, i) => {
    const component = actual[i] ?? NaN;
    dot += component * value;
    actualSquares += component * component;
    expectedSquares += value * value;
    absDiff = Math.max(absDiff, Number.isFinite(component) ? Math.abs(component - value) : Infinity);
  });
  const cosine = dot / Math.sqrt(actualSquares * expectedSquares);
  return { absDiff, cosine: Number.isFinite(cosine) ? cosine : -1 };
}
