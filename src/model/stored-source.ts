/** @file Stored packs as sources: which one is meant, where its bytes came from, and its files healed from there. */
import { EmbedError } from "../errors.ts";
import type { HubSource, ModelSource, PackOrigin, StoredPack, UrlSource } from "../delivery.ts";
import { repairFile } from "./download.ts";
import { locateUrl, type HttpOptions } from "./http-source.ts";
import { locateHub } from "./hub.ts";
import { openPackSource } from "./source.ts";
import type { RepairFile } from "./store/stored-pack.ts";
import { hasOpfs } from "./store/opfs.ts";
import { listStored, originsOf } from "./store/stored.ts";

/** A source that can be asked again at any time. */
export type RemoteSource = UrlSource | HubSource;

/** Whether it is on a server; a folder is there only as long as the user has given it. */
export function isRemote(source: ModelSource | PackOrigin): source is RemoteSource {
  return "url" in source || "hub" in source;
}

/**
 * The stored pack of this id, else of this name: a complete one if there is one, and the newest of those.
 *
 * @throws {EmbedError} `model-not-found`, with what is `stored` in the message and in `details`.
 */
export async function resolveStored(stored: string): Promise<StoredPack> {
  const support = await hasOpfs();
  if (!support.ok) {
    throw new EmbedError("model-not-found", `no pack ${JSON.stringify(stored)}: ${support.reason}`, {
      details: { id: stored, stored: [] },
    });
  }
  // Newest first, complete ones before the others.
  const packs = await listStored();
  const found = packs.find(({ id }) => id === stored) ?? packs.find(({ name }) => name === stored);
  if (found) return found;
  const ids = packs.map(({ id }) => id);
  const there = ids.length === 0 ? "nothing is" : `stored are ${ids.join(", ")}`;
  throw new EmbedError("model-not-found", `no pack ${JSON.stringify(stored)} in the browser's storage: ${there}`, {
    details: { id: stored, stored: ids },
  });
}

/**
 * The server that a stored pack came from.
 *
 * @throws {EmbedError} `invalid-input` where that is none, or was never noted.
 */
export function originOf({ id, origin }: StoredPack): RemoteSource {
  if (origin && !("folder" in origin)) return origin;
  const where = origin ? `from the folder ${JSON.stringify(origin.folder)}` : "from nobody knows where";
  throw new EmbedError("invalid-input", `pack ${id} came ${where}: choose its source again to go on`, {
    details: { id, origin },
  });
}

/** Complete packs that came from this place, or were seen there since; the newest first. */
export async function storedFrom(source: RemoteSource): Promise<StoredPack[]> {
  const here = placeOf(source);
  const isHere = (origin: PackOrigin): boolean => here !== null && isRemote(origin) && placeOf(origin) === here;
  const found: StoredPack[] = [];
  for (const pack of await listStored()) {
    if (pack.state === "complete" && (await originsOf(pack.id)).some(isHere)) found.push(pack);
  }
  return found;
}

/** `null` for what makes no sense: of what a disk says any part may be wrong. */
function placeOf(source: RemoteSource): string | null {
  try {
    return ("url" in source ? locateUrl(source) : locateHub(source)).base.href;
  } catch {
    return null;
  }
}

/**
 * Heals files of a stored pack from the server it came from.
 *
 * @param source - That server, with whatever it wants to be told; `null` where there is none.
 */
export function repairFrom(id: string, source: RemoteSource | null, options: HttpOptions): RepairFile | undefined {
  if (!source) return undefined;
  return async (file, _badBlocks, signal) => {
    const opened = await openPackSource(source, { ...options, signal });
    const { wait, random } = options;
    await repairFile({ id, source: opened }, file, { signal, wait, random });
  };
}
