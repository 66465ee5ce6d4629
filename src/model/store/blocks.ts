/** @file Files of packs on the disk, read and hashed block by block. */

import { throwIfAborted } from "../../errors.ts";
import type { PackFile, ReadOptions } from "../../pack.ts";
import { BLOCK_BYTES } from "../manifest.ts";
import { sha256Hex } from "../../sha256.ts";
import { openSyncReader, storageError } from "./opfs.ts";

/**
 * Hashes that are worked on while the next block is read, each with a copy of its block. `crypto.subtle` hashes beside
 * this thread, but no faster for more of them: 2.04 GB took 2.2 s in one call after the other as in four at once.
 */
const MAX_HASHES = 2;

/** Bytes of one block of a file: 16 MiB, less at the end. */
export function blockBytes(file: PackFile, block: number): number {
  return Math.min(BLOCK_BYTES, file.bytes - block * BLOCK_BYTES);
}

/** Bytes of several blocks together. */
export function blocksBytes(file: PackFile, blocks: Iterable<number>): number {
  return Array.from(blocks).reduce((sum, block) => sum + blockBytes(file, block), 0);
}

/** Every block of a file, ascending. */
export const allBlocks = (file: PackFile): number[] => Array.from(file.blocks.keys());

/** A file that can be read at any place. */
export interface DiskReader {
  readonly sizeBytes: number;
  /** Fills `view` from byte `at`. @returns Bytes read. */
  read(view: Uint8Array<ArrayBuffer>, at: number): number | Promise<number>;
  close(): void;
}

/**
 * The fastest way to read that there is: a synchronous handle, else (outside workers, or while it is taken) a File.
 *
 * @throws {EmbedError} As `storageError`.
 */
export async function openDiskReader(handle: FileSystemFileHandle): Promise<DiskReader> {
  const sync = await openSyncReader(handle);
  if (sync) {
    return {
      sizeBytes: sync.getSize(),
      read: (view, at) => sync.read(view, { at }),
      close: () => sync.close(),
    };
  }
  const file = await handle.getFile().catch((cause: unknown) => {
    throw storageError(cause, handle.name);
  });
  return {
    sizeBytes: file.size,
    read: async (view, at) => {
      const part = new Uint8Array(await file.slice(at, at + view.length).arrayBuffer());
      view.set(part);
      return part.length;
    },
    close: () => undefined,
  };
}

export interface BlockCheck extends ReadOptions {
  /** Of one block. */
  readonly read: DiskReader["read"];
  /** Where the block goes; one view may be given for all. */
  readonly memory: (block: number) => Uint8Array<ArrayBuffer>;
}

/**
 * Reads blocks and compares them with the manifest, reading on while earlier ones are hashed.
 *
 * @param blocks - In the order to read them.
 * @returns The wrong ones: other bytes, too few, or none that can be read; ascending.
 * @throws {EmbedError} `aborted`.
 */
export async function findWrongBlocks(
  file: PackFile,
  blocks: Iterable<number>,
  { read, memory, signal, onBytes }: BlockCheck,
): Promise<number[]> {
  const wrong: number[] = [];
  const hashing: Promise<void>[] = [];
  const hash = async (block: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> => {
    if ((await sha256Hex(bytes)) !== file.blocks[block]) wrong.push(block);
    onBytes?.(bytes.length);
  };
  try {
    for (const block of blocks) {
      throwIfAborted(signal);
      const view = memory(block);
      if ((await readOrNothing(read, view, block * BLOCK_BYTES)) === view.length) hashing.push(hash(block, view));
      else wrong.push(block);
      if (hashing.length >= MAX_HASHES) await hashing.shift();
    }
    await Promise.all(hashing);
  } finally {
    await Promise.allSettled(hashing);
  }
  return wrong.sort((a, b) => a - b);
}

/** A sector that the disk no longer gives is a damaged block like any other. */
async function readOrNothing(read: DiskReader["read"], view: Uint8Array<ArrayBuffer>, at: number): Promise<number> {
  try {
    return await read(view, at);
  } catch {
    return 0;
  }
}
