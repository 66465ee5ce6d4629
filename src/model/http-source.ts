/** @file A pack under a URL: its manifest, then its files or ranges of them. */
import type { FileStream, OpenOptions, PackOrigin, PackSource, SourceHeaders, UrlSource } from "../delivery.ts";
import { EmbedError } from "../errors.ts";
import type { PackFile } from "../pack.ts";
import { MANIFEST, MAX_MANIFEST_BYTES, readManifest } from "./manifest-bytes.ts";
import { retryTransient } from "./retry.ts";
import type { RetryOptions } from "./retry.ts";
import { BodyStream, get } from "./transfer.ts";

/** How much of the manifest is read at a time. */
const MANIFEST_PART_BYTES = 64 * 1024;

/** Nothing has been fetched yet that would be lost: whoever mistyped an address is told after some three seconds. */
export const MANIFEST_FAILURES = 4;

/** A pack's folder on a server. */
export interface HttpPlace {
  /** Ends with a slash. */
  readonly base: URL;
  readonly headers: SourceHeaders;
  /** What is remembered of it. */
  readonly origin: PackOrigin;
  /** What may help when the server says 401 or 403. */
  readonly refusalHint: string;
}

export interface HttpOptions extends Pick<RetryOptions, "maxFailures" | "wait" | "random"> {
  readonly signal?: AbortSignal | undefined;
  /** @default globalThis.fetch */
  readonly fetch?: typeof fetch | undefined;
  /** Bytes of the manifest. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Where a URL source is; a query or fragment of the URL is dropped.
 *
 * @throws {EmbedError} `invalid-input` for what is no URL of a folder, and for headers that cannot be sent.
 */
export function locateUrl({ url, headers = {} }: UrlSource): HttpPlace {
  const base = folderUrl(url);
  return {
    base,
    headers: checkHeaders(headers),
    origin: { url: base.href },
    refusalHint: "the server wants to know who asks; the source's `headers` can say it",
  };
}

function folderUrl(modelUrl: string): URL {
  let base: URL;
  try {
    const url = new URL(modelUrl);
    if (!url.pathname.endsWith("/")) url.pathname += "/";
    base = new URL(".", url);
  } catch (cause) {
    throw new EmbedError("invalid-input", `model URL ${JSON.stringify(modelUrl)} is no absolute URL of a folder`, {
      cause,
      details: { modelUrl },
    });
  }
  if (base.username === "" && base.password === "") return base;
  // Not repeated, since it holds a password.
  throw new EmbedError("invalid-input", `the model URL at ${base.host} has a user name in it: say it in \`headers\``, {
    details: { host: base.host },
  });
}

/** @throws {EmbedError} `invalid-input`, which repeats no header's value. */
export function checkHeaders(headers: SourceHeaders): SourceHeaders {
  for (const [name, value] of Object.entries(headers)) {
    try {
      new Headers({ [name]: value });
    } catch {
      // The cause would repeat the value.
      throw new EmbedError(
        "invalid-input",
        `header ${JSON.stringify(name)} cannot be sent: its name or value is none`,
        {
          details: { header: name },
        },
      );
    }
  }
  return headers;
}

/**
 * Opens the pack at a place on a server.
 *
 * The manifest is revalidated each time (HTTP cache `no-cache`). A whole file is taken from the HTTP cache however old
 * it is (`force-cache`), since its hashes decide, and past that cache (`reload`) when it was wrong; so a stale or
 * damaged entry heals itself. Ranges have nothing to do with that cache: browsers store them badly.
 *
 * The headers go to the server that was named; browsers keep `Authorization` back when that redirects to another one.
 *
 * @throws {EmbedError} `model-not-found` when there is no manifest (404, 410); `model-corrupt` when it is not a valid
 *   one; `model-fetch-failed` for any other answer or none, after tries enough; `aborted`.
 */
export async function openHttpSource(place: HttpPlace, options: HttpOptions = {}): Promise<PackSource> {
  const { signal, maxFailures = MANIFEST_FAILURES, wait, random } = options;
  const http: Http = { ...place, fetch: options.fetch ?? globalThis.fetch };
  const manifestBytes = await retryTransient(() => fetchManifest(http, signal), { signal, maxFailures, wait, random });
  const manifest = readManifest(manifestBytes, `the answer of ${urlOf(http, MANIFEST)}`);
  options.onBytes?.(manifestBytes.length);
  return { origin: place.origin, manifest, manifestBytes, open: (file, range) => openFile(http, file, range) };
}

interface Http extends HttpPlace {
  readonly fetch: typeof fetch;
}

function urlOf({ base }: Http, name: string): string {
  return new URL(name, base).href;
}

/** @returns At most one part more than a manifest may have. */
async function fetchManifest(http: Http, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> {
  const subject = { file: MANIFEST, url: urlOf(http, MANIFEST) };
  const response = await get(subject, { ...http, cache: "no-cache", range: null, signal }).catch(noPack);
  const body = new BodyStream(response.body, { subject, start: 0, end: Infinity, version: null, signal });
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let memory = new ArrayBuffer(MANIFEST_PART_BYTES);
  try {
    for (let bytes = 0; bytes <= MAX_MANIFEST_BYTES;) {
      const part = await body.read(new Uint8Array(memory));
      if (part.length === 0) break;
      // A copy: a part may be a byte, and would keep all of the memory that it came in.
      parts.push(part.slice());
      memory = part.buffer;
      bytes += part.length;
    }
  } finally {
    await body.cancel();
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Where no manifest is, there is no pack. */
function noPack(error: unknown): never {
  if (error instanceof EmbedError && (error.details["status"] === 404 || error.details["status"] === 410)) {
    throw new EmbedError("model-not-found", `no pack here: ${error.message}`, { details: error.details });
  }
  throw error;
}

async function openFile(http: Http, file: PackFile, options: OpenOptions): Promise<FileStream> {
  const { start, end = file.bytes, fresh = false, uncached = false, signal } = options;
  const subject = { file: file.name, url: urlOf(http, file.name) };
  const whole = start === 0 && end === file.bytes;
  const range = whole ? null : { start, end, total: file.bytes };
  const request = (cache: RequestCache): Promise<Response> => get(subject, { ...http, cache, range, signal });
  const response = await (!whole || uncached
    ? request("no-store")
    : fresh
      ? request("reload")
      : request("force-cache").catch(askAgain));
  const partial = response.status === 206;
  return new BodyStream(response.body, {
    subject,
    start: partial ? start : 0,
    end: partial ? end : file.bytes,
    version: response.headers.get("ETag") ?? response.headers.get("Last-Modified"),
    signal,
  });

  /** Caches keep a "not found", too. */
  function askAgain(error: unknown): Promise<Response> {
    if (error instanceof EmbedError && (error.details["status"] === 404 || error.details["status"] === 410)) {
      return request("reload");
    }
    throw error;
  }
}
