/** @file A file in the making: NAME.partial, hashed while it is written, and a journal of what its bytes are of. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { HubFile } from "./hub-listing.ts";

interface Journal {
  readonly bytes: number;
  readonly hex: string;
  /** As the server named it when the first byte came. */
  readonly version: string | null;
}

/** The hash that the hub states of a file, begun. */
function startHash({ bytes, hash }: HubFile): Hash {
  return hash.kind === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${bytes}\0`);
}

async function hashFile(path: string, file: HubFile, signal: AbortSignal | undefined): Promise<Hash> {
  const hash = startHash(file);
  const stream = createReadStream(path, { highWaterMark: 2 ** 20, ...(signal && { signal }) });
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash;
}

/** Whether the file lies in the folder whole, judged by its hash. */
export async function isWhole(folder: string, file: HubFile, signal?: AbortSignal): Promise<boolean> {
  const path = join(folder, file.name);
  if (!existsSync(path) || statSync(path).size !== file.bytes) return false;
  return (await hashFile(path, file, signal)).digest("hex") === file.hash.hex;
}

/** Bytes of an earlier run that a download can go on from. */
export function resumableBytes(folder: string, file: HubFile): number {
  const path = join(folder, `${file.name}.partial`);
  const journal = readJournal(folder, file);
  if (journal?.hex !== file.hash.hex || journal.bytes !== file.bytes || !existsSync(path)) return 0;
  const { size } = statSync(path);
  return size <= file.bytes ? size : 0;
}

/** null where there is none that can be read: the file starts again. */
function readJournal(folder: string, { name }: HubFile): Journal | null {
  try {
    return JSON.parse(readFileSync(join(folder, `${name}.partial.json`), "utf8")) as Journal | null;
  } catch {
    return null;
  }
}

export class PartialFile {
  readonly #file: HubFile;
  readonly #path: string;
  readonly #handle: FileHandle;
  #hash: Hash;
  #received: number;
  #version: string | null;

  private constructor(file: HubFile, path: string, handle: FileHandle) {
    this.#file = file;
    this.#path = path;
    this.#handle = handle;
    this.#hash = startHash(file);
    this.#received = 0;
    this.#version = null;
  }

  /** Opens what an earlier run left and hashes it, or an empty file. */
  static async open(folder: string, file: HubFile, signal?: AbortSignal): Promise<PartialFile> {
    const path = join(folder, `${file.name}.partial`);
    const received = resumableBytes(folder, file);
    const handle = await open(path, received > 0 ? "r+" : "w");
    try {
      const partial = new PartialFile(file, path, handle);
      if (received === 0) return partial;
      partial.#hash = await hashFile(path, file, signal);
      partial.#received = received;
      partial.#version = readJournal(folder, file)?.version ?? null;
      return partial;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Bytes that are on the disk. */
  get received(): number {
    return this.#received;
  }

  /**
   * Whether bytes of this version may follow those that are here. The first ones decide which version it is; a server
   * that names none leaves it to the hash.
   */
  adopt(version: string | null): boolean {
    if (this.#received > 0) return version === this.#version;
    this.#version = version;
    const journal: Journal = { bytes: this.#file.bytes, hex: this.#file.hash.hex, version };
    writeFileSync(`${this.#path}.json.tmp`, JSON.stringify(journal));
    renameSync(`${this.#path}.json.tmp`, `${this.#path}.json`);
    return true;
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
