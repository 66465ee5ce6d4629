/** @file One GET, and bytes as they come: typed failures, ranges checked, silence noticed. */

import type { FileStream, SourceHeaders } from "../delivery.ts";
import { EmbedError, throwIfAborted } from "../errors.ts";
import type { ErrorDetails } from "../errors.ts";

/**
 * A server that says nothing for so long, or a body that brings no byte, counts as broken off: no browser gives such a
 * connection up by itself, and slow ones bring a packet every few seconds.
 */
export const STALLED_MS = 30_000;

/** What a transfer is of, for its errors. */
export type Subject = { readonly file: string } & ({ readonly url: string } | { readonly folder: string });

/** A part of a file: `end` is the byte after the last, `total` the file's size. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
  readonly total: number;
}

export interface GetOptions {
  readonly fetch: typeof fetch;
  readonly headers: SourceHeaders;
  readonly cache: RequestCache;
  /** `null`: the whole file, and no `Range` header. */
  readonly range: ByteRange | null;
  readonly signal?: AbortSignal | undefined;
  /** Ends the message of a 401 or 403: what may help. */
  readonly refusalHint: string;
}

/**
 * One GET. Without headers of the caller's it needs no CORS preflight: `Range` in this form is safelisted. A range is
 * asked for without `If-Range`, which is not; whether the answers fit together, their hashes decide.
 *
 * @returns Status 200, or 206 with the range that was asked for (or one that CORS hides).
 * @throws {EmbedError} `model-fetch-failed` with `status` when the server answered, `retryAfterMs` when it said so,
 *   `rangeRefused` when it cannot bring this range, `stalledMs` when it said nothing for that long, `offline` when the
 *   browser knows of no network; `aborted`.
 */
export async function get(subject: Subject & { readonly url: string }, options: GetOptions): Promise<Response> {
  const { range, signal } = options;
  throwIfAborted(signal);
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(stallError(subject)), STALLED_MS);
  let response: Response;
  try {
    // A method of `options` would be called with `options` as `this`, which browsers refuse.
    const { fetch } = options;
    response = await fetch(subject.url, {
      headers: range ? { ...options.headers, Range: `bytes=${range.start}-${range.end - 1}` } : options.headers,
      cache: options.cache,
      signal: signal ? AbortSignal.any([signal, silence.signal]) : silence.signal,
    });
  } catch (cause) {
    throw transferError(subject, silence.signal.aborted ? silence.signal.reason : cause, signal);
  } finally {
    clearTimeout(timer);
  }
  const error = answerError(subject, response, options);
  if (!error) return response;
  await response.body?.cancel().catch(() => undefined);
  throw error;
}

function answerError(subject: Subject, response: Response, options: GetOptions): EmbedError | null {
  const { status, headers } = response;
  const { range } = options;
  if (status === 200) return null;
  const misfit = status === 206 && range ? rangeMisfit(headers.get("Content-Range"), range) : null;
  if (status === 206 && range && misfit === null) return null;
  const retryAfterMs = readRetryAfter(headers.get("Retry-After"));
  const refused = status === 401 || status === 403;
  const answer = misfit ?? `HTTP ${status}`;
  const message = `${subject.file}: ${answer} from ${place(subject)}${refused ? `: ${options.refusalHint}` : ""}`;
  const details: ErrorDetails = {
    ...subject,
    status,
    ...(retryAfterMs !== null && { retryAfterMs }),
    ...(range && (misfit !== null || status === 416) && { rangeRefused: true }),
  };
  return new EmbedError("model-fetch-failed", message, { details });
}

/** What is wrong with a `Content-Range`; one that CORS hides cannot be, and a hash shows what it was. */
function rangeMisfit(contentRange: string | null, { start, end, total }: ByteRange): string | null {
  if (contentRange === null) return null;
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(contentRange.trim());
  const fits =
    match &&
    Number(match[1]) === start &&
    Number(match[2]) === end - 1 &&
    (match[3] === "*" || Number(match[3]) === total);
  return fits ? null : `bytes ${start}-${end - 1}/${total} wanted, "${contentRange}"`;
}

/**
 * A header `Retry-After`: seconds or an HTTP date.
 *
 * @returns Milliseconds from now; `null` for neither.
 */
