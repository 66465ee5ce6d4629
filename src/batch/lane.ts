/** @file The requests of one priority: who is let in, who shares the next window. No I/O. */
import { EmbedError } from "../errors.ts";
import type { Priority } from "../types.ts";
import { takeWindow } from "./fair-window.ts";
import type { Job, JobItem } from "./job.ts";
import { TokenBucket, type Clock, type FullLimits } from "./limits.ts";

/** A pass under way. */
export interface RunningPass {
  readonly jobs: ReadonlySet<Job>;
  /** Aborted when every job has settled before the pass ended. */
  readonly controller: AbortController;
}

/** Requests in order of arrival, within limits. */
export class Lane {
  readonly priority: Priority;
  readonly limits: FullLimits;
  readonly #jobs = new Set<Job>();
  /** `null` between two passes. */
  running: RunningPass | null = null;
  /** Whether a loop serves this lane. */
  served = false;
  /** Whether its next pass needs memory that passes of other classes hold. */
  waitsForMemory = false;
  /** Served and not waiting for memory or for its rate: lower classes stand back, also between two passes. */
  busy = false;
  readonly #bucket: TokenBucket | null;
  #windows = 0;
  #waitingTokens = 0;

  constructor(priority: Priority, limits: FullLimits, clock: Clock) {
    this.priority = priority;
    this.limits = limits;
    this.#bucket = Number.isFinite(limits.maxTokensPerSecond)
      ? new TokenBucket(limits.maxTokensPerSecond, clock)
      : null;
  }

  /** Neither done nor failed, in order of arrival. */
  get jobs(): ReadonlySet<Job> {
    return this.#jobs;
  }

  /** Requests and tokens that wait or run. */
  get depth(): { readonly requests: number; readonly tokens: number } {
    return { requests: this.#jobs.size, tokens: sum([...this.#jobs].map((job) => job.leftTokens)) };
  }

  add(job: Job): void {
    this.#jobs.add(job);
    this.#waitingTokens += job.waitingTokens;
  }

  delete(job: Job): void {
    if (this.#jobs.delete(job)) this.#waitingTokens -= job.waitingTokens;
  }

  /** Tokens of a job go into a pass (below 0) or come back from one. */
  moveWaiting(job: Job, tokens: number): void {
    job.waitingTokens += tokens;
    if (this.#jobs.has(job)) this.#waitingTokens += tokens;
  }

  /** Milliseconds until the rate lets tokens through. */
  get waitMs(): number {
    return this.#bucket?.waitMs ?? 0;
  }

  /**
   * Refuses what would make the queue too long; nothing is refused while nothing waits.
   *
   * @param tokensPerSecond - How fast the queue is worked off.
   * @throws {EmbedError} `queue-full` with details `{ queuedTokens, limit, retryAfterMs }`.
   */
  admit(tokens: number, tokensPerSecond: number): void {
    const { maxQueuedTokens: limit, maxTokensPerSecond } = this.limits;
    const queuedTokens = this.#waitingTokens;
    if (queuedTokens === 0 || queuedTokens + tokens <= limit) return;
    const excess = Math.min(queuedTokens, queuedTokens + tokens - limit);
    const retryAfterMs = Math.ceil((1000 * excess) / Math.min(tokensPerSecond, maxTokensPerSecond));
    const message = `${queuedTokens} ${this.priority} tokens are waiting, ${tokens} more exceed the limit of ${limit}`;
    throw new EmbedError("queue-full", message, { details: { queuedTokens, limit, retryAfterMs } });
  }

  /** Sequences for the next passes: fair shares of the requests that may be served at once. */
  takeWindow(tokens: number): JobItem[] {
    const served = [...this.#jobs].slice(0, this.limits.maxConcurrentRequests);
    const allowed = Math.min(tokens, this.#bucket?.tokens ?? Infinity);
    const items = takeWindow(served, { tokens: allowed, number: this.#windows++ });
    this.#bucket?.take(sum(items.map(({ inputIds }) => inputIds.length)));
    return items;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
