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

/** Tokens a run when the longest known input is sliced: several slices of 200 tokens, the last one shorter. */
const SLICE_TOKENS = 64;

/** Embeds token ids as one ragged batch, in chunks of the default size unless told; full dimensions, unit vectors. */
export type EmbedIds = (batch: readonly Int32Array[], chunkTokens?: number) => Promise<readonly Float32Array[]>;

/**
 * Embeds the pack's golden inputs alone, as one ragged batch and, the longest one, in slices, and compares.
 *
 * @param golden - The pack's known answers; an empty list passes with differences of 0.
 */
export async function selfCheck(
  golden: readonly GoldenVector[],
  embedIds: EmbedIds,
  execution: Execution,
): Promise<SelfCheckResult> {
  const known = golden.map((answer) => ({ answer, inputIds: Int32Array.from(answer.inputIds) }));
  const longest = known.toSorted((a, b) => b.inputIds.length - a.inputIds.length).slice(0, 1);
  const runs: readonly { readonly batch: typeof known; readonly chunkTokens?: number }[] = [
    ...known.map((one) => ({ batch: [one] })),
    { batch: known },
    { batch: longest, chunkTokens: SLICE_TOKENS },
  ];
  let maxAbsDiff = 0;
  let minCosine = 1;
  for (const { batch, chunkTokens } of runs) {
    const inputs = batch.map(({ inputIds }) => inputIds);
    const vectors = await embedIds(inputs, chunkTokens).catch(asWrongVectors(inputs));
    for (const [i, { answer }] of batch.entries()) {
      const { absDiff, cosine } = compare(vectors[i]!.subarray(0, answer.dimensions), answer.vector);
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

/**
 * The result of an execution that did not get as far as a vector.
 *
 * @param failure - What happened, in words.
 */
export function failedCheck(execution: Execution, failure: string): SelfCheckResult {
  const tolerance = TOLERANCE[execution.activations];
  return { execution, passed: false, maxAbsDiff: Infinity, minCosine: -1, tolerance, failure };
}

/**
 * @param actual - Cut to the dimensions of `expected`, so made a unit vector again here.
 * @returns A component that is not finite makes the difference infinite: NaN would slip through a maximum.
 */
function compare(actual: Float32Array, expected: readonly number[]): { absDiff: number; cosine: number } {
  const length = Math.hypot(...actual);
  let dot = 0;
  let expectedSquares = 0;
  let absDiff = 0;
  expected.forEach((value, i) => {
    const component = (actual[i] ?? NaN) / length;
    dot += component * value;
    expectedSquares += value * value;
    absDiff = Math.max(absDiff, Number.isFinite(component) ? Math.abs(component - value) : Infinity);
  });
  const cosine = dot / Math.sqrt(expectedSquares);
  return { absDiff, cosine: Number.isFinite(cosine) ? cosine : -1 };
}
