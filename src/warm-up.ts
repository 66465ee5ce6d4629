/** @file Warm-up: the usual shapes once before they are asked for, so that no first request compiles pipelines. */
import type { Planner } from "./batch/planner.ts";
import type { PriorityMutex } from "./batch/queue.ts";
import { EmbedError, throwIfAborted } from "./errors.ts";
import type { Engine } from "./gpu/engine.ts";
import { nextTask } from "./next-task.ts";
import type { CallHooks, EmbedProgress, WarmUpRequest, WarmUpResult } from "./types.ts";

/**
 * What is warmed up unless told: queries below and above the 32 tokens where attention changes its kernel, a few
 * passages together, and one text that fills a run.
 */
const USUAL_BATCHES: readonly (readonly number[])[] = [[16], [40], [60, 90, 120], [512]];

/** Whatever is asked meanwhile goes first, between two runs. */
const PRIORITY = "bulk";

/** When to try again while requests run: nobody knows how long they take. */
const RETRY_MS = 1000;

interface WarmUpParts {
  readonly engine: Pick<Engine, "stack" | "ready">;
  readonly planner: Planner;
  /** The lock of all runs. */
  readonly runs: PriorityMutex;
}

/**
 * Runs each batch's first and last chunk through one layer, twice: the first time compiles and allocates.
 *
 * @throws {EmbedError} `aborted`, `out-of-memory`, `device-lost`; `queue-full` when requests under way hold the memory.
 */
export async function warmUp(
  parts: WarmUpParts,
  { batches = USUAL_BATCHES }: WarmUpRequest,
  hooks: CallHooks<EmbedProgress>,
): Promise<WarmUpResult> {
  const started = performance.now();
  const totalTokens = batches.flat().reduce((sum, length) => sum + length, 0);
  const totalTexts = batches.length;
  let doneTokens = 0;
  const results: { lengths: readonly number[]; coldMs: number; warmMs: number }[] = [];
  for (const lengths of batches) {
    const coldMs = await rehearse(parts, lengths, hooks.signal);
    const warmMs = await rehearse(parts, lengths, hooks.signal);
    results.push({ lengths, coldMs, warmMs });
    doneTokens += lengths.reduce((sum, length) => sum + length, 0);
    hooks.onProgress?.({ doneTexts: results.length, totalTexts, doneTokens, totalTokens });
  }
  return { batches: results, totalMs: performance.now() - started };
}

/** @returns Milliseconds. */
async function rehearse(
  { engine, planner, runs }: WarmUpParts,
  lengths: readonly number[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const { passes, impossible } = planner.plan(lengths, PRIORITY);
  if (impossible) throw impossible.error;
  if (passes.length === 0) throw noRoomNow(lengths);
  const started = performance.now();
  for (const pass of passes) {
    throwIfAborted(signal);
    planner.begin(pass, PRIORITY);
    try {
      await engine.stack.rehearse(pass, {
        signal,
        exclusive: async (run) => {
          await nextTask();
          await engine.ready();
          return runs.run(PRIORITY, run, { signal });
        },
      });
    } finally {
      planner.end(pass, null);
    }
  }
  return performance.now() - started;
}

function noRoomNow(lengths: readonly number[]): EmbedError {
  const message = `requests under way hold the memory to warm up ${lengths.join(", ")} tokens: warm up before them`;
  return new EmbedError("queue-full", message, { details: { lengths, retryAfterMs: RETRY_MS } });
}
