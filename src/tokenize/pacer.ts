/** @file Lets long work on a thread pause, so that a cancellation can arrive. */
import { throwIfAborted } from "../errors.ts";
import { nextTask } from "../next-task.ts";

/** Work between two pauses: short against what a user notices, long against the cost of a pause. */
const SLICE_MS = 8;

/** Pauses work that comes in steps; one for all work of a thread, so that many short runs pause too. */
export class Pacer {
  #lastPauseMs = performance.now();

  /**
   * Runs `steps` to its end, or until `enough` says so.
   *
   * @throws {EmbedError} `aborted`, a few milliseconds after the signal at the latest; or whatever a step throws.
   */
  async run(steps: Iterable<void>, enough: () => boolean, signal?: AbortSignal): Promise<void> {
    const remaining = steps[Symbol.iterator]();
    do {
      if (performance.now() - this.#lastPauseMs >= SLICE_MS) {
        await nextTask();
        this.#lastPauseMs = performance.now();
      }
      throwIfAborted(signal);
    } while (!remaining.next().done && !enough());
  }
}
