/** @file A file in the making: NAME.partial, hashed while it is written, and a journal of what its bytes are of. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { HubFile } from "./hub-listing.ts";

/** Of which file the bytes are. */
interface Journal {
  readonly bytes: number;
  readonly hex: string;
}

/** How bytes on the disk are hashed. */
export interface HashOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told of bytes as they are hashed. */
  readonly onBytes?: ((delta: number) => void) | undefined;
}

/** Bytes of an earlier run, hashed. */
export interface Resumed {
  readonly bytes: number;
  readonly hash: Hash;
}

/** The hash that the hub states of a file, begun. */
function startHash({ bytes, hash }: HubFile): Hash {
  return hash.kind === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${bytes}\0`);
}

async function hashFile(path: string, file: HubFile, { signal, onBytes }: HashOptions): Promise<Hash> {
  const hash = startHash(file);
  const stream = createReadStream(path, { highWaterMark: 2 ** 20, ...(signal && { signal }) });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    hash.update(chunk);
    onBytes?.(chunk.length);
  }
  return hash;
}

/** Whether the folder holds a file of this name and size. */
export function isThere(folder: string, { name, bytes }: HubFile): boolean {
  return statSync(join(folder, name), { throwIfNoEntry: false })?.size === bytes;
}

/** Whether the file that is there is the one that the hub lists, judged by its hash. */
export async function isWhole(folder: string, file: HubFile, options: HashOptions = {}): Promise<boolean> {
  return (await hashFile(join(folder, file.name), file, options)).digest("hex") === file.hash.hex;
}

/** Bytes of an earlier run that a download can go on from. */
export function resumableBytes(folder: string, file: HubFile): number {
  const journal = readJournal(folder, file);
  if (journal?.hex !== file.hash.hex || journal.bytes !== file.bytes) return 0;
  const size = statSync(join(folder, `${file.name}.partial`), { throwIfNoEntry: false })?.size ?? 0;
  return size <= file.bytes ? size : 0;
}

/** @returns `null` where there is nothing to go on from. */
export async function hashPartial(folder: string, file: HubFile, options: HashOptions = {}): Promise<Resumed | null> {
  const bytes = resumableBytes(folder, file);
  return bytes > 0 ? { bytes, hash: await hashFile(join(folder, `${file.name}.partial`), file, options) } : null;
}

/** null where there is none that can be read: the file starts again. */
function readJournal(folder: string, { name }: HubFile): Journal | null {
  try {
    return JSON.parse(readFileSync(join(folder, `${name}.partial.json`), "utf8")) as Journal | null;
  } catch {
    return null;
  }
}

/** A file of which the beginning is here. Owns a handle: ends with `commit`, `close` or `remove`. */
export class PartialFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #hash: Hash;
  #received: number;

  private constructor(path: string, handle: FileHandle, { bytes, hash }: Resumed) {
    this.#path = path;
    this.#handle = handle;
    this.#hash = hash;
    this.#received = bytes;
  }

  /** Opens what an earlier run left, or an empty file with a journal of what it is to be. */
  static async open(folder: string, file: HubFile, resumed: Resumed | null): Promise<PartialFile> {
    const path = join(folder, `${file.name}.partial`);
    if (!resumed) {
      // In this order, no journal ever speaks of another file's bytes.
      rmSync(path, { force: true });
      const journal: Journal = { bytes: file.bytes, hex: file.hash.hex };
      writeFileSync(`${path}.json.tmp`, JSON.stringify(journal));
      renameSync(`${path}.json.tmp`, `${path}.json`);
    }
    const handle = await open(path, resumed ? "r+" : "w");
    return new PartialFile(path, handle, resumed ?? { bytes: 0, hash: startHash(file) });
  }

  /** Bytes that are on the disk. */
  get received(): number {
    return this.#received;
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      const { bytesWritten } = await this.#handle.write(bytes, written, bytes.length - written, this.#received);
      this.#hash.update(bytes.subarray(written, written + bytesWritten));
      written += bytesWritten;
      this.#received += bytesWritten;
    }
  }

  /** Of all bytes; nothing can follow them. */
  digest(): string {
    return this.#hash.digest("hex");
  }

  /** Gives the file its name. */
  async commit(): Promise<void> {
    await this.#handle.sync();
    await this.#handle.close();
    renameSync(this.#path, this.#path.replace(/\.partial$/, ""));
    rmSync(`${this.#path}.json`, { force: true });
  }

  /** Leaves the bytes for the next run. */
  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** Leaves nothing. */
  async remove(): Promise<void> {
    await this.#handle.close();
    rmSync(this.#path, { force: true });
    rmSync(`${this.#path}.json`, { force: true });
  }
}
