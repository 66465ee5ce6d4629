/** @file Files that vectors are appended to: in the browser's private file system, or in memory. */
import { EmbedError } from "../../errors.ts";
import { storageError } from "./storage-error.ts";

/** Folder of the origin's private file system that holds every index. */
const ROOT = "strata-indexes";
/**
 * A worker that was terminated lets go of its files when Chromium ends its thread, after two seconds at most, so a file
 * that is taken is asked for again.
 */
const OPEN_TRIES = 60;
const OPEN_WAIT_MS = 50;

/** Reads and writes at any place, at once. */
export interface SegmentFile {
  readonly sizeBytes: number;
  /** Fills `target` from byte `at`. @returns Bytes read: fewer where the file ends. */
  read(target: Uint8Array<ArrayBuffer>, at: number): number;
  /** @throws {EmbedError} `storage-full`. */
  write(bytes: Uint8Array<ArrayBuffer>, at: number): void;
  /** Takes away what is behind byte `bytes`. */
  truncate(bytes: number): void;
  /** What was written lies on the disk when this returns. */
  flush(): void;
  close(): void;
}

/** The files of one index. */
export interface SegmentFiles {
  list(): Promise<string[]>;
  /** Makes it where it is not there, unless files are only read. @throws {EmbedError} `storage-busy`, `storage-full`. */
  open(name: string): Promise<SegmentFile>;
  remove(name: string): Promise<void>;
}

/** Gone with the worker. */
export class MemoryFiles implements SegmentFiles {
  readonly #files = new Map<string, SegmentFile>();

  async list(): Promise<string[]> {
    return [...this.#files.keys()];
  }

  async open(name: string): Promise<SegmentFile> {
    const file = this.#files.get(name) ?? new MemoryFile();
    this.#files.set(name, file);
    return file;
  }

  async remove(name: string): Promise<void> {
    this.#files.delete(name);
  }
}

class MemoryFile implements SegmentFile {
  #bytes: Uint8Array<ArrayBuffer>;
  sizeBytes: number;

  constructor(bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0)) {
    this.#bytes = bytes;
    this.sizeBytes = bytes.length;
  }

  read(target: Uint8Array<ArrayBuffer>, at: number): number {
    const found = this.#bytes.subarray(at, Math.min(this.sizeBytes, at + target.length));
    target.set(found);
    return found.length;
  }

  write(bytes: Uint8Array<ArrayBuffer>, at: number): void {
    const end = at + bytes.length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, at);
    this.sizeBytes = Math.max(this.sizeBytes, end);
  }

  truncate(bytes: number): void {
    this.sizeBytes = Math.min(this.sizeBytes, bytes);
  }

  flush(): void {}

  close(): void {}
}

/** A FileSystemSyncAccessHandle, of which TypeScript's page types know nothing. */
interface SyncHandle {
  getSize(): number;
  read(view: Uint8Array<ArrayBuffer>, options: { readonly at: number }): number;
  write(bytes: Uint8Array<ArrayBuffer>, options: { readonly at: number }): number;
  truncate(bytes: number): void;
  flush(): void;
  close(): void;
}

interface SyncCapable {
  /** In dedicated workers alone. */
  readonly createSyncAccessHandle?: () => Promise<SyncHandle>;
}

/** `read` opens what another tab may be writing to. */
export type FileAccess = "write" | "read";

/** @throws {EmbedError} `storage-full` where the browser stores nothing. */
export async function openStoredFiles(index: string, access: FileAccess): Promise<SegmentFiles> {
  try {
    const root = await navigator.storage.getDirectory();
    const indexes = await root.getDirectoryHandle(ROOT, { create: true });
    return new StoredFiles(await indexes.getDirectoryHandle(index, { create: true }), access);
  } catch (cause) {
    throw storageError(cause, index);
  }
}

/** Removes all files of an index; nothing happens when there are none. @throws {EmbedError} `storage-busy`. */
export async function removeStoredFiles(index: string): Promise<void> {
  try {
    const root = await navigator.storage.getDirectory();
    const indexes = await root.getDirectoryHandle(ROOT, { create: true });
    await untilFree(() => indexes.removeEntry(index, { recursive: true }));
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "NotFoundError") return;
    throw storageError(cause, index);
  }
}

class StoredFiles implements SegmentFiles {
  readonly #folder: FileSystemDirectoryHandle;
  readonly #access: FileAccess;

  constructor(folder: FileSystemDirectoryHandle, access: FileAccess) {
    this.#folder = folder;
    this.#access = access;
  }

  async list(): Promise<string[]> {
    const names: string[] = [];
    for await (const name of this.#folder.keys()) names.push(name);
    return names;
  }

  async open(name: string): Promise<SegmentFile> {
    const writes = this.#access === "write";
    try {
      const handle = await this.#folder.getFileHandle(name, { create: writes });
      // A whole copy: what another tab writes to cannot be read piece by piece.
      if (!writes) return new MemoryFile(new Uint8Array(await (await handle.getFile()).arrayBuffer()));
      const { createSyncAccessHandle } = handle as SyncCapable;
      if (!createSyncAccessHandle) throw new EmbedError("storage-full", "vectors can be stored from workers only");
      return new StoredFile(await untilFree(() => createSyncAccessHandle.call(handle)), name);
    } catch (cause) {
      throw storageError(cause, name);
    }
  }

  async remove(name: string): Promise<void> {
    await this.#folder.removeEntry(name).catch((cause: unknown) => {
      throw storageError(cause, name);
    });
  }
}

async function untilFree<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (cause) {
      const isTaken = cause instanceof DOMException && cause.name === "NoModificationAllowedError";
      if (!isTaken || tries >= OPEN_TRIES) throw cause;
    }
    await new Promise((resolve) => setTimeout(resolve, OPEN_WAIT_MS));
  }
}

class StoredFile implements SegmentFile {
  readonly #handle: SyncHandle;
  readonly #name: string;

  constructor(handle: SyncHandle, name: string) {
    this.#handle = handle;
    this.#name = name;
  }

  get sizeBytes(): number {
    return this.#handle.getSize();
  }

  read(target: Uint8Array<ArrayBuffer>, at: number): number {
    return this.#handle.read(target, { at });
  }

  write(bytes: Uint8Array<ArrayBuffer>, at: number): void {
    try {
      // Browsers differ in how they say that the disk is full: an exception, or fewer bytes.
      if (this.#handle.write(bytes, { at }) === bytes.length) return;
    } catch (cause) {
      throw storageError(cause, this.#name);
    }
    const details = { file: this.#name, neededBytes: bytes.length };
    throw new EmbedError("storage-full", `no room for ${bytes.length} more bytes of ${this.#name}`, { details });
  }

  truncate(bytes: number): void {
    this.#handle.truncate(bytes);
  }

  flush(): void {
    this.#handle.flush();
  }

  close(): void {
    this.#handle.close();
  }
}
