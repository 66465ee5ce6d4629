/** @file The worker's end of calls: cancellation by id, progress thinned out, errors typed. */
import { EmbedError } from "../errors.ts";
import type { CallHooks } from "../types.ts";
import { throttleProgress } from "./throttle-progress.ts";

/** The calls that a worker is answering. */
export class ServedCalls<Progress extends object> {
  readonly #running = new Map<number, AbortController>();
  readonly #post: (callId: number, progress: Progress) => void;

  /** @param post - Sends a progress to the page. */
  constructor(post: (callId: number, progress: Progress) => void) {
    this.#post = post;
  }

  /**
   * A call's last progress has been posted when this settles.
   *
   * @throws The work's `EmbedError`; `aborted` for whatever else it throws once it was cancelled; `out-of-memory` where
   * the JS heap refused an array. Any other error is a bug and passes as it is.
   */
  async run<R, P extends Progress>(callId: number, work: (hooks: CallHooks<P>) => Promise<R>): Promise<R> {
    const controller = new AbortController();
    const { signal } = controller;
    this.#running.set(callId, controller);
    const throttle = throttleProgress((progress: P) => this.#post(callId, progress));
    try {
      return await work({ signal, onProgress: throttle.report });
    } catch (error) {
      throw typedError(error, signal);
    } finally {
      this.#running.delete(callId);
      throttle.flush();
    }
  }

  /** Nothing happens when the call has settled. */
  cancel(callId: number): void {
    this.#running.get(callId)?.abort();
  }
}

function typedError(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof EmbedError) return error;
  if (signal.aborted) return new EmbedError("aborted", "cancelled by the caller", { cause: error });
  // A heap that is full can show in any line that makes an array, so it is told apart here, once.
  if (error instanceof RangeError && /alloc|out of memory/i.test(error.message)) {
    return new EmbedError("out-of-memory", `the worker's JS heap is full: ${error.message}`, { cause: error });
  }
  return error;
}
