/** @file Memory for files of a pack, which there may not be. */
import { EmbedError } from "../errors.ts";
import type { PackFile } from "../pack.ts";

/**
 * Memory of `bytes` bytes for what is read of a file.
 *
 * @throws {EmbedError} `out-of-memory` with `file` and `bytes`.
 */
export function allocate({ name }: PackFile, bytes: number): ArrayBuffer {
  try {
    return new ArrayBuffer(bytes);
  } catch (cause) {
    throw new EmbedError("out-of-memory", `${name}: no memory for ${bytes} bytes`, {
      cause,
      details: { file: name, bytes },
    });
  }
}
