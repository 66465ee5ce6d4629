/** @file The operating system's refusals as ours. */
import { EmbedError } from "../../src/errors.ts";

/**
 * A failed system call → `storage-full` for a full disk, `invalid-input` for a path that cannot be read or written;
 * anything else as it is.
 */
export function wrapSystemError(error: unknown): unknown {
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  const isFull = "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
  return new EmbedError(isFull ? "storage-full" : "invalid-input", error.message, { cause: error });
}
