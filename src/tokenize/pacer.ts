/** @file Lets long work on a thread pause, so that a cancellation can arrive. */
import { throwIfAborted } from "../errors.ts";

/** Work between two pauses: short against what a user notices, long against the cost of a pause (about 0.05 ms). */
const SLICE_MS = 8;

/** A new task of the event loop. Not a timer: browsers make nested timers wait 4 ms each. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

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
