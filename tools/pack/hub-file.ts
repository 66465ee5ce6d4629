/** @file One file of the hub onto the disk: ranges, and the hash that the hub lists. */
import { EmbedError } from "../../src/errors.ts";
import { retryTransient, type RetryOptions } from "../../src/model/retry.ts";
import type { HubBody } from "./hub-client.ts";
import type { HubFile } from "./hub-listing.ts";
import { PartialFile, type Resumed } from "./hub-partial.ts";
import { wrapSystemError } from "./system-errors.ts";

/** A second time, as the first one's bytes may have been damaged on the way or on this disk, or be those of before. */
const MAX_ATTEMPTS = 2;

/** What one file is downloaded with. */
export interface FileDownload {
  readonly file: HubFile;
  readonly folder: string;
  /** What an earlier run left. */
  readonly resumed: Resumed | null;
  /** Bytes of the file from `start` on. */
  readonly open: (start: number) => Promise<HubBody>;
  readonly retry: RetryOptions;
  /** Bytes that came, or with a minus those that were dropped. */
  readonly onBytes: (delta: number) => void;
}

/**
 * Brings one file to its folder, from where an earlier run stopped.
 *
 * @throws {EmbedError} `model-corrupt` when its hash is not the listed one, twice; `model-not-found`,
 *   `model-fetch-failed`, `storage-full`, `invalid-input` for a folder that cannot be written; `aborted`.
 */
export async function downloadFile(download: FileDownload): Promise<void> {
  try {
    for (let attempt = 1; ; attempt++) {
      const fault = await attemptFile(attempt === 1 ? download : { ...download, resumed: null });
      if (fault === null) return;
      if (attempt === MAX_ATTEMPTS) throw fault;
      download.retry.onFailure?.(fault, 0);
    }
  } catch (error) {
    throw wrapSystemError(error);
  }
}

/** @returns `null` when the file is whole and has its name; else what was wrong with its bytes, which are gone. */
async function attemptFile(download: FileDownload): Promise<EmbedError | null> {
  const { file, folder, resumed, retry, onBytes } = download;
  const partial = await PartialFile.open(folder, file, resumed);
  let isWhole: boolean;
  try {
    isWhole = await retryTransient((kept) => receive(download, partial, kept), retry);
  } catch (error) {
    await partial.close();
    throw error;
  }
  const actual = isWhole ? partial.digest() : null;
  if (actual === file.hash.hex) {
    await partial.commit();
    return null;
  }
  await partial.remove();
  onBytes(-partial.received);
  return mismatch(file, actual);
}

/**
 * One connection. What it brings goes on after what is here, whatever version the server says it is of: nodes of a mirror
 * disagree about that, and a mixture has another hash.
 *
 * @returns Whether the bytes are complete; else the server's file ends before those that are here.
 */
async function receive(download: FileDownload, partial: PartialFile, kept: () => void): Promise<boolean> {
  const { file, onBytes } = download;
  if (partial.received === file.bytes && file.bytes > 0) return true;
  const body = await openRest(download, partial);
  if (!body) return false;
  try {
    // From a server without ranges the bytes that are here come once more.
    let skip = partial.received - body.start;
    for await (const chunk of body.chunks) {
      const fresh = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - fresh.length;
      // What comes beyond the file's size is not looked at: the hash tells.
      const part = fresh.subarray(0, file.bytes - partial.received);
      await partial.append(part);
      onBytes(part.length);
      if (part.length > 0) kept();
      if (partial.received === file.bytes) return true;
    }
  } finally {
    await body.cancel();
  }
  if (partial.received === file.bytes) return true;
  const what = `${file.name}: the answer ended after ${partial.received} of ${file.bytes} bytes`;
  throw new EmbedError("model-fetch-failed", what, { details: { file: file.name } });
}

/** @returns `null` when the server's file ends before the bytes that are here. */
async function openRest({ open }: FileDownload, partial: PartialFile): Promise<HubBody | null> {
  try {
    return await open(partial.received);
  } catch (error) {
    if (error instanceof EmbedError && error.details["status"] === 416 && partial.received > 0) return null;
    throw error;
  }
}

/** @param actual - `null` when the server's file ended before the bytes that were here. */
function mismatch({ name, hash }: HubFile, actual: string | null): EmbedError {
  const kind = hash.kind === "sha256" ? "SHA-256" : "git hash";
  const what =
    actual === null
      ? "is shorter on the server than what is here of it"
      : `has the ${kind} ${actual}, the hub says ${hash.hex}`;
  const details = { file: name, expected: hash.hex, actual };
  return new EmbedError("model-corrupt", `${name} ${what}`, { details });
}
