/** @file A pass and the requests it is for: whose sequences it holds, and where its time goes. */
import { EmbedError } from "../errors.ts";
import type { Pass } from "../types.ts";
import type { Job, JobItem } from "./job.ts";
import type { Lane } from "./lane.ts";
import type { Clock } from "./limits.ts";

/** A pass and who it is for. */
export interface PassWork {
  readonly lane: Lane;
  readonly pass: Pass;
  /** What the pass's sequence numbers count in. */
  readonly window: readonly JobItem[];
  readonly turn: PassTurn;
  readonly shares: ReadonlyMap<Job, readonly JobItem[]>;
}

/** Tells a pass's time from the time it waited for its turns. */
export class PassTurn {
  readonly #clock: Clock;
  readonly #begunAt: number;
  #waitedMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#begunAt = clock.now();
  }

  /** @param wait - Calls what it is given when the turn has come. */
  waitFor<T>(wait: (inTurn: (run: () => Promise<T>) => Promise<T>) => Promise<T>): Promise<T> {
    const asked = this.#clock.now();
    return wait((run) => {
      this.#waitedMs += this.#clock.now() - asked;
      return run();
    });
  }

  runMs(now: number): number {
    return now - this.#begunAt - this.#waitedMs;
  }
}

/** Of those that share a plan; `Infinity` when none has a wish. */
export function fewestChunkTokens(items: readonly JobItem[]): number {
  return items.reduce((fewest, { job }) => Math.min(fewest, job.options.chunkTokens ?? Infinity), Infinity);
}

/** The sequences of a pass, by what its numbers count in. */
export function itemsOf(pass: Pass, window: readonly JobItem[]): JobItem[] {
  const sequences = new Set(pass.chunks.flatMap(({ slices }) => slices.map(({ sequence }) => sequence)));
  return [...sequences].map((sequence) => window[sequence]!);
}

/** Rejects the request of one sequence, and says which it is. */
export function failFor({ job, index }: JobItem, error: EmbedError): void {
  job.fail(new EmbedError(error.code, error.message, { details: { ...error.details, index } }));
}

/** Sequences by the request they are of. */
export function groupByJob(items: readonly JobItem[]): Map<Job, JobItem[]> {
  const groups = new Map<Job, JobItem[]>();
  for (const item of items) {
    const group = groups.get(item.job);
    if (group) group.push(item);
    else groups.set(item.job, [item]);
  }
  return groups;
}

/** Rows of the rectangles that attention works on, padding included. */
export function cellsOf(pass: Pass): number {
  return pass.chunks.reduce((sum, { slices }) => sum + slices.length * Math.max(...slices.map((s) => s.length)), 0);
}
