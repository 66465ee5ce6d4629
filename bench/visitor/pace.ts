/** @file How far a run is, and how long the rest takes, from the tokens that each round is about. Pure but for its clock. */
import type { Workload } from "../compare/workloads.ts";
import type { Progress } from "./page-setup.ts";

/** Of a round beside its tokens: a call's own cost, in tokens' worth. */
const ROUND_TOKENS = 40;

/** An open or a measurement of peaks, in tokens' worth of the built-in model. */
export const STEP_TOKENS = 400;

/** Before so much time an estimate is a guess. */
const LEAST_MS = 1500;

/** Of one round of one entry, in tokens' worth. */
export function roundCost({ kind, texts }: Workload): number {
  if (kind === "cold-start") return STEP_TOKENS;
  return ROUND_TOKENS + texts.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
}

export class Pace {
  readonly #total: number;
  readonly #now: () => number;
  readonly #started: number;
  #done = 0;
  #pending = 0;

  /** @param now - Milliseconds; for tests. */
  constructor(workloads: readonly Workload[], steps: number, now: () => number = () => performance.now()) {
    const rounds = workloads.map(
      (workload) => (workload.rounds + workload.warmUps) * workload.entries.length * roundCost(workload),
    );
    this.#total = rounds.reduce((sum, cost) => sum + cost, steps * STEP_TOKENS);
    this.#now = now;
    this.#started = now();
  }

  /** The step before is done, and one of that cost begins. */
  next(line: string, cost: number): Progress {
    this.#done += this.#pending;
    this.#pending = cost;
    const share = Math.min(1, this.#done / this.#total);
    const elapsed = this.#now() - this.#started;
    const remainingMs = share > 0 && elapsed > LEAST_MS ? (elapsed * (1 - share)) / share : null;
    return { line, share, remainingMs };
  }
}
