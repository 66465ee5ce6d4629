/** @file One file that is being stored: blocks into their places, then into the journal. */

import { assert } from "../../errors.ts";
import type { PackFile, ReadOptions } from "../../pack.ts";
import { BLOCK_BYTES } from "../manifest.ts";
import { allBlocks, blockBytes, blocksBytes, findWrongBlocks } from "./blocks.ts";
import { type Entry, type FileState, readFileState } from "./entry.ts";
import { measureGrowth, resize } from "./estimate.ts";
import { blockLine, lostLine, versionLine } from "./journal.ts";
import { openSync, storageError, type SyncHandle } from "./opfs.ts";

export interface VerifyOptions extends ReadOptions {
  readonly memory?: Uint8Array<ArrayBuffer>;
}

/**
 * One file of a draft, open for writing: which of its blocks are on the disk, and the way to put more there. Needs a
 * dedicated worker (synchronous access handles) and the pack's write lock. `close` it in any case.
 */
export interface DraftFile {
  readonly file: PackFile;
  /** Whether the block was written and journaled; after a crash of the machine only `verify` knows for sure. */
  has(block: number): boolean;
  /** Bytes of the blocks that are there. */
  readonly storedBytes: number;
  /** The server's version (ETag) of the file that the blocks came from; `null` when none was noted. */
  readonly version: string | null;
  /** Notes the version in the journal. @throws {EmbedError} `storage-full`. */
  setVersion(version: string | null): Promise<void>;
  /**
   * Puts a verified block in its place, then into the journal. `bytes` may be used again as soon as this is called.
   *
   * @throws {EmbedError} `storage-full` with `neededBytes` (of this file) and `freeBytes`; the draft stays as it was.
   */
  write(block: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Takes blocks as missing from now on, which makes a complete pack a draft again. */
  forget(blocks: readonly number[]): Promise<void>;
  /**
   * Reads every block back from the disk and forgets the wrong ones.
   *
   * @param options - `onBytes` counts what was read back; `memory` holds one block at a time (default: new memory).
   * @returns The blocks that have to be fetched: those, and the ones that were not there before; ascending.
   * @throws {EmbedError} `aborted`.
   */
  verify(options?: VerifyOptions): Promise<number[]>;
  /** Asks the disk to keep what was written. */
  flush(): void;
  /** Flushes and lets go of the file; a second call does nothing. */
  close(): void;
}

/** Makes a draft of a complete pack; to be called before anything of it is given up. */
export type Reopen = () => Promise<void>;

/**
 * Makes room for the whole file and opens it.
 *
 * @throws {EmbedError} As `storageError`.
 */
export async function openDraftFile(entry: Entry, file: PackFile, reopen: Reopen): Promise<DraftFile> {
  const state = await readFileState(entry, file);
  const opened = new OpenDraftFile({ entry, file, state, reopen });
  try {
    await opened.open(state.sizeBytes);
    return opened;
  } catch (cause) {
    opened.close();
    throw storageError(cause, file.name, { neededBytes: opened.missingBytes });
  }
}

interface FileInEntry {
  readonly entry: Entry;
  readonly file: PackFile;
  readonly state: FileState;
  readonly reopen: Reopen;
}

class OpenDraftFile implements DraftFile {
  readonly file: PackFile;
  readonly #entry: Entry;
  readonly #reopen: Reopen;
  readonly #blocks: Set<number>;
  #version: string | null;
  #data: SyncHandle | null = null;
  #journal: SyncHandle | null = null;
  #journalEnd: number;

  constructor({ entry, file, state, reopen }: FileInEntry) {
    this.file = file;
    this.#entry = entry;
    this.#reopen = reopen;
    this.#blocks = state.blocks;
    this.#version = state.version;
    this.#journalEnd = state.endBytes;
  }

  get version(): string | null {
    return this.#version;
  }

