/** @file Web Locks of stored packs. The browser releases those of a worker that was terminated, or of a closed tab. */

import { EmbedError, throwIfAborted } from "../../errors.ts";

/** Shared by each worker that reads the pack; whoever removes it needs it alone. */
export const useLockName = (id: string): string => `strata-pack-use:${id}`;

/** Of the one who downloads, repairs or removes the pack. */
export const writeLockName = (id: string): string => `strata-pack-write:${id}`;

/**
 * Marks a pack as in use, from now until the returned function is called or this worker ends. Waits for a removal.
 *
 * @throws {EmbedError} `aborted`.
 */
export async function holdUseLock(id: string, signal?: AbortSignal): Promise<() => void> {
  throwIfAborted(signal);
  const options: LockOptions = signal ? { mode: "shared", signal } : { mode: "shared" };
  return new Promise((resolve, reject) => {
    const held = (): Promise<void> => new Promise((release) => resolve(release));
    navigator.locks.request(useLockName(id), options, held).catch((cause: unknown) => {
      reject(new EmbedError("aborted", `waiting for pack ${id} was cancelled`, { cause }));
    });
  });
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
  return navigator.locks.request(name, { ifAvailable: true }, (lock) => {
    if (lock) return task();
    const who = name === useLockName(id) ? "in use" : "being written";
    throw new EmbedError("storage-busy", `pack ${id} is ${who}, here or in another tab`, { details: { id } });
  });
}

/** Runs `task` while nobody may remove the pack; not at all when somebody is at that now. */
export async function whileShared(id: string, task: () => Promise<void>): Promise<void> {
  await navigator.locks.request(useLockName(id), { mode: "shared", ifAvailable: true }, (lock) => lock && task());
}

/** Which packs some worker of this origin uses or writes now. */
export async function packsInUse(): Promise<(id: string) => boolean> {
  const { held = [] } = await navigator.locks.query();
  const names = new Set(held.map((lock) => lock.name));
  return (id) => names.has(useLockName(id)) || names.has(writeLockName(id));
}
