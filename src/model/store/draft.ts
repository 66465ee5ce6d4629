/** @file A pack that is being stored: its files grow block by block and survive a crash at any point. */

import type { PackOrigin, PackSource, StoredPack } from "../../delivery.ts";
import { EmbedError } from "../../errors.ts";
import type { PackFile, PackManifest, ReadOptions } from "../../pack.ts";
import { BLOCK_BYTES } from "../manifest.ts";
import { blockBytes, findWrongBlocks, openDiskReader } from "./blocks.ts";
import { type DraftFile, openDraftFile } from "./draft-file.ts";
import {
  describeEntry,
  type Entry,
  packId,
  readEntry,
  readFileState,
  readMissingRoom,
  readStoredBytes,
  writeDraftOrigin,
  writeManifest,
  writeMarker,
} from "./entry.ts";
import { PackFolder } from "./folder.ts";
import { useLockName, whileShared, writeLockName } from "./locks.ts";
import { goneError, listRoot } from "./opfs.ts";

export type { DraftFile };

/** An entry of the store that may be written to, by the one who holds its write lock (`locks.ts`). */
export interface PackDraft {
  readonly id: string;
  readonly manifest: PackManifest;
  /** `null` where nothing was noted, or cannot be read. */
  readonly origin: PackOrigin | null;
  /** Whether the commit marker stands: a complete pack, which `DraftFile.forget` makes a draft again. */
  readonly complete: boolean;
  /** Bytes on the disk by file name, as journals and sizes say, without opening anything for writing. */
  storedBytes(): Promise<ReadonlyMap<string, number>>;
  /** Bytes that the disk still has to give: files that have begun have theirs, verified or not. */
  missingRoom(): Promise<number>;
  /**
   * Opens a file; its first write makes room for all of it. Of a complete pack, a file of another size makes it a draft
   * again.
   *
   * @throws {EmbedError} `storage-busy` when another tab has the file open; `storage-full`.
   */
  openFile(file: PackFile): Promise<DraftFile>;
  /**
   * Copies what is missing of a file out of other packs that have the same one, complete or not, each block verified.
   *
   * @param options - `onBytes` counts what was copied.
   * @returns Whether the file is whole now.
   * @throws {EmbedError} `storage-full`, `storage-busy`, `aborted`.
   */
  adopt(file: PackFile, options?: ReadOptions): Promise<boolean>;
  /**
   * Writes the commit marker, then drops the journals. Every file has to be whole, verified and closed.
   *
   * @throws {EmbedError} `storage-full`; the draft can be committed again. `model-not-found` when a file of it is not
   *   there: somebody has cleared the storage.
   */
  commit(): Promise<StoredPack>;
}

/**
 * Makes the entry of a source, or opens the one that is there, complete or not. The caller holds its write lock.
 *
 * @throws {EmbedError} `storage-full`, also where the browser stores nothing (`freeBytes: 0`); `storage-busy`.
 */
export async function beginDraft(source: PackSource): Promise<PackDraft> {
  const folder = await PackFolder.create(await packId(source.manifest, source.manifestBytes));
  await writeManifest(folder, source);
  const entry = await readEntry(folder);
  if (entry.storedAt === null) await writeDraftOrigin(folder, source.origin);
  return new EntryDraft(entry.storedAt === null ? { ...entry, origin: source.origin } : entry, source.manifest);
}

/**
 * Opens an entry by its own manifest, complete or not. The caller holds its write lock.
 *
 * @throws {EmbedError} `model-not-found` when there is none with a manifest that can be read.
 */
export async function openDraft(id: string): Promise<PackDraft> {
  const folder = await PackFolder.open(id);
  const entry = folder && (await readEntry(folder));
  if (entry?.manifest) return new EntryDraft(entry, entry.manifest);
  throw new EmbedError("model-not-found", `no pack ${id} in the browser's storage`, { details: { id } });
}

class EntryDraft implements PackDraft {
  readonly manifest: PackManifest;
  #entry: Entry;
  /** Other packs, once they were asked for. */
  #others: Promise<Entry[]> | null = null;

