/** @file A pack read from its source each time; nothing is stored, and nothing is handed out that is not verified. */
import type { PackSource } from "../delivery.ts";
import { assert, EmbedError } from "../errors.ts";
import type { PackFile, PackReader, RangeReader, ReadOptions } from "../pack.ts";
import { allocate } from "./allocate.ts";
import { isFolder } from "./folder-source.ts";
import { BLOCK_BYTES } from "./manifest.ts";
import { receiveBlocks, type Landing } from "./receive.ts";
import type { RetryOptions } from "./retry.ts";

/**
 * A reader over an opened source, for where nothing is to be stored or nothing can be.
 *
 * @param retry - How failures are waited out.
 * @returns A reader whose files, when missing, are `model-fetch-failed` with `status` and `file`, or in a folder
 *   `model-not-found`.
 */
export function openDirectPack(source: PackSource, retry: Pick<RetryOptions, "wait" | "random"> = {}): PackReader {
  const files = new Map(source.manifest.files.map((file) => [file.name, file]));
  const find = (name: string): PackFile => {
    const file = files.get(name);
    assert(file, `no file ${name} in the manifest`);
    return file;
  };
  const direct = { source, retry };
  return {
    manifest: source.manifest,
    readFile: async (name, options = {}) => readFile(direct, find(name), options),
    openFile: async (name, options = {}) => openFile(direct, find(name), options),
  };
}

interface Direct {
  readonly source: PackSource;
  readonly retry: Pick<RetryOptions, "wait" | "random">;
}

/** The blocks are copied into place, as a connection that breaks takes the memory of its block with it. */
async function readFile(direct: Direct, file: PackFile, options: ReadOptions): Promise<ArrayBuffer> {
  const whole = new Uint8Array(allocate(file, file.bytes));
  await receive(direct, file, { ...options, keep: (block, bytes) => whole.set(bytes, block * BLOCK_BYTES) });
  return whole.buffer;
}

/**
 * The file as a Blob, which browsers keep outside the JS heap; one block at a time is in memory. Of a file in a folder
 * the Blob only says where its verified blocks are: browsers refuse to read them after a change.
 */
async function openFile(direct: Direct, file: PackFile, options: ReadOptions): Promise<RangeReader> {
  const { source } = direct;
  const parts: Blob[] = [];
  const keep = async (block: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> => {
    const start = block * BLOCK_BYTES;
    parts[block] = isFolder(source)
      ? (await source.fileOf(file)).slice(start, start + bytes.length)
      : new Blob([bytes]);
  };
  await receive(direct, file, { ...options, keep });
  const blob = new Blob(parts);
  return { read: (offset, bytes) => readRange(file.name, blob, { offset, bytes }) };
}

async function readRange(
  file: string,
  blob: Blob,
  { offset, bytes }: { readonly offset: number; readonly bytes: number },
): Promise<ArrayBuffer> {
  const inside = Number.isInteger(offset) && Number.isInteger(bytes) && offset >= 0 && bytes >= 0;
  assert(inside && offset + bytes <= blob.size, `${bytes} bytes at ${offset} of the ${blob.size} in ${file}`);
  try {
    return await blob.slice(offset, offset + bytes).arrayBuffer();
  } catch (cause) {
    const message = `${file}: the browser gave up its copy, or the file has changed`;
    throw new EmbedError("model-fetch-failed", message, { cause, details: { file } });
  }
}

async function receive(
  { source, retry }: Direct,
  file: PackFile,
  { keep, signal, onBytes }: ReadOptions & Pick<Landing, "keep">,
): Promise<void> {
  const kept = new Set<number>();
  let memory = new ArrayBuffer(0);
  const size = Math.min(BLOCK_BYTES, file.bytes);
  const landing: Landing = {
    has: (block) => kept.has(block),
    memory: () => {
      if (memory.byteLength < size) memory = allocate(file, size);
      return new Uint8Array(memory);
    },
    keep: async (block, bytes) => {
      await keep(block, bytes);
      kept.add(block);
      memory = bytes.buffer;
    },
  };
  await receiveBlocks({ source, file }, landing, { ...retry, signal, onBytes: onBytes && countOnce(onBytes) });
}

/** Bytes that come again have been reported once. */
function countOnce(onBytes: (bytes: number) => void): (delta: number) => void {
  let received = 0;
  let reported = 0;
  return (delta) => {
    received += delta;
    if (received > reported) onBytes(received - reported);
    reported = Math.max(reported, received);
  };
}