export function readRetryAfter(value: string | null): number | null {
  if (value === null || value.trim() === "") return null;
  const seconds = Number(value);
  const ms = Number.isNaN(seconds) ? Date.parse(value) - Date.now() : seconds * 1000;
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}

/** What `BodyStream` needs to know besides the body. */
export interface BodyFacts {
  readonly subject: Subject;
  readonly start: number;
  readonly end: number;
  readonly version: string | null;
  readonly signal?: AbortSignal | undefined;
}

/** A body, read into memory of the caller's. */
export class BodyStream implements FileStream {
  readonly start: number;
  readonly end: number;
  readonly version: string | null;
  readonly #subject: Subject;
  readonly #signal: AbortSignal | undefined;
  readonly #reader: Reader | undefined;
  /** What a reader without memory of ours brought too much of. */
  #rest = new Uint8Array(0);

  constructor(body: ReadableStream<Uint8Array<ArrayBuffer>> | null, facts: BodyFacts) {
    this.start = facts.start;
    this.end = facts.end;
    this.version = facts.version;
    this.#subject = facts.subject;
    this.#signal = facts.signal;
    this.#reader = body ? openReader(body) : undefined;
  }

  /**
   * @throws {EmbedError} `model-fetch-failed` when the connection breaks, or brings nothing for `STALLED_MS` (details
   *   `{ file, stalledMs }`); `aborted`.
   */
  async read(view: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    throwIfAborted(this.#signal);
    try {
      if (this.#reader?.kind !== "byob") return await this.#copy(view);
      return (await this.#unstalled(this.#reader.body.read(view))).value ?? new Uint8Array(0);
    } catch (cause) {
      throw transferError(this.#subject, cause, this.#signal);
    }
  }

  async cancel(): Promise<void> {
    await this.#reader?.body.cancel().catch(() => undefined);
  }

  async #copy(view: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#rest.length === 0 && this.#reader?.kind === "plain") {
      this.#rest = (await this.#unstalled(this.#reader.body.read())).value ?? this.#rest;
    }
    const part = this.#rest.subarray(0, view.length);
    this.#rest = this.#rest.subarray(part.length);
    view.set(part);
    return view.subarray(0, part.length);
  }

  /** The time goes by only while a read waits for bytes: a slow reader stalls nothing. */
  async #unstalled<T>(reading: Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stalled = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(stallError(this.#subject)), STALLED_MS);
    });
    try {
      return await Promise.race([reading, stalled]);
    } finally {
      clearTimeout(timer);
    }
  }
}

type Reader =
  | { readonly kind: "byob"; readonly body: ReadableStreamBYOBReader }
  | { readonly kind: "plain"; readonly body: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> };

/**
 * A reader that fills our memory, where the browser has one: the parts that the other kind brings wait to be
 * collected. The JS heap of Chromium 156 while it opened a table of 412 MB: 35 MB at most instead of 195 MB.
 */
function openReader(body: ReadableStream<Uint8Array<ArrayBuffer>>): Reader {
  try {
    return { kind: "byob", body: body.getReader({ mode: "byob" }) };
  } catch {
    return { kind: "plain", body: body.getReader() };
  }
}

function transferError(subject: Subject, cause: unknown, signal: AbortSignal | undefined): EmbedError {
  if (signal?.aborted) return new EmbedError("aborted", `fetching ${subject.file} was cancelled`, { cause });
  if (cause instanceof EmbedError) return cause;
  const { navigator }: { readonly navigator?: { readonly onLine?: boolean } } = globalThis;
  const offline = "url" in subject && navigator?.onLine === false;
  const what = offline ? "no network, and so no" : "no complete";
  return new EmbedError("model-fetch-failed", `${subject.file}: ${what} answer from ${place(subject)}`, {
    cause,
    details: { ...subject, ...(offline && { offline }) },
  });
}

function stallError(subject: Subject): EmbedError {
  const message = `${subject.file}: not a byte for ${STALLED_MS} ms from ${place(subject)}`;
  return new EmbedError("model-fetch-failed", message, { details: { ...subject, stalledMs: STALLED_MS } });
}

function place(subject: Subject): string {
  return "url" in subject ? subject.url : `the folder ${subject.folder}`;
}
