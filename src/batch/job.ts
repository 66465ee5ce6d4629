/** @file One request in the scheduler: its sequences, what became of them, and its promise. */
import { EmbedError } from "../errors.ts";

/** A sequence of a job. */
export interface JobItem {
  readonly job: Job;
  /** In the request. */
  readonly index: number;
  readonly inputIds: Int32Array;
}

/** What a request gets. */
export interface JobResult {
  /** Last-token rows in input order; `[H]` each. */
  readonly rows: Float32Array[];
  /** While none of its passes ran, or one waited for its turn. */
  readonly queueMs: number;
  readonly runMs: number;
}

export interface JobOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told with every run and every finished sequence; never goes back. */
  readonly onProgress?: ((doneTexts: number, doneTokens: number) => void) | undefined;
  /** Most tokens in one run, if fewer than the planner's. @default the planner's */
  readonly chunkTokens?: number | undefined;
}

/** Settles once: with rows in input order, with an error, or `aborted` the moment its signal fires. */
export class Job {
  readonly options: JobOptions;
  readonly result: Promise<JobResult>;
  /** Sequences that no window has taken yet, shortest first. */
  readonly #waiting: JobItem[];
  #next = 0;
  readonly #rows: Float32Array[] = [];
  readonly #submittedAt: number;
  readonly #texts: number;
  #resolve: (result: JobResult) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  #onSettled: () => void;
  #reported = 0;
  #doneTexts = 0;
  #doneTokens = 0;
  #runMs = 0;
  settled = false;
  /** Tokens that are in no pass and not done. */
  waitingTokens: number;
  /** Tokens that are not done. */
  leftTokens: number;
  /** Tokens that the fair share owes it. */
  deficit = 0;
  /** The last window that took something of it. */
  servedAt = -1;

  /** @param hooks - `now`: milliseconds; `onSettled` is called once, after the promise has been settled. */
  constructor(
    sequences: readonly Int32Array[],
    options: JobOptions,
    hooks: { readonly now: number; readonly onSettled: (job: Job) => void },
  ) {
    this.options = options;
    this.#texts = sequences.length;
    this.#submittedAt = hooks.now;
    this.#waiting = sequences.map((inputIds, index) => ({ job: this, index, inputIds }));
    this.#waiting.sort((a, b) => a.inputIds.length - b.inputIds.length || a.index - b.index);
    this.leftTokens = tokensOf(this.#waiting);
    this.waitingTokens = this.leftTokens;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { signal } = options;
    const onAbort = (): void =>
      this.fail(new EmbedError("aborted", "cancelled by the caller", { cause: signal?.reason }));
    this.#onSettled = () => {
      signal?.removeEventListener("abort", onAbort);
      hooks.onSettled(this);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
  }

  /** Tokens of the sequence that is next; `Infinity` when none is left. */
  get nextTokens(): number {
    return this.#waiting[this.#next]?.inputIds.length ?? Infinity;
  }

  /** Takes the next sequence, which must be there. */
  take(): JobItem {
    return this.#waiting[this.#next++]!;
  }

  /** A pass that has its items went on: `share` of its runs are done. */
  progress(items: readonly JobItem[], share: number): void {
    if (this.options.onProgress) this.#report(this.#doneTokens + share * tokensOf(items));
  }

  /** A pass has ended with the rows of its items; `runMs` without waiting. */
  finish(items: readonly JobItem[], rows: readonly Float32Array[], times: { runMs: number; now: number }): void {
    if (this.settled) return;
    items.forEach(({ index }, i) => (this.#rows[index] = rows[i]!));
    this.#runMs += times.runMs;
    this.#doneTexts += items.length;
    const tokens = tokensOf(items);
    this.#doneTokens += tokens;
    this.leftTokens -= tokens;
    this.#report(this.#doneTokens);
    if (this.#doneTexts < this.#texts) return;
    this.settled = true;
    this.#resolve({ rows: this.#rows, queueMs: times.now - this.#submittedAt - this.#runMs, runMs: this.#runMs });
    this.#onSettled();
  }

  fail(error: unknown): void {
    if (this.settled) return;
    this.settled = true;
    this.#reject(error);
    this.#onSettled();
  }

  #report(doneTokens: number): void {
    if (this.settled) return;
    this.#reported = Math.max(this.#reported, Math.round(doneTokens));
    this.options.onProgress?.(this.#doneTexts, this.#reported);
  }
}

/** Tokens of these sequences. */
export function tokensOf(items: readonly JobItem[]): number {
  return items.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
}
