/** @file Time, as an interface: tests turn the hands themselves. */

export interface Clock {
  /** Milliseconds since 1970, so that times can be compared after a reload. */
  now(): number;
  /**
   * Runs `task` once, `ms` milliseconds from now.
   *
   * @returns Takes it back.
   */
  after(ms: number, task: () => void): () => void;
}

export const realClock: Clock = {
  now: () => Date.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * @throws The signal's reason, when it fires first.
 */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      takeBack();
      reject(signal.reason as Error);
    };
    const takeBack = clock.after(ms, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}
