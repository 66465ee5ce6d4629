/** @file The browser's private file system: whether it is there, its synchronous files, and what its failures mean. */

import { EmbedError } from "../../errors.ts";
import { delay } from "../retry.ts";

/** Folder of the origin's private file system that holds every pack. */
const ROOT = "strata-packs";

/**
 * A worker that was terminated lets go of its files when Chromium ends its thread, after two seconds at most, and
 * readers hold theirs no longer, so a file that is taken is asked for again.
 */
const OPEN_TRIES = 60;
const OPEN_WAIT_MS = 50;

/** A FileSystemSyncAccessHandle, of which TypeScript's page types know nothing. */
export interface SyncHandle {
  getSize(): number;
  read(view: Uint8Array<ArrayBuffer>, options: { readonly at: number }): number;
  write(bytes: Uint8Array<ArrayBuffer>, options: { readonly at: number }): number;
  truncate(bytes: number): void;
  flush(): void;
  close(): void;
}

interface SyncCapable {
  /** In dedicated workers alone. Firefox and Safari ignore `mode`: always exclusive. */
  readonly createSyncAccessHandle?: (options?: { readonly mode: "read-only" | "readwrite" }) => Promise<SyncHandle>;
}

/** Whether packs can be stored here, or why not, in a sentence. */
export type OpfsSupport = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/**
 * Tries it: private windows have the functions, and refuse. In dedicated workers a scratch file is written; pages have
 * no way to write, and are asked for the folder alone.
 */
export async function hasOpfs(): Promise<OpfsSupport> {
  const browser: { readonly storage?: Partial<StorageManager>; readonly locks?: LockManager } = navigator;
  if (!browser.storage?.getDirectory || !browser.locks) {
    const why = globalThis.isSecureContext ? "this browser offers none" : "this page is no secure context";
    return { ok: false, reason: `no file storage: ${why}` };
  }
  const name = `strata-probe-${crypto.randomUUID()}`;
  try {
    const root = await navigator.storage.getDirectory();
    const file = await root.getFileHandle(name, { create: true });
    try {
      return await probe(file);
    } finally {
      await root.removeEntry(name);
    }
  } catch (cause) {
    return { ok: false, reason: `the browser refuses file storage here (${describeCause(cause)})` };
  }
}

async function probe(file: FileSystemFileHandle): Promise<OpfsSupport> {
  if (typeof document !== "undefined") return { ok: true };
  const { createSyncAccessHandle } = file as SyncCapable;
  if (!createSyncAccessHandle) return { ok: false, reason: "no file storage: this browser has no synchronous files" };
  const handle = await createSyncAccessHandle.call(file);
  try {
    const written = handle.write(Uint8Array.of(1), { at: 0 });
    return written === 1 ? { ok: true } : { ok: false, reason: "the browser's file storage takes no bytes" };
  } finally {
    handle.close();
  }
}

/**
 * The folder of all packs; made when it is not there.
 *
 * @throws {EmbedError} `storage-full` with `freeBytes: 0` and the `reason`, where the browser stores nothing.
 */
export async function openRoot(): Promise<FileSystemDirectoryHandle> {
  try {
    const root = await navigator.storage.getDirectory();
    return await root.getDirectoryHandle(ROOT, { create: true });
  } catch (cause) {
    const support = await hasOpfs();
    const reason = support.ok ? describeCause(cause) : support.reason;
    throw new EmbedError("storage-full", `packs cannot be stored: ${reason}`, {
      cause,
      details: { freeBytes: 0, reason },
    });
  }
}

/** Every entry of that folder. @throws {EmbedError} As `openRoot` and `storageError`. */
export async function listRoot(): Promise<[string, FileSystemDirectoryHandle | FileSystemFileHandle][]> {
  const root = await openRoot();
  try {
    return await Array.fromAsync(root.entries());
  } catch (cause) {
    throw storageError(cause, ROOT);
  }
}

/**
 * A file, for reading and writing, by nobody else.
 *
 * @throws {EmbedError} As `storageError`.
 */
export async function openSync(file: FileSystemFileHandle): Promise<SyncHandle> {
  const { createSyncAccessHandle } = file as SyncCapable;
  if (!createSyncAccessHandle) {
    throw new EmbedError("storage-busy", `${file.name}: packs can be written in dedicated workers only`);
  }
  try {
    return await untilFree(() => createSyncAccessHandle.call(file));
  } catch (cause) {
    throw storageError(cause, file.name);
  }
}

/** Tries again as long as a file is taken, but not forever. */
export async function untilFree<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (cause) {
      if (!hasName(cause, "NoModificationAllowedError") || tries >= OPEN_TRIES) throw cause;
    }
    await delay(OPEN_WAIT_MS);
  }
}

/** A file for reading alone, beside other readers where the browser can; `null` where there is no such way now. */
export async function openSyncReader(file: FileSystemFileHandle): Promise<SyncHandle | null> {
  const { createSyncAccessHandle } = file as SyncCapable;
  return (await createSyncAccessHandle?.call(file, { mode: "read-only" }).catch(() => null)) ?? null;
}

/** Whether a failure says that there is no such file or folder. */
export const isMissing = (cause: unknown): boolean =>
  hasName(cause, "NotFoundError") || hasName(cause, "TypeMismatchError");

function hasName(cause: unknown, name: string): boolean {
  return cause instanceof DOMException && cause.name === name;
}

/**
 * What a failed write or open means to a caller.
 *
 * @param room - Bytes that were asked for, and those that the browser would have given.
 * @returns `storage-full` (details `neededBytes`, `freeBytes`) when there is no room; `model-not-found` when somebody
 *   cleared the storage meanwhile; `storage-busy` when the browser refuses for now.
 */
export function storageError(cause: unknown, file: string, room: StorageRoom = { neededBytes: 0 }): EmbedError {
  if (cause instanceof EmbedError) return cause;
  if (hasName(cause, "QuotaExceededError")) {
    const { neededBytes, freeBytes = 0 } = room;
    const message = `no room for ${neededBytes} more bytes of ${file}, the browser gives ${freeBytes}`;
    return new EmbedError("storage-full", message, { cause, details: { file, neededBytes, freeBytes } });
  }
  const [code, what] = isMissing(cause)
    ? (["model-not-found", "is no longer in the browser's storage"] as const)
    : (["storage-busy", "is refused by the browser's storage for now"] as const);
  return new EmbedError(code, `${file} ${what} (${describeCause(cause)})`, { cause, details: { file } });
}

/** What somebody has cleared of a pack while it was worked on. */
export function goneError(id: string, file: string): EmbedError {
  const message = `${file} of pack ${id} is no longer in the browser's storage`;
  return new EmbedError("model-not-found", message, { details: { id, file } });
}

export interface StorageRoom {
  readonly neededBytes: number;
  /** @default 0 */
  readonly freeBytes?: number;
}

function describeCause(cause: unknown): string {
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
}
