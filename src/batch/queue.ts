/** @file Who runs next: a mutex that serves the highest priority first. No timers, no I/O. */
import { EmbedError, throwIfAborted } from "../errors.ts";
import type { Priority } from "../types.ts";

/** From first to last served. */
export const PRIORITIES: readonly Priority[] = ["interactive", "normal", "bulk"];

interface Waiter {
  readonly start: () => void;
}

/**
 * One task at a time: among those waiting the highest priority runs next, first come first served within one.
 * A bulk job that takes the mutex for each of its runs is thus overtaken by a query after one run.
 */
export class PriorityMutex {
  #busy = false;
  readonly #waiting = new Map<Priority, Waiter[]>(PRIORITIES.map((priority) => [priority, []]));

  /**
   * Runs `task` when its turn comes.
   *
   * @throws {EmbedError} `aborted` when the signal fires while waiting; a task that has begun is not interrupted.
   */
  async run<T>(
    priority: Priority,
    task: () => Promise<T>,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<T> {
    throwIfAborted(options.signal);
    if (this.#busy) await this.#turn(priority, options.signal);
    this.#busy = true;
    try {
      return await task();
    } finally {
      this.#next();
    }
  }

  #turn(priority: Priority, signal: AbortSignal | undefined): Promise<void> {
    const queue = this.#waiting.get(priority)!;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        queue.splice(queue.indexOf(waiter), 1);
        reject(new EmbedError("aborted", "cancelled by the caller while waiting", { cause: signal?.reason }));
      };
      const waiter: Waiter = {
        start: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      queue.push(waiter);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Hands the mutex over without a gap, so that no newcomer slips in before those who wait. */
  #next(): void {
    const queue = PRIORITIES.map((priority) => this.#waiting.get(priority)!).find((waiters) => waiters.length > 0);
    const waiter = queue?.shift();
    if (waiter) waiter.start();
    else this.#busy = false;
  }
}