  constructor(entry: Entry, manifest: PackManifest) {
    this.#entry = entry;
    this.manifest = manifest;
  }

  get id(): string {
    return this.#entry.folder.id;
  }

  get origin(): PackOrigin | null {
    return this.#entry.origin;
  }

  get complete(): boolean {
    return this.#entry.storedAt !== null;
  }

  storedBytes(): Promise<ReadonlyMap<string, number>> {
    return readStoredBytes(this.#entry);
  }

  missingRoom(): Promise<number> {
    return readMissingRoom(this.#entry);
  }

  openFile(file: PackFile): Promise<DraftFile> {
    return openDraftFile(this.#entry, file, () => this.#reopen());
  }

  async adopt(file: PackFile, options: ReadOptions = {}): Promise<boolean> {
    this.#others ??= otherEntries(this.id);
    for (const other of await this.#others) {
      const same = other.manifest?.files.find(({ sha256, bytes }) => sha256 === file.sha256 && bytes === file.bytes);
      if (!same) continue;
      const { blocks } = await readFileState(other, same);
      if (blocks.size === 0) continue;
      const target = await this.openFile(file);
      try {
        await whileReadable(other, () => copyBlocks({ other, name: same.name, blocks }, target, options));
        if (target.storedBytes === file.bytes) return true;
      } finally {
        target.close();
      }
    }
    return false;
  }

  async commit(): Promise<StoredPack> {
    const { folder, origin } = this.#entry;
    if (!this.complete) {
      const stored = await this.storedBytes();
      const partial = this.manifest.files.find((file) => stored.get(file.name) !== file.bytes);
      if (partial) throw goneError(folder.id, partial.name);
      await writeMarker(folder, origin);
      this.#entry = await readEntry(folder);
      if (!this.complete) throw goneError(folder.id, "manifest.json");
      await folder.remove("journal");
      await folder.remove("draft.json");
    }
    return await describeEntry(this.#entry, true);
  }

  async #reopen(): Promise<void> {
    if (!this.complete) return;
    const { folder, origin } = this.#entry;
    if (origin) await writeDraftOrigin(folder, origin);
    await folder.remove("complete.json");
    this.#entry = { ...this.#entry, storedAt: null };
  }
}

async function otherEntries(exceptId: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const [id, handle] of await listRoot()) {
    if (id === exceptId || handle.kind !== "directory") continue;
    entries.push(await readEntry(new PackFolder(id, handle)));
  }
  return entries;
}

/** What another tab downloads is left to that one, which has to open its files. */
async function whileReadable({ folder, storedAt }: Entry, task: () => Promise<void>): Promise<void> {
  const unwritten = (): Promise<void> => whileShared(writeLockName(folder.id), task);
  await whileShared(useLockName(folder.id), storedAt === null ? unwritten : task);
}

/** Where blocks are copied from. */
interface OtherFile {
  readonly other: Entry;
  readonly name: string;
  readonly blocks: Iterable<number>;
}

/** What is wrong in the other pack is not copied, and not repaired either. */
async function copyBlocks(
  { other, name, blocks }: OtherFile,
  target: DraftFile,
  { signal, onBytes }: ReadOptions,
): Promise<void> {
  const handle = await other.folder.find("files", name);
  if (!handle) return;
  const reader = await openDiskReader(handle);
  const { file } = target;
  const memory = new Uint8Array(blockBytes(file, 0));
  try {
    for (const block of blocks) {
      if (target.has(block)) continue;
      const bytes = memory.subarray(0, blockBytes(file, block));
      const read: typeof reader.read = (view) => reader.read(view, block * BLOCK_BYTES);
      const wrong = await findWrongBlocks(file, [block], { read, memory: () => bytes, ...(signal && { signal }) });
      if (wrong.length > 0) continue;
      await target.write(block, bytes);
      onBytes?.(bytes.length);
    }
  } finally {
    reader.close();
  }
}
