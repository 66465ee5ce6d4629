/** @file Requests to the Hugging Face hub or a mirror: who asks, where redirects may lead, and what answers mean. */
import { EmbedError } from "../../src/errors.ts";
import { DEFAULT_ENDPOINT } from "../../src/model/hub.ts";
import { readRetryAfter, STALLED_MS } from "../../src/model/transfer.ts";

/** The hub needs two: to a repository's new name, and to where large files lie. */
const MAX_REDIRECTS = 5;
/** A page of a listing has 1,000 entries of about 300 bytes. */
const MAX_JSON_BYTES = 16 * 2 ** 20;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** Where the hub is and who asks. */
export interface HubAccess {
  /** Absolute URL without a slash at its end. */
  readonly endpoint: string;
  /** Sent to the endpoint's origin and nowhere else; never printed or stored. */
  readonly token: string | null;
  /** @default STALLED_MS */
  readonly stalledMs?: number;
}

/** A file's bytes as they come. */
export interface HubBody {
  /** The first byte that comes: the one that was asked for, or 0 from a server that knows no ranges. */
  readonly start: number;
  /** Ends with the connection; throws `model-fetch-failed` when that breaks or brings nothing for long, `aborted`. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Calls the rest off; does not throw. */
  cancel(): Promise<void>;
}

/** An answer of the API. */
export interface JsonPage {
  readonly value: unknown;
  /** Query of the next page, from the header `Link`; `null` at the end. */
  readonly next: string | null;
}

/**
 * Endpoint and token of the environment: `HF_ENDPOINT` and `HF_TOKEN`.
 *
 * @throws {EmbedError} `invalid-input`; the message holds nothing secret.
 */
export function hubAccess(environment: NodeJS.ProcessEnv): HubAccess {
  const endpoint = (environment["HF_ENDPOINT"] || DEFAULT_ENDPOINT).replace(/\/+$/, "");
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new EmbedError("invalid-input", "HF_ENDPOINT is no plain http or https URL");
  }
  const token = environment["HF_TOKEN"]?.trim() || null;
  if (token && !/^[\x21-\x7e]+$/.test(token)) {
    throw new EmbedError("invalid-input", "HF_TOKEN has characters that no token has");
  }
  return { endpoint, token };
}

interface Request {
  /** What it is for, in errors. */
  readonly subject: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
}

interface Answer {
  readonly response: Response;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly cancel: () => Promise<void>;
}

/** Asks the hub, in the name of the token's owner where there is one. */
export class HubClient {
  readonly endpoint: string;
  readonly #token: string | null;
  readonly #stalledMs: number;

  constructor({ endpoint, token, stalledMs = STALLED_MS }: HubAccess) {
    this.endpoint = endpoint;
    this.#token = token;
    this.#stalledMs = stalledMs;
  }

  /**
   * One answer of the hub's API.
   *
   * @param path - Below the endpoint, query included.
   * @throws {EmbedError} As `open`.
   */
  async json(path: string, signal?: AbortSignal): Promise<JsonPage> {
    const request = { subject: path, url: new URL(this.endpoint + path), headers: {}, signal };
    const { response, chunks, cancel } = await this.#send(request);
    const parts: Uint8Array[] = [];
    let bytes = 0;
    try {
      if (response.status !== 200) throw this.#refusal(path, response);
      for await (const chunk of chunks) {
        bytes += chunk.length;
        if (bytes > MAX_JSON_BYTES) throw badAnswer(path, 200, `has more than ${MAX_JSON_BYTES} bytes`);
        parts.push(chunk);
      }
    } finally {
      await cancel();
    }
    const [, link] = /<([^<>]+)>;\s*rel="?next"?/.exec(response.headers.get("link") ?? "") ?? [];
    // Of the link only the query: a mirror passes the hub's own address on, and the next page is the mirror's to give.
    const next = link !== undefined && URL.canParse(link, request.url) ? new URL(link, request.url).search : null;
    try {
      return { value: JSON.parse(Buffer.concat(parts).toString("utf8")), next };
    } catch {
      throw badAnswer(path, 200, "is not JSON");
    }
  }

  /**
   * A file of a repository at a commit.
   *
   * @param path - Below the endpoint.
   * @param options - `start`: first byte wanted.
   * @throws {EmbedError} `model-not-found`; `model-fetch-failed` (details: `subject`, `status` where a server answered,
   *   `retryAfterMs` where it said when to come again); `aborted`.
   */
  async open(path: string, options: { readonly start: number; readonly signal?: AbortSignal }): Promise<HubBody> {
    const { start, signal } = options;
    // No If-Range: the hub's storage may refuse it. Whether bytes fit together, the hash of the file decides.
    const headers: Record<string, string> = start > 0 ? { range: `bytes=${start}-` } : {};
    const url = new URL(this.endpoint + path);
    const { response, chunks, cancel } = await this.#send({ subject: path, url, headers, signal });
    const range = response.headers.get("content-range") ?? "";
    const isPart = response.status === 206;
    if (isPart ? !range.startsWith(`bytes ${start}-`) : response.status !== 200) {
      await cancel();
      const what = `brings ${JSON.stringify(range)}, asked for was byte ${start}`;
      throw isPart ? badAnswer(path, 206, what) : this.#refusal(path, response);
    }
    return { start: isPart ? start : 0, chunks, cancel };
  }

