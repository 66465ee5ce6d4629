/** @file The packs in the browser's storage: what is there, and how to get rid of it. */

import type { PackOrigin, StoredPack } from "../../delivery.ts";
import { EmbedError } from "../../errors.ts";
import { describeEntry, readEntry, writeOrigin } from "./entry.ts";
import { measureRoom } from "./estimate.ts";
import { PackFolder } from "./folder.ts";
import { packsInUse, whileUnused } from "./locks.ts";
import { isMissing, listRoot, openRoot, storageError, untilFree } from "./opfs.ts";

/**
 * Every entry, the newest first, those that are not complete last. What a crash, a removal or another version of this
 * program has left is `incomplete`.
 *
 * @throws {EmbedError} As `listRoot` and `packsInUse`.
 */
export async function listStored(): Promise<StoredPack[]> {
  const entries = await listRoot();
  const isInUse = await packsInUse();
  const packs = await Promise.all(entries.map(([id]) => describe(id, isInUse(id))));
  return packs.sort((a, b) => (b.storedAt ?? 0) - (a.storedAt ?? 0) || (a.id < b.id ? -1 : 1));
}

/** One entry; `null` when there is none. */
export async function findStored(id: string): Promise<StoredPack | null> {
  if (!(await PackFolder.open(id))) return null;
  return await describe(id, (await packsInUse())(id));
}

/** Everywhere that this very pack was seen, the last place first. */
export async function originsOf(id: string): Promise<readonly PackOrigin[]> {
  const folder = await PackFolder.open(id);
  return folder ? (await readEntry(folder)).origins : [];
}

/** Notes where else a pack is. That it can be asked there the next time is no reason to fail: it throws nothing. */
export async function noteOrigin(id: string, origin: PackOrigin): Promise<void> {
  try {
    const folder = await PackFolder.open(id);
    if (folder) await writeOrigin(await readEntry(folder), origin);
  } catch {
    // A disk that is full, or another tab that notes one now.
  }
}

async function describe(id: string, inUse: boolean): Promise<StoredPack> {
  const folder = await PackFolder.open(id);
  if (folder) return await describeEntry(await readEntry(folder), inUse);
  // A file among the folders.
  return { ...NOTHING, id, name: id, inUse };
}

const NOTHING = {
  state: "incomplete",
  origin: null,
  revision: null,
  totalBytes: 0,
  storedBytes: 0,
  storedAt: null,
  lastUsedAt: null,
} as const;

/**
 * Removes an entry, whatever it holds; one that is removed halfway is incomplete, and can be removed again.
 *
 * @throws {EmbedError} `model-not-found`; `storage-busy` when it is in use or being written.
 */
export async function removePack(id: string): Promise<void> {
  await whileUnused(id, async () => {
    const folder = await PackFolder.open(id);
    // First of all, or a removal that breaks off would leave a pack that looks complete.
    await folder?.remove("complete.json");
    const root = await openRoot();
    try {
      await untilFree(() => root.removeEntry(id, { recursive: true }));
    } catch (cause) {
      if (!isMissing(cause) && !(cause instanceof TypeError)) throw storageError(cause, id);
      throw new EmbedError("model-not-found", `no pack ${id} in the browser's storage`, { cause, details: { id } });
    }
  });
}

/**
 * Removes packs that nobody uses until so much is free: leftovers first, then complete ones, the least recently used
 * before the others, then downloads that have begun. Needs a dedicated worker.
 *
 * @param measure - How much is free of what is wanted; asked before each removal. @default the browser is put to it
 * @returns The removed ones.
 * @throws {EmbedError} `storage-full` with `neededBytes`, `freeBytes` and the `removed` ids, when that is not enough.
 */
export async function evictPacks(
  neededBytes: number,
  measure: (wantedBytes: number) => Promise<number> = measureRoom,
): Promise<StoredPack[]> {
  const candidates = (await listStored())
    .filter(({ inUse }) => !inUse)
    .sort((a, b) => worth(a) - worth(b) || lastSeen(a) - lastSeen(b));
  const removed: StoredPack[] = [];
  let freeBytes = await measure(neededBytes);
  for (const pack of candidates) {
    if (freeBytes >= neededBytes) break;
    if (!(await isRemoved(pack.id))) continue;
    removed.push(pack);
    freeBytes = await measure(neededBytes);
  }
  if (freeBytes >= neededBytes) return removed;
  const message = `${freeBytes} bytes are free, ${neededBytes} are needed, and no pack is left that can be removed`;
  throw new EmbedError("storage-full", message, {
    details: { neededBytes, freeBytes, removed: removed.map(({ id }) => id) },
  });
}

/** Of a leftover nothing can be used. A download is likely the one to make room for: what it has is lost last. */
function worth({ state, storedBytes }: StoredPack): number {
  if (state === "complete") return 1;
  return storedBytes === 0 ? 0 : 2;
}

function lastSeen({ lastUsedAt, storedAt }: StoredPack): number {
  return Math.max(lastUsedAt ?? 0, storedAt ?? 0);
}

/** A pack that another tab has begun to use, or has removed, since it was listed is left to that one. */
async function isRemoved(id: string): Promise<boolean> {
  try {
    await removePack(id);
    return true;
  } catch (error) {
    if (error instanceof EmbedError && ["storage-busy", "model-not-found"].includes(error.code)) return false;
    throw error;
  }
}
