/** @file How much this origin may store: what the browser says, and what it does. */

import type { StorageEstimate } from "../../delivery.ts";
import { requestLock } from "./locks.ts";
import { openSync, storageError, type SyncHandle } from "./opfs.ts";

/** File, and Web Lock of whoever measures with it or makes a file grow. A crash leaves it until the next measurement. */
const SCRATCH = "strata-room";
/** To the nearest MiB: twelve attempts for 4 GB. */
const STEP_BYTES = 1024 * 1024;

/** As the browser estimates it; zeros where it tells nothing. Chromium 156 says 10 GiB whatever its quota is. @throws {EmbedError} `storage-busy`. */
export async function estimateStorage(): Promise<StorageEstimate> {
  const storage: Partial<StorageManager> = navigator.storage;
  const asked = Promise.all([storage.estimate?.(), storage.persisted?.()]).catch((cause: unknown) => {
    throw storageError(cause, "estimate");
  });
  const [{ usage = 0, quota = 0 } = {}, persisted = false] = await asked;
  return { usedBytes: usage, freeBytes: Math.max(0, quota - usage), persisted };
}

/**
 * Asks the browser for so much room, and gives it back: the only way to learn its quota. (What the disk then holds may
 * still be less, as nothing is written.) Chromium 156 rounds up what it needs for a file, to a power of two below
 * 128 MiB and to multiples of that above, here as when the file is written. Needs a dedicated worker.
 *
 * @returns `wantedBytes`, or as much of it as there is, to a MiB.
 * @throws {EmbedError} `storage-busy`.
 */
export async function measureRoom(wantedBytes: number): Promise<number> {
  return await requestLock(SCRATCH, {}, async () => {
    try {
      const root = await navigator.storage.getDirectory();
      const handle = await openSync(await root.getFileHandle(SCRATCH, { create: true }));
      try {
        handle.truncate(0);
        return measureGrowth(handle, wantedBytes);
      } finally {
        handle.close();
        await root.removeEntry(SCRATCH);
      }
    } catch (cause) {
      throw storageError(cause, SCRATCH);
    }
  });
}

/**
 * Makes a file grow while nobody measures, which takes all room for a moment.
 *
 * @param name - For the error.
 * @throws {EmbedError} `storage-full` with `neededBytes` and `freeBytes` of this file.
 */
export async function growFile(handle: SyncHandle, sizeBytes: number, name: string): Promise<void> {
  await requestLock(SCRATCH, {}, async () => {
    try {
      resize(handle, sizeBytes);
    } catch (cause) {
      const neededBytes = sizeBytes - handle.getSize();
      // Other files that are removed or made smaller may have given their room back just now.
      const freeBytes = measureGrowth(handle, neededBytes);
      if (freeBytes < neededBytes) throw storageError(cause, name, { neededBytes, freeBytes });
      resize(handle, sizeBytes);
    }
  });
}

/** By how much a file may grow, up to `wantedBytes`; it has its size again afterwards. */
function measureGrowth(handle: SyncHandle, wantedBytes: number): number {
  const sizeBytes = handle.getSize();
  const canGrow = (bytes: number): boolean => {
    try {
      resize(handle, sizeBytes + bytes);
      return true;
    } catch {
      return false;
    }
  };
  let grantedBytes = canGrow(wantedBytes) ? wantedBytes : 0;
  for (let refusedBytes = wantedBytes; refusedBytes - grantedBytes > STEP_BYTES;) {
    const middle = Math.floor((grantedBytes + refusedBytes) / 2);
    if (canGrow(middle)) grantedBytes = middle;
    else refusedBytes = middle;
  }
  handle.truncate(sizeBytes);
  return grantedBytes;
}

/**
 * Gives a file its size.
 *
 * @throws {DOMException} `QuotaExceededError`, also in Chromium 156's private windows, which just keep the old size.
 */
function resize(handle: SyncHandle, sizeBytes: number): void {
  handle.truncate(sizeBytes);
  if (handle.getSize() === sizeBytes) return;
  throw new DOMException(`the file did not get its ${sizeBytes} bytes`, "QuotaExceededError");
}
