/** @file A file from the web: fetched without cookies, its size bounded while it comes. */
import { importStrings } from "../import-strings.ts";
import { formatOfAnswer } from "./formats.ts";
import { MAX_FILE_BYTES } from "./limits.ts";
import { Refusal } from "./outcome.ts";
import type { ReadRequest } from "./protocol.ts";

const { details } = importStrings;
const CHARSET = /charset\s*=\s*"?([\w:.-]+)/i;

/**
 * @param url - Of this page's origin, or of one that allows others to read it (CORS). Its fragment does not count.
 * @throws {Refusal} `url-invalid`, `url-blocked`, `http-status`, `not-a-text-type`, `too-large`, `unreadable`.
 * @throws The signal's reason.
 */
export async function fetchUrl(url: string, signal?: AbortSignal): Promise<ReadRequest> {
  const address = checkAddress(url);
  const answer = await ask(address, signal);
  if (!answer.ok) throw new Refusal("http-status", details.httpStatus(answer.status));
  const contentType = answer.headers.get("content-type") ?? "";
  const format = formatOfAnswer(contentType, new URL(answer.url || address).pathname);
  if (format === null) {
    await answer.body?.cancel();
    throw new Refusal("not-a-text-type", details.unknownContentType(contentType));
  }
  const content = await readBody(answer, signal);
  return { name: address.href, format, content, charset: CHARSET.exec(contentType)?.[1] ?? null, title: null };
}

function checkAddress(url: string): URL {
  const address = URL.canParse(url.trim()) ? new URL(url.trim()) : null;
  const isWeb = address?.protocol === "http:" || address?.protocol === "https:";
  if (!address || !isWeb || address.username !== "" || address.password !== "")
    throw new Refusal("url-invalid", details.urlInvalid);
  address.hash = "";
  return address;
}

/** The browser does not say why it blocked a request; the page's own policy reports it apart. */
async function ask(address: URL, signal: AbortSignal | undefined): Promise<Response> {
  const refusedByPolicy = new AbortController();
  const target = globalThis.document as Document | undefined;
  let byPolicy = false;
  target?.addEventListener(
    "securitypolicyviolation",
    (event) => (byPolicy ||= event.blockedURI.startsWith(address.origin)),
    {
      signal: refusedByPolicy.signal,
    },
  );
  try {
    return await fetch(address, { credentials: "omit", referrerPolicy: "no-referrer", signal: signal ?? null });
  } catch (error) {
    signal?.throwIfAborted();
    // The report comes in a task of its own.
    await new Promise((resolve) => setTimeout(resolve));
    const detail = byPolicy ? details.urlBlockedByPolicy : details.urlBlocked;
    throw new Refusal("url-blocked", detail, { cause: error });
  } finally {
    refusedByPolicy.abort();
  }
}

async function readBody(answer: Response, signal: AbortSignal | undefined): Promise<Blob> {
  if (Number(answer.headers.get("content-length") ?? 0) > MAX_FILE_BYTES) {
    await answer.body?.cancel();
    throw new Refusal("too-large", details.downloadTooLarge);
  }
  const reader = answer.body?.getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let sizeBytes = 0;
  try {
    for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
      sizeBytes += part.value.byteLength;
      if (sizeBytes > MAX_FILE_BYTES) throw new Refusal("too-large", details.downloadTooLarge);
      chunks.push(part.value);
    }
  } catch (error) {
    await reader?.cancel().catch(() => undefined);
    signal?.throwIfAborted();
    if (error instanceof Refusal) throw error;
    throw new Refusal("unreadable", details.downloadBroken, { cause: error });
  }
  return new Blob(chunks);
}
