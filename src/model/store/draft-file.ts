/** @file One file that is being stored: blocks into their places, then into the journal. */

import { assert } from "../../errors.ts";
import type { PackFile, ReadOptions } from "../../pack.ts";
import { BLOCK_BYTES } from "../manifest.ts";
import { allBlocks, blockBytes, blocksBytes, findWrongBlocks } from "./blocks.ts";
import { type Entry, type FileState, readFileState } from "./entry.ts";
import { growFile } from "./estimate.ts";
import { blockLine, lostLine } from "./journal.ts";
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
  /**
   * Puts a verified block in its place, the first one once there is room for the whole file, then into the journal.
   * `bytes` may be used again when this has resolved.
   *
   * @throws {EmbedError} `storage-full` with `neededBytes` (of this file) and `freeBytes`; the draft stays as it was.
   */
  write(block: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Takes blocks as missing from now on, which makes a complete pack a draft again. @throws {EmbedError} As `write`. */
  forget(blocks: readonly number[]): Promise<void>;
  /**
   * Reads every block back from the disk and forgets the wrong ones.
   *
   * @param options - `onBytes` counts what was read back; `memory` holds one block at a time (default: new memory).
   * @returns The blocks that have to be fetched: those, and the ones that were not there before; ascending.
   * @throws {EmbedError} `aborted`; as `write`, where something is wrong.
   */
  verify(options?: VerifyOptions): Promise<number[]>;
  /**
   * Has the disk keep what was written, and lets go of the file; a second call does nothing.
   *
   * @throws {EmbedError} As `storageError` when the disk does not keep it, unless a call before has failed already.
   */
  close(): void;
}

/** Makes a draft of a complete pack; to be called before anything of it is given up. */
export type Reopen = () => Promise<void>;

/**
 * Opens a file, or the place where it is to be; nothing of it is made before there is something to write.
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
    opened.release();
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
  #data: SyncHandle | null = null;
  #journal: SyncHandle | null = null;
  #journalEnd: number;
  #isOpen = true;
  /** What was written is known not to be all on the disk. */
  #failed = false;

  constructor({ entry, file, state, reopen }: FileInEntry) {
    this.file = file;
    this.#entry = entry;
    this.#reopen = reopen;
    this.#blocks = state.blocks;
    this.#journalEnd = state.endBytes;
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
    const handle = await this.#entry.folder.find("files", this.file.name);
    if (!handle) return;
    this.#data = await openSync(handle);
    if (sizeBytes > this.file.bytes) this.#data.truncate(this.file.bytes);
  }

  async #makeRoom(): Promise<SyncHandle> {
    const data = (this.#data ??= await openSync(await this.#entry.folder.make("files", this.file.name)));
    if (data.getSize() !== this.file.bytes) await growFile(data, this.file.bytes, this.file.name);
    return data;
  }

  has(block: number): boolean {
    return this.#blocks.has(block);
  }

  async write(block: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    assert(bytes.length === blockBytes(this.file, block), `${bytes.length} bytes for block ${block}`);
    assert(!this.#blocks.has(block), `block ${block} of ${this.file.name} is there already`);
    assert(this.#isOpen, `${this.file.name} is open`);
    await this.#attempt(async () => {
      put(await this.#makeRoom(), bytes, block * BLOCK_BYTES);
      await this.#note(blockLine(block));
    });
    this.#blocks.add(block);
  }

  async forget(blocks: readonly number[]): Promise<void> {
    assert(this.#isOpen, `${this.file.name} is open`);
    await this.#attempt(async () => {
      await this.#note(blocks.map(lostLine).join(""));
      this.#journal?.flush();
    });
    for (const block of blocks) this.#blocks.delete(block);
    await this.#reopen();
  }

  async verify({ memory = new Uint8Array(blockBytes(this.file, 0)), ...options }: VerifyOptions = {}): Promise<
    number[]
  > {
    assert(this.#isOpen, `${this.file.name} is open`);
    const wrong = await findWrongBlocks(
      this.file,
      [...this.#blocks].sort((a, b) => a - b),
      {
        ...options,
        read: (view, at) => this.#data?.read(view, { at }) ?? 0,
        memory: (block) => memory.subarray(0, blockBytes(this.file, block)),
      },
    );
    if (wrong.length > 0) await this.forget(wrong);
    return allBlocks(this.file).filter((block) => !this.has(block));
  }

  close(): void {
    try {
      // Data first: a journal must not outlive what it vouches for.
      this.#data?.flush();
      this.#journal?.flush();
    } catch (cause) {
      // In a `finally` this would take the place of what made the disk fail.
      if (!this.#failed) throw storageError(cause, this.file.name, { neededBytes: this.missingBytes });
    } finally {
      this.release();
    }
  }

  /** Lets go of the file as it is. */
  release(): void {
    this.#isOpen = false;
    this.#data?.close();
    this.#journal?.close();
    this.#data = this.#journal = null;
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
    put(this.#journal, bytes, this.#journalEnd);
    this.#journalEnd += bytes.length;
  }

  async #attempt(change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (cause) {
      this.#failed = true;
      throw storageError(cause, this.file.name, { neededBytes: this.missingBytes });
    }
  }
}

function put(handle: SyncHandle, bytes: Uint8Array<ArrayBuffer>, at: number): void {
  if (handle.write(bytes, { at }) === bytes.length) return;
  throw new DOMException("the disk took a part only", "QuotaExceededError");
}
