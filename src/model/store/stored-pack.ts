/** @file A pack out of the browser's storage: what was damaged there since is found before anyone sees it, and healed. */

import { assert, EmbedError, throwIfAborted } from "../../errors.ts";
import type { PackFile, PackManifest, PackReader, RangeReader, ReadOptions } from "../../pack.ts";
import { allocate } from "../allocate.ts";
import { BLOCK_BYTES } from "../manifest.ts";
import { allBlocks, blockBytes, findWrongBlocks, openDiskReader } from "./blocks.ts";
import { type Entry, readEntry } from "./entry.ts";
import { PackFolder } from "./folder.ts";
import { holdUseLock } from "./locks.ts";

/**
 * Fetches blocks of a file again that are missing or wrong on the disk, and puts them there.
 *
 * @throws {EmbedError} When that cannot be.
 */
export type RepairFile = (file: PackFile, badBlocks: readonly number[], signal?: AbortSignal) => Promise<void>;

export interface OpenStoredOptions {
  /** @default none: damage is `model-corrupt` */
  readonly repair?: RepairFile | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A stored pack that nobody removes until this worker ends, or lets go of it. */
export interface StoredPackReader extends PackReader, Disposable {
  /** Of the entry in the store. */
  readonly id: string;
}

/**
 * Opens a complete pack. Every byte that it returns has just been compared with the manifest's hashes, but for ranges
 * of a file whose blocks have all been compared when it was first opened.
 *
 * @throws {EmbedError} `model-not-found` when there is none of this id, or it is not complete; `aborted`.
 */
export async function openStoredPack(id: string, options: OpenStoredOptions = {}): Promise<StoredPackReader> {
  const release = await holdUseLock(id, options.signal);
  try {
    const folder = await PackFolder.open(id);
    const entry = folder && (await readEntry(folder));
    if (!entry?.manifest || entry.storedAt === null) {
      const what = entry ? "is not complete" : "is not there";
      throw new EmbedError("model-not-found", `pack ${id} ${what} in the browser's storage`, { details: { id } });
    }
    // Which pack to evict first is no reason to fail.
    await entry.folder.writeJson("used.json", { at: Date.now() }).catch(() => undefined);
    return new DiskPack(entry, entry.manifest, { repair: options.repair, release });
  } catch (error) {
    release();
    throw error;
  }
}

interface DiskPackOptions {
  readonly repair: RepairFile | undefined;
  readonly release: () => void;
}

class DiskPack implements StoredPackReader {
  readonly manifest: PackManifest;
  readonly #entry: Entry;
  readonly #files: ReadonlyMap<string, PackFile>;
  readonly #options: DiskPackOptions;
  /** Files that are read in ranges, whole and right when they were opened. */
  readonly #opened = new Map<string, File>();

  constructor(entry: Entry, manifest: PackManifest, options: DiskPackOptions) {
    this.manifest = manifest;
    this.#entry = entry;
    this.#files = new Map(manifest.files.map((file) => [file.name, file]));
    this.#options = options;
  }

  get id(): string {
    return this.#entry.folder.id;
  }

  async readFile(name: string, options: ReadOptions = {}): Promise<ArrayBuffer> {
    const file = this.#find(name);
    const whole = allocate(file, file.bytes);
    const memory = (block: number): Uint8Array<ArrayBuffer> =>
      new Uint8Array(whole, block * BLOCK_BYTES, blockBytes(file, block));
    await this.#check(file, memory, options);
    return whole;
  }

  async openFile(name: string, options: ReadOptions = {}): Promise<RangeReader> {
    const file = this.#find(name);
    throwIfAborted(options.signal);
    if (this.#opened.has(name)) options.onBytes?.(file.bytes);
    else await this.#open(file, options);
    return { read: (offset, bytes) => this.#readRange(file, { offset, bytes }) };
  }

  [Symbol.dispose](): void {
    this.#options.release();
  }

  #find(name: string): PackFile {
    const file = this.#files.get(name);
    assert(file, `no file ${name} in the manifest`);
    return file;
  }

  async #open(file: PackFile, options: ReadOptions): Promise<File> {
    const memory = new Uint8Array(allocate(file, blockBytes(file, 0)));
    const checked = await this.#check(file, (block) => memory.subarray(0, blockBytes(file, block)), options);
    this.#opened.set(file.name, checked);
    return checked;
  }

