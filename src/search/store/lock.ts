/** @file The Web Lock of the one who writes an index. The browser releases that of a worker that was terminated, or of a closed tab. */
import { storageError } from "./storage-error.ts";

/**
 * A page that is loaded again meets the worker of its last visit, which Chromium ends after two seconds at most; a tab
 * that stays keeps its lock for longer.
 */
const WAIT_MS = 2500;

/**
 * Holds the lock until it is released, or this worker ends.
 *
 * @returns How to release it; `null` while another tab has it.
 * @throws {EmbedError} `storage-busy` when the browser refuses locks.
 */
export async function holdWriteLock(index: string): Promise<(() => void) | null> {
  const name = `strata-index:${index}`;
  try {
    return await new Promise((resolve, reject) => {
      const held = (): Promise<void> => new Promise((release) => resolve(release));
      navigator.locks.request(name, { signal: AbortSignal.timeout(WAIT_MS) }, held).catch((error: unknown) => {
        if (error instanceof DOMException && error.name === "TimeoutError") resolve(null);
        else reject(error);
      });
    });
  } catch (cause) {
    throw storageError(cause, index);
  }
}
