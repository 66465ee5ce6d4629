/** @file How far runs may be ahead of the GPU, and how long each took there. No GPU in here. */
import type { RunEvent } from "../types.ts";

/** A run waits until at most this many earlier ones are unfinished, so that a query waits for two runs at most. */
const RUNS_AHEAD = 1;

/** Tiny runs may go further: fences cost them more than a query would gain from this much less work before it. */
const WORK_AHEAD_MS = 20;

/** What a started run leaves to wait for. */
export interface Submitted<T, F> {
  readonly value: T;
  /** Resolves when the device has done the work, with what went wrong there; never rejects. `null`: it is done already. */
  readonly settled: Promise<F | null> | null;
}

export interface RunReport<F> {
  /** From the start of the run, or from the end of the one before where that was later, to its end on the device. */
  readonly ms: number;
  readonly failure: F | null;
}

interface Unfinished {
  readonly expectedMs: number | null;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Counts the runs that the device has not finished, those of all passes together. */
export class RunFences {
  readonly #now: () => number;
  readonly #onRun: ((event: RunEvent) => void) | undefined;
  readonly #unfinished = new Set<Unfinished>();
  #waiting: (() => void)[] = [];
  #lastEnd = -Infinity;
  #closed = false;

  /** @param options - `onRun` is told of each run's start and end; `now` defaults to `performance.now`. */
  constructor(options: { readonly onRun?: ((event: RunEvent) => void) | undefined; readonly now?: () => number } = {}) {
    this.#onRun = options.onRun;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Resolves when a run may start. Whoever grants turns waits for this first, then picks who is most urgent. */
  async ready(): Promise<void> {
    while (!this.#isReady()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /**
   * Starts a run, which must be ready, and counts it until it has settled.
   *
   * @param run - `expectedMs` if known; `onEnd` is told when the device is done, not after `close` or a failed start.
   * @returns What `start` resolves with, before the device is done; `ended` resolves with its end, or rejects with what
   *   `onEnd` or `onRun` threw then: nobody needs to listen, and the run counts as ended all the same.
   */
  async run<T, F>(
    run: { readonly expectedMs: number | null; readonly onEnd?: (report: RunReport<F>) => void },
    start: () => Promise<Submitted<T, F>>,
  ): Promise<{ readonly value: T; readonly ended: Promise<void> }> {
    const started = this.#now();
    const { entry, ended } = newEntry(run.expectedMs);
    this.#unfinished.add(entry);
    try {
      this.#onRun?.({ kind: "run-start", expectedMs: run.expectedMs });
      const { value, settled } = await start();
      const finish = (failure: F | null): void => {
        if (!this.#unfinished.has(entry)) return;
        const now = this.#now();
        const ms = now - Math.max(started, this.#lastEnd);
        // What nobody measures (a readback) waits for the runs before it, whose own ends may come in after its own.
        if (run.onEnd) this.#lastEnd = now;
        this.#end(entry, () => run.onEnd?.({ ms, failure }));
      };
      if (settled) void settled.then(finish);
      else finish(null);
      return { value, ended };
    } catch (error) {
      this.#end(entry);
      throw error;
    }
  }

  /** The device is gone: nothing is waited for any more. */
  close(): void {
    this.#closed = true;
    for (const entry of this.#unfinished) this.#end(entry);
    this.#wake();
  }

  #end(entry: Unfinished, report?: () => void): void {
    if (!this.#unfinished.delete(entry)) return;
    try {
      report?.();
    } catch (error) {
      entry.reject(error);
    }
    try {
      this.#onRun?.({ kind: "run-end" });
    } catch (error) {
      entry.reject(error);
    }
    entry.resolve();
    this.#wake();
  }

  #isReady(): boolean {
    if (this.#closed || this.#unfinished.size <= RUNS_AHEAD) return true;
    let ahead = 0;
    for (const { expectedMs } of this.#unfinished) ahead += expectedMs ?? Infinity;
    return ahead <= WORK_AHEAD_MS;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

function newEntry(expectedMs: number | null): { readonly entry: Unfinished; readonly ended: Promise<void> } {
  let entry: Unfinished | undefined;
  const ended = new Promise<void>((resolve, reject) => (entry = { expectedMs, resolve, reject }));
  ended.catch(() => undefined);
  return { entry: entry!, ended };
}
