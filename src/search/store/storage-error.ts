/** @file What a failed read or write of the browser's storage means to a caller. */
import { EmbedError } from "../../errors.ts";

/**
 * @returns `storage-full` when there is no room, or no storage at all; else `storage-busy`: the browser refuses for now,
 *   or somebody has cleared the storage meanwhile.
 */
export function storageError(cause: unknown, what: string): EmbedError {
  if (cause instanceof EmbedError) return cause;
  const name = cause instanceof DOMException ? cause.name : "";
  const details = { index: what };
  const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  if (name === "QuotaExceededError" || name === "SecurityError") {
    return new EmbedError("storage-full", `index ${what} cannot be stored (${why})`, { cause, details });
  }
  return new EmbedError("storage-busy", `index ${what} is refused by the browser's storage (${why})`, {
    cause,
    details,
  });
}
