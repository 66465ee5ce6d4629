/** @file Trying again: which failures pass by themselves, and how long to wait for that. */
import { EmbedError, throwIfAborted } from "../errors.ts";

/** Failures in a row, with nothing kept between them, before it is the caller's turn: with the waits below after 31 to 62 s. */
export const MAX_FAILURES = 8;

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/** A server that wants to be left alone for longer is reported instead of waited for. */
export const MAX_RETRY_AFTER_MS = 120_000;

/** Of the client's statuses those that pass: timeouts, too many requests. */
const TRANSIENT_STATUSES: readonly number[] = [408, 425, 429];
/** Of the server's those that do not: what it cannot do, and a network that wants a login. Proxies have 520 to 529, too. */
const FINAL_STATUSES: readonly number[] = [501, 505, 511];

export interface RetryOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told before each wait; `Infinity` is one for the network. */
  readonly onFailure?: ((error: EmbedError, waitMs: number) => void) | undefined;
  /** Where the browser knows of no network (details: `offline`): give up at once, or wait until there is one. @default "fail" */
  readonly offline?: "fail" | "wait" | undefined;
  /** In a row, before it is given up. @default MAX_FAILURES */
  readonly maxFailures?: number | undefined;
  /** @default a timer */
  readonly wait?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
  /** In [0, 1). @default Math.random */
  readonly random?: (() => number) | undefined;
}

/**
 * Whether the same request may succeed a moment later: no connection, one that broke or stalled, or a status that
 * passes. What is damaged on the way counts too (`model-corrupt`), as the next answer may be whole, but not what
 * whoever threw it knows to be so again (details: `persistent`).
 */
export function isTransient(error: unknown): error is EmbedError {
  if (!(error instanceof EmbedError) || error.details["persistent"] === true) return false;
  if (error.code === "model-corrupt") return true;
  const { status } = error.details;
  return error.code === "model-fetch-failed" && (typeof status !== "number" || passes(status));
}

function passes(status: number): boolean {
  return status >= 500 ? !FINAL_STATUSES.includes(status) : TRANSIENT_STATUSES.includes(status);
}

/**
 * Runs `attempt` until it succeeds, fails for good, or fails `maxFailures` times in a row.
 *
 * @param attempt - Calls `kept` whenever it has got further: failures are counted from there.
 * @throws {EmbedError} The last failure; `aborted`.
 */
export async function retryTransient<T>(
  attempt: (kept: () => void) => Promise<T>,
  options: RetryOptions = {},
): Promise<T> {
  const {
    signal,
    onFailure,
    offline = "fail",
    maxFailures = MAX_FAILURES,
    wait = delay,
    random = Math.random,
  } = options;
  for (let failures = 0; ;) {
    throwIfAborted(signal);
    try {
      return await attempt(() => (failures = 0));
    } catch (error) {
      throwIfAborted(signal);
      if (!isTransient(error)) throw error;
      if (error.details["offline"] === true) {
        if (offline === "fail") throw error;
        onFailure?.(error, Infinity);
        await waitForNetwork(wait, signal);
        continue;
      }
      if (++failures >= maxFailures) throw error;
      const waitMs = waitAfter(error, failures, random);
      if (waitMs === null) throw error;
      onFailure?.(error, waitMs);
      await wait(waitMs, signal);
    }
  }
}

/** What the server asks for, else twice as long each time, less up to half so that clients do not come back in step. */
function waitAfter({ details }: EmbedError, failures: number, random: () => number): number | null {
  const asked = details["retryAfterMs"];
  if (typeof asked === "number") return asked <= MAX_RETRY_AFTER_MS ? asked : null;
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1)) * (1 - random() / 2);
}

/**
 * Until the browser has a network, or the signal aborts, and no longer than `LONGEST_WAIT_MS`: browsers beside a VPN or
 * in a virtual machine take themselves for offline when they are not.
 */
async function waitForNetwork(wait: typeof delay, signal: AbortSignal | undefined): Promise<void> {
  const online = new AbortController();
  const end = (): void => online.abort();
  addEventListener("online", end);
  try {
    const ends = signal ? AbortSignal.any([signal, online.signal]) : online.signal;
    if (!navigator.onLine) await wait(LONGEST_WAIT_MS, ends);
  } finally {
    removeEventListener("online", end);
  }
}

/**
 * @returns After `ms` milliseconds, or at once when the signal aborts.
 */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(finish, ms);
    signal?.addEventListener("abort", finish);
    if (signal?.aborted) finish();
    function finish(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      resolve();
    }
  });
}