  get storedBytes(): number {
    return blocksBytes(this.file, this.#blocks);
  }

  get missingBytes(): number {
    return this.file.bytes - this.storedBytes;
  }

  /** The journal comes first: without one, a file of full size would pass for a whole one. */
  async open(sizeBytes: number): Promise<void> {
    if (sizeBytes !== this.file.bytes) {
      await this.#note("");
      await this.#reopen();
    }
    this.#data = await openSync(await this.#entry.folder.make("files", this.file.name));
    if (this.#data.getSize() !== this.file.bytes) this.#resize(this.#data);
  }

  #resize(data: SyncHandle): void {
    try {
      resize(data, this.file.bytes);
    } catch (cause) {
      const neededBytes = this.file.bytes - data.getSize();
      throw storageError(cause, this.file.name, { neededBytes, freeBytes: measureGrowth(data, neededBytes) });
    }
  }

  has(block: number): boolean {
    return this.#blocks.has(block);
  }

  async setVersion(version: string | null): Promise<void> {
    if (version === this.#version) return;
    await this.#note(versionLine(version));
    this.#version = version;
  }

  async write(block: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    assert(bytes.length === blockBytes(this.file, block), `${bytes.length} bytes for block ${block}`);
    assert(!this.#blocks.has(block), `block ${block} of ${this.file.name} is there already`);
    await this.#put(this.#openData, bytes, block * BLOCK_BYTES);
    await this.#note(blockLine(block));
    this.#blocks.add(block);
  }

  async forget(blocks: readonly number[]): Promise<void> {
    await this.#note(blocks.map(lostLine).join(""));
    this.#journal?.flush();
    for (const block of blocks) this.#blocks.delete(block);
    await this.#reopen();
  }

  async verify({ memory = new Uint8Array(blockBytes(this.file, 0)), ...options }: VerifyOptions = {}): Promise<
    number[]
  > {
    const data = this.#openData;
    const wrong = await findWrongBlocks(
      this.file,
      [...this.#blocks].sort((a, b) => a - b),
      {
        ...options,
        read: (view, at) => data.read(view, { at }),
        memory: (block) => memory.subarray(0, blockBytes(this.file, block)),
      },
    );
    if (wrong.length > 0) await this.forget(wrong);
    return allBlocks(this.file).filter((block) => !this.has(block));
  }

  flush(): void {
    // Data first: a journal must not outlive what it vouches for.
    this.#data?.flush();
    this.#journal?.flush();
  }

  close(): void {
    try {
      this.flush();
    } finally {
      this.#data?.close();
      this.#journal?.close();
      this.#data = this.#journal = null;
    }
  }

  get #openData(): SyncHandle {
    assert(this.#data, `${this.file.name} is open`);
    return this.#data;
  }

  /** Appends to the journal; the first time, to what is left of it or to a new one that says what is there. */
  async #note(lines: string): Promise<void> {
    let text = lines;
    if (!this.#journal) {
      const handle = await this.#entry.folder.find("journal", this.file.name);
      // Of a complete pack, or of a file that was whole, there is none that counts.
      const leftOver = this.#entry.storedAt !== null || !handle;
      this.#journal = await openSync(handle ?? (await this.#entry.folder.make("journal", this.file.name)));
      if (leftOver) text = Array.from(this.#blocks, blockLine).join("") + lines;
      if (leftOver) this.#journalEnd = 0;
      this.#journal.truncate(this.#journalEnd);
    }
    const bytes = new TextEncoder().encode(text);
    await this.#put(this.#journal, bytes, this.#journalEnd);
    this.#journalEnd += bytes.length;
  }

  /** Takes `bytes` before it lets anything else run. */
  async #put(handle: SyncHandle, bytes: Uint8Array<ArrayBuffer>, at: number): Promise<void> {
    try {
      if (handle.write(bytes, { at }) === bytes.length) return;
      throw new DOMException("the disk took a part only", "QuotaExceededError");
    } catch (cause) {
      throw storageError(cause, this.file.name, { neededBytes: this.missingBytes });
    }
  }
}
