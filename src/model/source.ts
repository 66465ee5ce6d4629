/** @file A pack under a URL: fetches the manifest, then files, and hands out nothing that is not verified. */

import { assert, EmbedError, throwIfAborted } from "../errors.ts";
import type { PackFile, PackManifest, PackReader, RangeReader, ReadOptions } from "../pack.ts";
import { BLOCK_BYTES, parseManifest } from "./manifest.ts";
import { BodyReader, receiveFile, request } from "./transfer.ts";
import type { Landing, Subject } from "./transfer.ts";

const MANIFEST = "manifest.json";
/** One of a 36-layer model with ten golden vectors takes under 1 MB. */
const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;
/** How much of the manifest is read at a time. */
const MANIFEST_PART_BYTES = 64 * 1024;

/**
 * Opens the pack whose files lie under `modelUrl`; a query or fragment of the URL is dropped.
 *
 * The manifest is revalidated each time (HTTP cache `no-cache`). Its files are taken from the HTTP cache however
 * old they are (`force-cache`), since their hashes decide; a file that fails in any way is fetched once more
 * past that cache (`reload`), so a stale or damaged entry heals itself and a dropped connection gets a second try.
 *
 * @param modelUrl - Absolute.
 * @param options - `onBytes` counts the manifest's bytes.
 * @returns A reader whose files, when missing on the server, are `model-fetch-failed` with `status` and `file`.
 * @throws {EmbedError} `invalid-input` for something that is no URL; `model-not-found` when there is no manifest
 *   (404, 410); `model-corrupt` when it is not a valid one; `model-fetch-failed` for any other answer or none, or
 *   when the page is no secure context, where browsers offer no SHA-256; `aborted`.
 */
export async function openHttpPack(modelUrl: string, options: ReadOptions = {}): Promise<PackReader> {
  throwIfAborted(options.signal);
  const base = folderUrl(modelUrl);
  assertHashing(base);
  const manifest = await fetchManifest({ file: MANIFEST, url: new URL(MANIFEST, base).href }, options);
  const files = new Map(manifest.files.map((file) => [file.name, file]));
  const find = (name: string): PackFile => {
    const file = files.get(name);
    assert(file, `no file ${name} in the manifest`);
    return file;
  };
  return {
    manifest,
    readFile: async (name, readOptions = {}) => readFile(base, find(name), readOptions),
    openFile: async (name, readOptions = {}) => openFile(base, find(name), readOptions),
  };
}

function folderUrl(modelUrl: string): URL {
  try {
    const url = new URL(modelUrl);
    if (!url.pathname.endsWith("/")) url.pathname += "/";
    return new URL(".", url);
  } catch (cause) {
    throw new EmbedError("invalid-input", `model URL ${JSON.stringify(modelUrl)} is no absolute URL of a folder`, {
      cause,
      details: { modelUrl },
    });
  }
}

function assertHashing(base: URL): void {
  const webCrypto: Partial<Crypto> = globalThis.crypto;
  if (webCrypto.subtle) return;
  throw new EmbedError(
    "model-fetch-failed",
    `${base.href}: files cannot be verified, for this page is no secure context (needs https or localhost)`,
    { details: { url: base.href, secureContext: false } },
  );
}

async function fetchManifest(subject: Subject, { signal, onBytes }: ReadOptions): Promise<PackManifest> {
  const response = await request(subject, { cache: "no-cache", signal: signal ?? null }).catch(noPack);
  const text = await readText(new BodyReader(response, subject, signal), { subject, onBytes });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw notJson(subject, /^\s*</.test(text) ? "is an HTML page" : "is not JSON", cause);
  }
  return parseManifest(json);
}

