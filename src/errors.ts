/** @file The one error class. Callers branch on `code`, never on `message`. */

/** Closed set of failure classes; each has a row in the README's error table. */
export const ERROR_CODES = [
  "invalid-input",
  "model-not-found",
  "model-fetch-failed",
  "model-corrupt",
  "storage-full",
  "storage-busy",
  "webgpu-unavailable",
  "out-of-memory",
  "device-lost",
  "worker-crashed",
  "numeric-fault",
  "queue-full",
  "index-mismatch",
  "aborted",
  "disposed",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Facts about a failure: plain values that survive a structured clone. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** Every failure that Strata reports, on either side of the worker boundary. */
export class EmbedError extends Error {
  override readonly name = "EmbedError";
  /** What kind of failure it is. */
  readonly code: ErrorCode;
  /** The offending values: `index`, `tokens`, `limit`, `file`, … */
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly details?: ErrorDetails; readonly cause?: unknown } = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.details = options.details ?? {};
  }
}

/**
 * Throws when an invariant of our own code is broken (never for bad input).
 *
 * @throws {Error} A plain error: a bug report, not something a caller can handle.
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${message}`);
}

/**
 * Throws when the caller has cancelled.
 *
 * @throws {EmbedError} `aborted`, with the signal's reason as `cause`.
 */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new EmbedError("aborted", "cancelled by the caller", { cause: signal.reason });
}
