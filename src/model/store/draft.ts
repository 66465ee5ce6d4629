/** @file A pack that is being stored: its files grow block by block and survive a crash at any point. */

import type { PackOrigin, PackSource, StoredPack } from "../../delivery.ts";
import { assert, EmbedError } from "../../errors.ts";
import type { PackFile, PackManifest, ReadOptions } from "../../pack.ts";
import { BLOCK_BYTES } from "../manifest.ts";
import { blockBytes, findWrongBlocks, openDiskReader } from "./blocks.ts";
import { type DraftFile, openDraftFile } from "./draft-file.ts";
import {
  describeEntry,
  type Entry,
  packId,
  readEntry,
  readStoredBytes,
  writeDraftOrigin,
  writeManifest,
  writeMarker,
} from "./entry.ts";
import { PackFolder } from "./folder.ts";
import { whileShared } from "./locks.ts";
import { openRoot } from "./opfs.ts";

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
  /**
   * Makes room for the whole file, then opens it. Of a complete pack, a file of another size makes it a draft again.
   *
   * @throws {EmbedError} `storage-full` with `neededBytes` (of this file) and `freeBytes`; `storage-busy` when another
   *   tab has the file open.
   */
  openFile(file: PackFile): Promise<DraftFile>;
  /**
   * Copies what is missing of a file out of another complete pack that has the same one, each block verified.
   *
   * @param options - `onBytes` counts what was copied.
   * @returns Whether the file is whole now.
   * @throws {EmbedError} `storage-full`, `storage-busy`, `aborted`.
   */
  adopt(file: PackFile, options?: ReadOptions): Promise<boolean>;
  /**
   * Writes the commit marker, then drops the journals. Every file has to be whole, verified and closed.
   *
   * @throws {EmbedError} `storage-full`; the draft can be committed again.
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
  /** Other complete packs, once they were asked for. */
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

  openFile(file: PackFile): Promise<DraftFile> {
    return openDraftFile(this.#entry, file, () => this.#reopen());
  }

  async adopt(file: PackFile, options: ReadOptions = {}): Promise<boolean> {
    this.#others ??= completeEntries(this.id);
    for (const other of await this.#others) {
      const same = other.manifest?.files.find(({ sha256, bytes }) => sha256 === file.sha256 && bytes === file.bytes);
      if (!same) continue;
      const target = await this.openFile(file);
      try {
        await whileShared(other.folder.id, () => copyBlocks(other, same, { ...options, target }));
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
      assert(!partial, `${partial?.name} is whole`);
      await writeMarker(folder, origin);
      this.#entry = await readEntry(folder);
      assert(this.complete, `pack ${folder.id} is complete`);
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

async function completeEntries(exceptId: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const [id, handle] of (await openRoot()).entries()) {
    if (id === exceptId || handle.kind !== "directory") continue;
    const entry = await readEntry(new PackFolder(id, handle));
    if (entry.storedAt !== null) entries.push(entry);
  }
  return entries;
}

interface CopyOptions extends ReadOptions {
  readonly target: DraftFile;
}

/** What is wrong in the other pack is not copied, and not repaired either. */
async function copyBlocks(from: Entry, file: PackFile, { target, signal, onBytes }: CopyOptions): Promise<void> {
  const handle = await from.folder.find("files", file.name);
  if (!handle) return;
  const reader = await openDiskReader(handle);
  const memory = new Uint8Array(blockBytes(file, 0));
  try {
    for (const block of file.blocks.keys()) {
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