  /** A File that the browser no longer gives (it was taken away, or another tab has repaired it) is checked again. */
  async #readRange(file: PackFile, { offset, bytes }: ByteRange): Promise<ArrayBuffer> {
    const inside = Number.isInteger(offset) && Number.isInteger(bytes) && offset >= 0 && bytes >= 0;
    assert(inside && offset + bytes <= file.bytes, `${bytes} bytes at ${offset} of the ${file.bytes} in ${file.name}`);
    const read = (from: File): Promise<ArrayBuffer> => from.slice(offset, offset + bytes).arrayBuffer();
    const opened = this.#opened.get(file.name);
    assert(opened, `${file.name} is open`);
    try {
      return await read(opened);
    } catch {
      const again = await this.#open(file, {});
      return await read(again).catch((cause: unknown) => {
        throw corruptError(file, allBlocks(file), cause);
      });
    }
  }

  /**
   * Reads all blocks into their memory, heals what is wrong, and reads again.
   *
   * @returns The file that was read.
   */
  async #check(file: PackFile, memory: BlockMemory, options: ReadOptions): Promise<File> {
    const { signal } = options;
    let reportedBytes = 0;
    let checkedBytes = 0;
    const onBytes = (bytes: number): void => {
      checkedBytes += bytes;
      // What the second reading brings again has been reported once.
      if (checkedBytes > reportedBytes) options.onBytes?.(checkedBytes - reportedBytes);
      reportedBytes = Math.max(reportedBytes, checkedBytes);
    };
    const check = (): Promise<CheckedFile> => {
      checkedBytes = 0;
      return readBlocks(this.#entry, file, { memory, onBytes, ...(signal && { signal }) });
    };
    let checked = await check();
    if (checked.wrong.length > 0) {
      await this.#heal(file, checked.wrong, signal);
      checked = await check();
    }
    if (checked.file && checked.wrong.length === 0) return checked.file;
    throw corruptError(file, checked.wrong);
  }

  async #heal(file: PackFile, wrong: readonly number[], signal: AbortSignal | undefined): Promise<void> {
    const { repair } = this.#options;
    if (!repair) throw corruptError(file, wrong);
    try {
      await repair(file, wrong, signal);
    } catch (cause) {
      throwIfAborted(signal);
      throw corruptError(file, wrong, cause);
    }
  }
}

type BlockMemory = (block: number) => Uint8Array<ArrayBuffer>;

interface ByteRange {
  readonly offset: number;
  readonly bytes: number;
}

interface CheckedFile {
  /** `null` when it is not there. */
  readonly file: File | null;
  readonly wrong: readonly number[];
}

async function readBlocks(
  { folder }: Entry,
  file: PackFile,
  options: ReadOptions & { readonly memory: BlockMemory },
): Promise<CheckedFile> {
  throwIfAborted(options.signal);
  const handle = await folder.find("files", file.name);
  // Taken before the check: a browser that notices a change after it gives nothing rather than other bytes.
  const checked = await handle?.getFile().catch(() => null);
  if (!handle || !checked) return { file: null, wrong: allBlocks(file) };
  const reader = await openDiskReader(handle);
  try {
    const wrong = await findWrongBlocks(file, file.blocks.keys(), {
      ...options,
      read: (view, at) => reader.read(view, at),
    });
    return { file: checked, wrong };
  } finally {
    reader.close();
  }
}

function corruptError({ name, blocks: all }: PackFile, blocks: readonly number[], cause?: unknown): EmbedError {
  const which = blocks.length === all.length ? "all its blocks" : `block ${blocks.join(", ")} of ${all.length}`;
  const message = `${name}: ${which} missing or damaged in the browser's storage`;
  return new EmbedError("model-corrupt", cause instanceof Error ? `${message} (${cause.message})` : message, {
    cause,
    details: { file: name, blocks: [...blocks] },
  });
}
