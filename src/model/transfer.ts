/** @file Bytes off the network: typed failures, and blocks that count only once their SHA-256 fits. */

import { EmbedError } from "../errors.ts";
import type { PackFile } from "../pack.ts";
import { BLOCK_BYTES } from "./manifest.ts";

/**
 * A body that brings no byte for so long counts as broken off: no browser gives such a connection up by itself, and
 * slow ones bring a packet every few seconds.
 */
export const STALLED_MS = 30_000;

/** What a transfer is of, for its errors. */
export interface Subject {
  /** File of the pack, or `manifest.json`. */
  readonly file: string;
  readonly url: string;
}

/**
 * One GET whose status is 200.
 *
 * @param init - `signal` and the HTTP cache's mode.
 * @throws {EmbedError} `model-fetch-failed` with `status` when the server answered; `aborted`.
 */
export async function request(subject: Subject, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(subject.url, init);
  } catch (cause) {
    throw transferError(subject, cause, init.signal);
  }
  if (response.status === 200) return response;
  await response.body?.cancel();
  throw new EmbedError("model-fetch-failed", `${subject.file}: HTTP ${response.status} from ${subject.url}`, {
    details: { ...subject, status: response.status },
  });
}

/** The body of a response, read into memory of the caller's. */
export class BodyReader {
  readonly #subject: Subject;
  readonly #signal: AbortSignal | undefined;
  readonly #reader: Reader | undefined;
  /** What a reader without memory of ours brought too much of. */
  #rest = new Uint8Array(0);

  constructor(response: Response, subject: Subject, signal: AbortSignal | undefined) {
    this.#subject = subject;
    this.#signal = signal;
    this.#reader = response.body ? openReader(response.body) : undefined;
  }

  /**
   * The next bytes, as many as are there.
   *
   * @param view - Where to put them. Its buffer may be detached by this; the result's buffer takes its place, with
   *   everything that was in it.
   * @returns A view at the start of `view`; empty at the end of the body.
   * @throws {EmbedError} `model-fetch-failed` when the connection breaks, or brings nothing for `STALLED_MS` (details
   *   `{ file, stalledMs }`); `aborted`.
   */
  async read(view: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    try {
      if (this.#reader?.kind !== "byob") return await this.#copy(view);
      return (await this.#unstalled(this.#reader.body.read(view))).value ?? new Uint8Array(0);
    } catch (cause) {
      throw transferError(this.#subject, cause, this.#signal);
    }
  }

  /** Calls the rest off. Whether that works no longer matters to anyone. */
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

function transferError(subject: Subject, cause: unknown, signal: AbortSignal | null | undefined): EmbedError {
  if (signal?.aborted) return new EmbedError("aborted", `fetching ${subject.file} was cancelled`, { cause });
  if (cause instanceof EmbedError) return cause;
  return new EmbedError("model-fetch-failed", `${subject.file}: no complete answer from ${subject.url}`, {
    cause,
    details: { ...subject },
  });
}

function stallError(subject: Subject): EmbedError {
  const message = `${subject.file}: not a byte for ${STALLED_MS} ms from ${subject.url}`;
  return new EmbedError("model-fetch-failed", message, { details: { ...subject, stalledMs: STALLED_MS } });
}

/** What is done with the bytes of a file. */
export interface Landing {
  /** Of the file's size, or of a block's when `keep` takes the blocks away. */
  readonly memory: ArrayBuffer;
  /** Gets each block, verified; its memory is used again afterwards. `null`: the blocks stay side by side. */
  readonly keep: ((block: Uint8Array<ArrayBuffer>) => void) | null;
  /** Bytes of the file so far. */
  readonly onReceived: (bytes: number) => void;
}

/**
 * One file, in blocks of 16 MiB that count only once each has the manifest's hash. (Together the blocks are the
 * file, so its own `sha256` says nothing more.)
 *
 * @returns What became of `memory`.
 * @throws {EmbedError} `model-corrupt` when bytes are missing, too many or wrong; what reading throws.
 */
export async function receiveFile(body: BodyReader, file: PackFile, landing: Landing): Promise<ArrayBuffer> {
  let { memory } = landing;
  let received = 0;
  for (const [index, expected] of file.blocks.entries()) {
    const start = index * BLOCK_BYTES;
    const bytes = Math.min(BLOCK_BYTES, file.bytes - start);
    const at = landing.keep ? 0 : start;
    while (received < start + bytes) {
      const part = await body.read(new Uint8Array(memory, at + received - start, start + bytes - received));
      // A connection that was cut often looks like a clean end.
      if (part.length === 0) throw sizeError(file, received);
      memory = part.buffer;
      received += part.length;
      landing.onReceived(received);
    }
    const block = new Uint8Array(memory, at, bytes);
    const actual = await sha256(block);
    if (actual !== expected) throw hashError(file, { block: index, expected, actual });
    landing.keep?.(block);
  }
  const beyond = await body.read(new Uint8Array(1));
  if (beyond.length > 0) throw sizeError(file, file.bytes + 1);
  return memory;
}

interface HashMismatch {
  readonly block: number;
  readonly expected: string;
  readonly actual: string;
}

function hashError({ name, blocks }: PackFile, mismatch: HashMismatch): EmbedError {
  const { block, expected, actual } = mismatch;
  return new EmbedError(
    "model-corrupt",
    `${name}: block ${block} of ${blocks.length} has SHA-256 ${actual}, the manifest says ${expected}`,
    { details: { file: name, ...mismatch } },
  );
}

function sizeError({ name, bytes }: PackFile, actualBytes: number): EmbedError {
  const count = actualBytes > bytes ? `at least ${actualBytes}` : `${actualBytes}`;
  return new EmbedError("model-corrupt", `${name}: ${count} bytes, the manifest says ${bytes}`, {
    details: { file: name, expectedBytes: bytes, actualBytes },
  });
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
