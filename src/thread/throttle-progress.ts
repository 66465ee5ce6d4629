/** @file Thins out progress, so that a fast loop does not flood the page with messages. Pure; no timers. */
import type { EmbedProgress, LoadProgress } from "../types.ts";

/** 20 messages a second: smoother than a bar needs, and nothing beside the work they report. */
const MIN_INTERVAL_MS = 50;

/** Takes every progress, passes some on. */
export interface ProgressThrottle<P> {
  report(progress: P): void;
  /** Sends the last progress if it was held back. */
  flush(): void;
}

/**
 * Passes on the first progress, each change of phase, and at most one progress in 50 ms between them.
 *
 * @param send - Takes what is passed on.
 * @param now - Clock in milliseconds. @default performance.now
 */
export function throttleProgress<P extends LoadProgress | EmbedProgress>(
  send: (progress: P) => void,
  now: () => number = () => performance.now(),
): ProgressThrottle<P> {
  let sentAt = -Infinity;
  let sentPhase: string | undefined;
  let held: P | null = null;
  const pass = (progress: P): void => {
    sentAt = now();
    sentPhase = phaseOf(progress);
    held = null;
    send(progress);
  };
  return {
    report(progress) {
      if (now() - sentAt >= MIN_INTERVAL_MS || phaseOf(progress) !== sentPhase) pass(progress);
      else held = progress;
    },
    flush() {
      if (held !== null) pass(held);
    },
  };
}

function phaseOf(progress: LoadProgress | EmbedProgress): string | undefined {
  return "phase" in progress ? progress.phase : undefined;
}
