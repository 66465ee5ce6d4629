/** @file Thins out progress, so that a fast loop does not flood the page with messages. Pure; no timers. */
import type { DownloadProgress } from "../delivery.ts";
import type { LoadProgress } from "../types.ts";

/** 20 messages a second: smoother than a bar needs, and nothing beside the work they report. */
const MIN_INTERVAL_MS = 50;

/** Takes every progress, passes some on. */
export interface ProgressThrottle<P> {
  report(progress: P): void;
  /** Sends the last progress if it was held back. */
  flush(): void;
}

/**
 * Passes on the first progress, each one that brings news beside numbers (another phase, a lost connection, another
 * tab's turn), and at most one progress in 50 ms between them: news may be all that is heard for a while.
 *
 * @param send - Takes what is passed on.
 * @param now - Clock in milliseconds. @default performance.now
 */
export function throttleProgress<P extends object>(
  send: (progress: P) => void,
  now: () => number = () => performance.now(),
): ProgressThrottle<P> {
  let sentAt = -Infinity;
  let sentNews = "";
  let held: P | null = null;
  const pass = (progress: P): void => {
    sentAt = now();
    sentNews = newsOf(progress);
    held = null;
    send(progress);
  };
  return {
    report(progress) {
      if (now() - sentAt >= MIN_INTERVAL_MS || newsOf(progress) !== sentNews) pass(progress);
      else held = progress;
    },
    flush() {
      if (held !== null) pass(held);
    },
  };
}

/** Of a progress of any kind. */
function newsOf(progress: Partial<LoadProgress & DownloadProgress>): string {
  const { phase, by, trouble } = { ...progress, ...progress.download };
  return JSON.stringify([progress.phase, phase, by, trouble]);
}