async function readText(
  body: BodyReader,
  { subject, onBytes }: { readonly subject: Subject; readonly onBytes: ReadOptions["onBytes"] },
): Promise<string> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  try {
    for (let bytes = 0; bytes <= MAX_MANIFEST_BYTES;) {
      const part = await body.read(new Uint8Array(MANIFEST_PART_BYTES));
      if (part.length === 0) return await new Blob(parts).text();
      parts.push(part);
      bytes += part.length;
      onBytes?.(part.length);
    }
    throw notJson(subject, `is over the limit of ${MAX_MANIFEST_BYTES} bytes`);
  } finally {
    await body.cancel();
  }
}

/** Where no manifest is, there is no pack. */
function noPack(error: unknown): never {
  if (error instanceof EmbedError && (error.details.status === 404 || error.details.status === 410)) {
    throw new EmbedError("model-not-found", `no pack here: ${error.message}`, { details: error.details });
  }
  throw error;
}

function notJson(subject: Subject, what: string, cause?: unknown): EmbedError {
  return new EmbedError("model-corrupt", `the answer of ${subject.url} ${what}`, {
    cause,
    details: { ...subject },
  });
}

function readFile(base: URL, file: PackFile, options: ReadOptions): Promise<ArrayBuffer> {
  return receiveTwice(base, file, { ...options, land: () => ({ memory: allocate(file, file.bytes), keep: null }) });
}

/** The file as a Blob, which browsers keep outside the JS heap; one block at a time is in memory. */
async function openFile(base: URL, file: PackFile, options: ReadOptions): Promise<RangeReader> {
  let parts: Blob[] = [];
  const land = (): Omit<Landing, "onReceived"> => {
    parts = [];
    return {
      memory: allocate(file, Math.min(BLOCK_BYTES, file.bytes)),
      keep: (block) => parts.push(new Blob([block])),
    };
  };
  await receiveTwice(base, file, { ...options, land });
  const blob = new Blob(parts);
  return { read: (offset, bytes) => readRange(file.name, blob, { offset, bytes }) };
}

async function readRange(
  file: string,
  blob: Blob,
  { offset, bytes }: { readonly offset: number; readonly bytes: number },
): Promise<ArrayBuffer> {
  const inside = Number.isInteger(offset) && Number.isInteger(bytes) && offset >= 0 && bytes >= 0;
  assert(inside && offset + bytes <= blob.size, `${bytes} bytes at ${offset} of the ${blob.size} in ${file}`);
  try {
    return await blob.slice(offset, offset + bytes).arrayBuffer();
  } catch (cause) {
    throw new EmbedError("model-fetch-failed", `${file}: the browser gave up its copy`, { cause, details: { file } });
  }
}

function allocate({ name }: PackFile, bytes: number): ArrayBuffer {
  try {
    return new ArrayBuffer(bytes);
  } catch (cause) {
    throw new EmbedError("out-of-memory", `${name}: no memory for ${bytes} bytes`, {
      cause,
      details: { file: name, bytes },
    });
  }
}

interface ReceiveOptions extends ReadOptions {
  /** A fresh start, for each try. */
  readonly land: () => Omit<Landing, "onReceived">;
}

/** A file from any cache, or else from the server. */
async function receiveTwice(base: URL, file: PackFile, options: ReceiveOptions): Promise<ArrayBuffer> {
  const { signal, onBytes, land } = options;
  throwIfAborted(signal);
  const subject = { file: file.name, url: new URL(file.name, base).href };
  let reported = 0;
  const onReceived = (bytes: number): void => {
    // What the second try brings again has been reported once.
    if (bytes > reported) onBytes?.(bytes - reported);
    reported = Math.max(reported, bytes);
  };
  const receive = async (cache: RequestCache): Promise<ArrayBuffer> => {
    const response = await request(subject, { cache, signal: signal ?? null });
    const body = new BodyReader(response, subject, signal);
    try {
      return await receiveFile(body, file, { ...land(), onReceived });
    } finally {
      await body.cancel();
    }
  };
  try {
    return await receive("force-cache");
  } catch {
    // What went wrong comes back if it was not the cache; after an abort this rejects without a request.
    return await receive("reload");
  }
}
