/** @file Reads and writes of whole ranges at given positions of a file. Synchronous. */
import { closeSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { EmbedError } from "../../src/errors.ts";

/**
 * Exactly `bytes` bytes from `offset` on.
 *
 * @throws {EmbedError} `model-corrupt` when the file ends before.
 */
export function readAt(path: string, offset: number, bytes: number): Uint8Array<ArrayBuffer> {
  const descriptor = openSync(path, "r");
  try {
    const buffer = new Uint8Array(bytes);
    for (let done = 0; done < bytes;) {
      const read = readSync(descriptor, buffer, done, bytes - done, offset + done);
      if (read === 0) throw new EmbedError("model-corrupt", `${path} ends at byte ${offset + done}`);
      done += read;
    }
    return buffer;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * A whole file of UTF-8 that is parsed into objects many times its size.
 *
 * @throws {EmbedError} `model-corrupt` for more than `maxBytes`.
 */
export function readText(path: string, maxBytes: number): string {
  const bytes = statSync(path).size;
  if (bytes > maxBytes) throw new EmbedError("model-corrupt", `${path} has ${bytes} bytes, the limit is ${maxBytes}`);
  return new TextDecoder().decode(readAt(path, 0, bytes));
}

/** Writes all of `values` at `offset`. */
export function writeAt(descriptor: number, values: Uint8Array | Uint16Array, offset: number): void {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  for (let done = 0; done < bytes.length;) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, offset + done);
  }
}
