/** @file How much of each priority is let in and served, and the clock that rates go by. */
import { EmbedError } from "../errors.ts";
import type { Priority, QueueLimits } from "../types.ts";

/** What goes by the time, so that tests need not wait. */
export interface Clock {
  /** Milliseconds, never going back. */
  now(): number;
  /** Resolves after `ms`, or at once when the signal fires; never rejects. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** Timers of a longer time fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The thread's own. */
export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  wait: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, Math.min(ms, LONGEST_TIMER_MS));
      signal.addEventListener("abort", done);
    }),
};

/** Limits with nothing left out. */
export type FullLimits = Required<QueueLimits>;

/** 2,000,000 waiting tokens are 8 MB of ids, and minutes of work on the fastest GPU: more only hides a lack of supply. */
export const QUEUE_LIMITS: Readonly<Record<Priority, FullLimits>> = {
  interactive: { maxQueuedTokens: 2_000_000, maxConcurrentRequests: Infinity, maxTokensPerSecond: Infinity },
  normal: { maxQueuedTokens: 2_000_000, maxConcurrentRequests: Infinity, maxTokensPerSecond: Infinity },
  bulk: { maxQueuedTokens: 2_000_000, maxConcurrentRequests: Infinity, maxTokensPerSecond: Infinity },
};

/**
 * What is given, and the defaults for the rest.
 *
 * @throws {EmbedError} `invalid-input` for a limit that is not above 0.
 */
export function fullLimits(priority: Priority, given: QueueLimits = {}): FullLimits {
  for (const [name, value] of Object.entries(given)) {
    if (value > 0) continue;
    const message = `${name} of ${priority} requests is ${value}, must be above 0`;
    throw new EmbedError("invalid-input", message, { details: { priority, [name]: value } });
  }
  return { ...QUEUE_LIMITS[priority], ...given };
}

/** A used-up rate waits for this share of a second's tokens, so that sequences still share runs. */
const REFILL_SHARE = 1 / 4;

/** Tokens that may be used now, filled at a rate; one second's worth at most. What is larger is lent. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #clock: Clock;
  #tokens: number;
  #filledAt: number;

  constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#tokens = perSecond;
    this.#filledAt = clock.now();
  }

  /** Tokens that may be taken now; 0 or less while a debt is being paid off. */
  get tokens(): number {
    const now = this.#clock.now();
    // One token at least, or a rate below one a second would never let any through.
    this.#tokens = Math.min(
      Math.max(1, this.#perSecond),
      this.#tokens + ((now - this.#filledAt) / 1000) * this.#perSecond,
    );
    this.#filledAt = now;
    return this.#tokens;
  }

  /** Takes tokens, more than there are if need be. */
  take(tokens: number): void {
    this.#tokens = this.tokens - tokens;
  }

  /** Milliseconds until tokens may be taken again; 0 while there are any. */
  get waitMs(): number {
    const enough = Math.max(1, REFILL_SHARE * this.#perSecond);
    return this.tokens >= 1 ? 0 : Math.ceil(((enough - this.#tokens) / this.#perSecond) * 1000);
  }
}