  async #send(request: Request): Promise<Answer> {
    const stall = new AbortController();
    const signal = request.signal ? AbortSignal.any([request.signal, stall.signal]) : stall.signal;
    /** The time goes by only while something is waited for: a slow disk stalls nothing. */
    const unstalled = async <T>(waiting: () => Promise<T>): Promise<T> => {
      const timer = setTimeout(() => stall.abort(stallError(request.subject, this.#stalledMs)), this.#stalledMs);
      try {
        return await waiting();
      } catch (cause) {
        throw transferError(request, cause);
      } finally {
        clearTimeout(timer);
      }
    };
    const response = await unstalled(() => this.#follow(request, signal));
    const reader = response.body?.getReader();
    const next = async () => (await reader?.read())?.value as Uint8Array | undefined;
    async function* read(): AsyncGenerator<Uint8Array, void, void> {
      for (let part = await unstalled(next); part; part = await unstalled(next)) yield part;
    }
    const cancel = async () => void (await reader?.cancel().catch(() => undefined));
    return { response, chunks: read(), cancel };
  }

  /** By hand, as a followed redirect does not show where a token went. */
  async #follow({ subject, url: first, headers }: Request, signal: AbortSignal) {
    const home = new URL(this.endpoint).origin;
    for (let url = first, hops = 0; ; hops++) {
      const authorization = this.#token && url.origin === home ? { authorization: `Bearer ${this.#token}` } : {};
      const response = await fetch(url, {
        // Compressed on the way, a range and a length would speak of other bytes.
        headers: { ...headers, ...authorization, "accept-encoding": "identity" },
        redirect: "manual",
        signal,
      });
      const location = REDIRECTS.includes(response.status) ? response.headers.get("location") : null;
      if (location === null) return response;
      await response.body?.cancel();
      const next = URL.canParse(location, url) ? new URL(location, url) : null;
      const isSafe =
        next !== null && (next.protocol === "https:" || (next.protocol === "http:" && url.protocol === "http:"));
      if (!isSafe || hops === MAX_REDIRECTS) {
        const what = isSafe ? `redirects more than ${MAX_REDIRECTS} times` : "redirects to no safe address";
        throw badAnswer(subject, response.status, what);
      }
      url = next;
    }
  }

  #refusal(subject: string, { status, headers }: Response): EmbedError {
    const retryAfterMs = readRetryAfter(headers.get("retry-after"));
    const details = { subject, status, ...(retryAfterMs !== null && { retryAfterMs }) };
    const answer = `${this.endpoint}${subject}: HTTP ${status}`;
    if (status === 404) {
      return new EmbedError("model-not-found", `${answer}: no such repository, revision or file`, { details });
    }
    if (status !== 401 && status !== 403) return new EmbedError("model-fetch-failed", answer, { details });
    const remedy = this.#token
      ? "HF_TOKEN is set, but may not read it: is the name right, and have the repository's terms been accepted?"
      : "there is no such repository, or it is not public: then set HF_TOKEN to a token that may read it";
    return new EmbedError("model-fetch-failed", `${answer}: ${remedy}`, { details });
  }
}

/** An answer that would be the same the next time; the status says to `isTransient` that there was one. */
function badAnswer(subject: string, status: number, what: string): EmbedError {
  return new EmbedError("model-fetch-failed", `the answer to ${subject} ${what}`, { details: { subject, status } });
}

function stallError(subject: string, stalledMs: number): EmbedError {
  return new EmbedError("model-fetch-failed", `${subject}: not a byte for ${stalledMs} ms`, {
    details: { subject, stalledMs },
  });
}

function transferError({ subject, url, signal }: Request, cause: unknown): EmbedError {
  if (signal?.aborted) return new EmbedError("aborted", "cancelled by the caller", { cause });
  if (cause instanceof EmbedError) return cause;
  // Fetch says "fetch failed" whatever has happened; what that was stands below, and names no more than a host.
  const reason = (cause as { cause?: { message?: unknown } }).cause?.message;
  const why = typeof reason === "string" && reason !== "" ? ` (${reason})` : "";
  return new EmbedError("model-fetch-failed", `${subject}: no complete answer from ${url.origin}${why}`, {
    cause,
    details: { subject },
  });
}
