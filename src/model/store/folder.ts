/** @file The folder of one pack: which files it has, read and written so that a torn one is told from a whole one. */

import { isMissing, openRoot, openSync, storageError, untilFree } from "./opfs.ts";

/** Folders within a pack's folder: what it holds, and the journal beside each file that is not whole. */
export type Area = "files" | "journal";

/** Files of a pack's folder that are ours. `complete.json` is the commit marker: written last, removed first. */
export type OwnFile = "manifest.json" | "draft.json" | "complete.json" | "origins.json" | "used.json";

/** `strata-packs/<id>/`. */
export class PackFolder {
  readonly id: string;
  readonly #folder: FileSystemDirectoryHandle;

  constructor(id: string, folder: FileSystemDirectoryHandle) {
    this.id = id;
    this.#folder = folder;
  }

  /** @returns `null` when there is none, or `id` is no name of a folder. @throws {EmbedError} As `openRoot`. */
  static async open(id: string): Promise<PackFolder | null> {
    const root = await openRoot();
    const folder = await root.getDirectoryHandle(id).catch(() => null);
    return folder && new PackFolder(id, folder);
  }

  /** @throws {EmbedError} As `openRoot` and `storageError`. */
  static async create(id: string): Promise<PackFolder> {
    const root = await openRoot();
    try {
      return new PackFolder(id, await root.getDirectoryHandle(id, { create: true }));
    } catch (cause) {
      throw storageError(cause, id);
    }
  }

  /** A file of the pack or its journal; `null` when it is not there. */
  async find(area: Area, name: string): Promise<FileSystemFileHandle | null> {
    try {
      return await (await this.#folder.getDirectoryHandle(area)).getFileHandle(name);
    } catch (cause) {
      if (isMissing(cause)) return null;
      throw storageError(cause, name);
    }
  }

  /** The same, made when it is not there. @throws {EmbedError} As `storageError`. */
  async make(area: Area, name: string): Promise<FileSystemFileHandle> {
    try {
      const folder = await this.#folder.getDirectoryHandle(area, { create: true });
      return await folder.getFileHandle(name, { create: true });
    } catch (cause) {
      throw storageError(cause, name);
    }
  }

  /** @returns `null` when it is not there or cannot be read. */
  async read(name: OwnFile): Promise<Uint8Array<ArrayBuffer> | null> {
    return await readSmall(await this.#folder.getFileHandle(name).catch(() => null));
  }

  /** @returns `null` when it is not there, or not JSON as a crash may leave it. */
  async readJson(name: OwnFile): Promise<unknown> {
    const bytes = await this.read(name);
    try {
      return bytes && JSON.parse(new TextDecoder().decode(bytes));
    } catch {
      return null;
    }
  }

  /** Replaces it, and has the disk keep it. @throws {EmbedError} As `storageError`. */
  async write(name: OwnFile, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      const handle = await openSync(await this.#folder.getFileHandle(name, { create: true }));
      try {
        handle.truncate(0);
        if (handle.write(bytes, { at: 0 }) !== bytes.length) {
          throw new DOMException("the disk took a part only", "QuotaExceededError");
        }
        handle.flush();
      } finally {
        handle.close();
      }
    } catch (cause) {
      throw storageError(cause, name, { neededBytes: bytes.length });
    }
  }

  async writeJson(name: OwnFile, value: unknown): Promise<void> {
    await this.write(name, new TextEncoder().encode(JSON.stringify(value)));
  }

  /** Removes what may not be there. @throws {EmbedError} As `storageError`. */
  async remove(name: OwnFile | Area): Promise<void> {
    try {
      await untilFree(() => this.#folder.removeEntry(name, { recursive: true }));
    } catch (cause) {
      if (!isMissing(cause)) throw storageError(cause, name);
    }
  }
}

/** Readers in other tabs meet a file while it is written: the browser then takes the File for outdated. */
const READ_TRIES = 3;

/** All of a small file, without opening it for writing; `null` when that cannot be. */
export async function readSmall(handle: FileSystemFileHandle | null): Promise<Uint8Array<ArrayBuffer> | null> {
  for (let tries = 0; handle && tries < READ_TRIES; tries++) {
    try {
      return new Uint8Array(await (await handle.getFile()).arrayBuffer());
    } catch {
      // Another try shows whether it is there at all.
    }
  }
  return null;
}
