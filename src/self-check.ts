/** @file Known answers at load: a device that computes wrong vectors is found before it serves one. Pure. */
import { EmbedError } from "./errors.ts";
import { sha256Hex } from "./sha256.ts";
import type { GoldenVector, PackManifest } from "./pack.ts";
import type { DeviceStatus, Execution, SelfCheckResult, SelfCheckScope } from "./types.ts";

/**
 * Largest component difference of a unit vector to the float64 reference. f32: kernels that are right stay below 1e-6
 * (nano and stress models); the flash-attention fault on narrow subgroups is off by 4e-2 and more. f16: rounding of
 * activations to 11 bits costs up to 3e-3 on the stress model's 128 dimensions, less on longer vectors.
 */
const TOLERANCE = { f32: 2e-5, f16: 5e-3 } as const;

/** Tokens a run when the longest known input is sliced: several slices of 200 tokens, the last one shorter. */
const SLICE_TOKENS = 64;

/** A full check is due again after this long: a driver may have changed, and nothing that a page sees says so. */
const FULL_CHECK_EVERY_MS = 7 * 24 * 3_600_000;

/** Hex digits of a key: 64 bits tell any number of devices and packs apart. */
const KEY_DIGITS = 16;

/** Embeds token ids as one ragged batch, in chunks of the default size unless told; full dimensions, unit vectors. */
export type EmbedIds = (batch: readonly Int32Array[], chunkTokens?: number) => Promise<readonly Float32Array[]>;

/** What is checked, and how thoroughly. */
export interface SelfCheckPlan {
  readonly execution: Execution;
  readonly scope: SelfCheckScope;
  readonly key: string;
}

/** All that decides whether a check that passed once says something about this load, as far as a page can see it. */
export async function selfCheckKey(
  manifest: PackManifest,
  device: DeviceStatus,
  runtime: { readonly version: string; readonly userAgent: string },
): Promise<string> {
  const { kind, activations, subgroups, build, adapter } = device;
  const decisive = JSON.stringify([manifest, kind, activations, subgroups, build, adapter, runtime]);
  return (await sha256Hex(new TextEncoder().encode(decisive))).slice(0, KEY_DIGITS);
}

/** @param passedAt - When the last full check was passed; `undefined` if never. @param now - Both in milliseconds since 1970. */
export function selfCheckScope(passedAt: number | undefined, now: number): SelfCheckScope {
  const age = passedAt === undefined ? Infinity : now - passedAt;
  return age >= 0 && age < FULL_CHECK_EVERY_MS ? "brief" : "full";
}

/**
 * Embeds the pack's golden inputs and compares: in full alone, as one ragged batch and, the longest one, in slices; in
 * brief the shortest one alone.
 *
 * @param golden - The pack's known answers; an empty list passes with differences of 0.
 */
export async function selfCheck(
  golden: readonly GoldenVector[],
  embedIds: EmbedIds,
  plan: SelfCheckPlan,
): Promise<SelfCheckResult> {
  const runs = plan.scope === "full" ? fullRuns(golden) : briefRuns(golden);
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
  const tolerance = TOLERANCE[plan.execution.activations];
  return { ...plan, passed: maxAbsDiff <= tolerance, maxAbsDiff, minCosine, tolerance };
}

/** Known inputs that go through the layers together. */
interface CheckRun {
  readonly batch: readonly { readonly answer: GoldenVector; readonly inputIds: Int32Array }[];
  readonly chunkTokens?: number;
}

function fullRuns(golden: readonly GoldenVector[]): readonly CheckRun[] {
  const known = byLength(golden);
  const longest = known.slice(-1);
  return [...known.map((one) => ({ batch: [one] })), { batch: known }, { batch: longest, chunkTokens: SLICE_TOKENS }];
}

/** It goes through every layer, and the first query can use the pipelines that it compiles. */
function briefRuns(golden: readonly GoldenVector[]): readonly CheckRun[] {
  return byLength(golden)
    .slice(0, 1)
    .map((one) => ({ batch: [one] }));
}

/** The shortest first. */
function byLength(golden: readonly GoldenVector[]): CheckRun["batch"] {
  const known = golden.map((answer) => ({ answer, inputIds: Int32Array.from(answer.inputIds) }));
  return known.sort((a, b) => a.inputIds.length - b.inputIds.length);
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
  const differences = { maxAbsDiff: Infinity, minCosine: -1, tolerance };
  // Nothing was ever remembered of it.
  return { execution, scope: "full", key: "", passed: false, ...differences, failure };
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
