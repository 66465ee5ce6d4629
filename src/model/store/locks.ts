/** @file Web Locks of stored packs. The browser releases those of a worker that was terminated, or of a closed tab. */

import { EmbedError, throwIfAborted } from "../../errors.ts";
import { storageError } from "./opfs.ts";

/** Shared by each worker that reads the pack; whoever removes it needs it alone. */
export const useLockName = (id: string): string => `strata-pack-use:${id}`;

/** Of the one who downloads, repairs or removes the pack. */
export const writeLockName = (id: string): string => `strata-pack-write:${id}`;

/**
 * Marks a pack as in use, from now until the returned function is called or this worker ends. Waits for a removal.
 *
 * @throws {EmbedError} `aborted`; `storage-busy` when the browser refuses the lock.
 */
export async function holdUseLock(id: string, signal?: AbortSignal): Promise<() => void> {
  throwIfAborted(signal);
  const options: LockOptions = signal ? { mode: "shared", signal } : { mode: "shared" };
  return new Promise((resolve, reject) => {
    const held = (): Promise<void> => new Promise((release) => resolve(release));
    requestLock(useLockName(id), options, held).catch(reject);
  });
}

/**
 * Runs `task` with a Web Lock, or with `null` for an `ifAvailable` one that is taken.
 *
 * @throws {EmbedError} `aborted` while it waits; `storage-busy` when the browser refuses; what `task` throws.
 */
export async function requestLock<T>(
  name: string,
  options: LockOptions,
  task: (lock: Lock | null) => Promise<T>,
): Promise<T> {
  let begun = false;
  try {
    return await navigator.locks.request(name, options, (lock) => {
      begun = true;
      return task(lock);
    });
  } catch (cause) {
    if (begun) throw cause;
    throwIfAborted(options.signal);
    throw storageError(cause, name);
  }
}

/**
 * Runs `task` while nobody uses or writes the pack.
 *
 * @throws {EmbedError} `storage-busy` at once when somebody does.
 */
export async function whileUnused<T>(id: string, task: () => Promise<T>): Promise<T> {
  return await ifFree({ id, lock: useLockName(id) }, () => ifFree({ id, lock: writeLockName(id) }, task));
}

function ifFree<T>(
  { id, lock: name }: { readonly id: string; readonly lock: string },
  task: () => Promise<T>,
): Promise<T> {
  return requestLock(name, { ifAvailable: true }, async (lock) => {
    if (lock) return task();
    const who = name === useLockName(id) ? "in use" : "being written";
    throw new EmbedError("storage-busy", `pack ${id} is ${who}, here or in another tab`, { details: { id } });
  });
}

/** Runs `task` while nobody has the lock alone; not at all when somebody has it now. */
export async function whileShared(lockName: string, task: () => Promise<void>): Promise<void> {
  await requestLock(lockName, { mode: "shared", ifAvailable: true }, async (lock) => {
    if (lock) await task();
  });
}

/** Which packs some worker of this origin uses or writes now. @throws {EmbedError} `storage-busy`. */
export async function packsInUse(): Promise<(id: string) => boolean> {
  const { held = [] } = await navigator.locks.query().catch((cause: unknown) => {
    throw storageError(cause, "list of locks");
  });
  const names = new Set(held.map((lock) => lock.name));
  return (id) => names.has(useLockName(id)) || names.has(writeLockName(id));
}
