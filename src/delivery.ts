/** @file Delivery: where packs come from and how they are kept. Types only. */
import type { Architecture, PackFile, PackManifest, WeightBits } from "./pack.ts";

// ── Where packs come from ──────────────────────────────────────────────────────────────────────────────

/** Values of HTTP request headers by name, for servers that want to know who asks. They are never stored. */
export type SourceHeaders = Readonly<Record<string, string>>;

/** A pack's folder under a URL. */
export interface UrlSource {
  /** Absolute. */
  readonly url: string;
  readonly headers?: SourceHeaders;
}

/** A repository of the Hugging Face hub, or of a mirror with its URL layout. */
export interface HubSource {
  /** `owner/repo` or `owner/repo@revision`. @default revision "main" */
  readonly hub: string;
  /** Folder of the pack inside the repository. @default its root */
  readonly path?: string;
  /** Absolute URL of the hub. @default "https://huggingface.co" */
  readonly endpoint?: string;
  /** Sent as `Authorization: Bearer`, for private repositories. Never stored. */
  readonly token?: string;
}

/** A folder of the user's: of a directory picker or a drop, or the files of `<input webkitdirectory>`. */
export interface FolderSource {
  readonly folder: FileSystemDirectoryHandle | readonly File[];
}

/** A pack that is in the browser's storage. */
export interface StoredSource {
  /** `StoredPack.id`, or a pack's name: the newest complete one of that name. */
  readonly stored: string;
}

export type ModelSource = UrlSource | HubSource | FolderSource | StoredSource;

/** What a stored pack remembers of its source: enough to fetch damaged files again, and nothing secret. */
export type PackOrigin = Omit<UrlSource, "headers"> | Omit<HubSource, "token"> | { readonly folder: string };

/** A source that has answered: its manifest is read and valid. `model/` makes one. */
export interface PackSource {
  readonly origin: PackOrigin;
  readonly manifest: PackManifest;
  /** `manifest.json` as it came; its hash tells versions of a pack apart. */
  readonly manifestBytes: Uint8Array<ArrayBuffer>;
  /**
   * Bytes of one file, unverified.
   *
   * @param options - `start`: first byte wanted, `end`: the one after the last (default: the file's end); `fresh`: past
   *   any cache, as what came before was wrong; `uncached`: past it, and not to be put there.
   * @throws {EmbedError} `model-fetch-failed` (details: `file`, `status` where a server answered, `retryAfterMs` where
   *   it said when to come again, `rangeRefused` where a request for the whole file may do better), `model-not-found`,
   *   `model-corrupt`, `aborted`.
   */
  open(file: PackFile, options: OpenOptions): Promise<FileStream>;
}

/** Which bytes of a file `PackSource.open` is to bring. */
export interface OpenOptions {
  readonly start: number;
  readonly end?: number | undefined;
  readonly fresh?: boolean | undefined;
  readonly uncached?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes of a file as they come. */
export interface FileStream {
  /** The first byte that `read` brings: the one that was asked for, or 0 from a server that knows no ranges. */
  readonly start: number;
  /** The byte after the last: the one that was asked for, or the file's size from a server that knows no ranges. */
  readonly end: number;
  /** `ETag`, else `Last-Modified`, of the file as the server has it now; `null` where it names none. */
  readonly version: string | null;
  /**
   * The next bytes, as many as are there.
   *
   * @param view - Where to put them. Its buffer may be detached by this; the result's buffer takes its place, with
   *   everything that was in it.
   * @returns A view at the start of `view`; empty at the end.
   * @throws {EmbedError} `model-fetch-failed` when the connection breaks or stalls; `aborted`.
   */
  read(view: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** Calls the rest off; does not throw. */
  cancel(): Promise<void>;
}

// ── Packs that stay ────────────────────────────────────────────────────────────────────────────────────

/** A pack in the browser's storage (OPFS). */
export interface StoredPack {
  /** The pack's name and its manifest's hash: versions of a pack have ids of their own. */
  readonly id: string;
  /** As its manifest says. */
  readonly name: string;
  /** `incomplete`: a download that can go on, or what a removal left; only `complete` ones can be loaded. */
  readonly state: "complete" | "incomplete";
  /** `null` where no manifest was stored yet. */
  readonly origin: PackOrigin | null;
  /** `source.revision` of the manifest; `null` as above. */
  readonly revision: string | null;
  /** Of all its files; 0 as above. */
  readonly totalBytes: number;
  /** Of its files that are here and verified. */
  readonly storedBytes: number;
  /** Milliseconds since the epoch; `null` until it is complete. */
  readonly storedAt: number | null;
  readonly lastUsedAt: number | null;
  /** A worker, of this page or another, has it loaded or is downloading it. */
  readonly inUse: boolean;
}

/** `manifest`: finding out what there is to do. `verify`: everything is read back from the disk. */
export type DownloadPhase = "manifest" | "download" | "verify";

export interface DownloadProgress {
  readonly phase: DownloadPhase;
  /** Of `totalBytes`: verified bytes that are stored, and those on their way; never goes back within a phase. */
  readonly loadedBytes: number;
  /** Of the whole pack, known from the manifest; 0 in phase `manifest`. */
  readonly totalBytes: number;
  /** Over the last seconds; `null` before there is something to go by. */
  readonly bytesPerSecond: number | null;
  readonly remainingMs: number | null;
  /** Who downloads: another tab may be at it already, and this one then uses its result. */
  readonly by: "here" | "another-tab";
  /** Why the last connection was lost, while another is being tried; `null` when all is well. */
  readonly trouble: string | null;
}

/** Bytes that this origin may store, as the browser estimates them; what it then really allows may be less. */
export interface StorageEstimate {
  readonly usedBytes: number;
  readonly freeBytes: number;
  /** Whether the browser has promised not to clear the storage by itself. */
  readonly persisted: boolean;
}

/** What reading a stored pack back has shown. */
export interface VerifyResult {
  readonly checkedBytes: number;
  /** Files with blocks that are missing or wrong; they are fetched again by the next `download` or load. */
  readonly damaged: readonly string[];
}

/** What a source offers, before anything of it is downloaded. */
export interface PackOffer {
  /** Of the entry it would have in the store. */
  readonly id: string;
  readonly name: string;
  readonly revision: string;
  readonly architecture: Architecture;
  readonly bits: WeightBits;
  readonly totalBytes: number;
  /** Of those, what would have to be fetched. */
  readonly missingBytes: number;
}

export interface StoreHooks<Progress> {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** The store, as the worker has it and as the page is offered it. Calls of several tabs are ordered by Web Locks. */
export interface PackStore {
  /** Newest first. */
  list(hooks?: StoreHooks<never>): Promise<StoredPack[]>;
  estimate(hooks?: StoreHooks<never>): Promise<StorageEstimate>;
  /** @throws {EmbedError} As `openPackSource`. */
  inspect(source: ModelSource, hooks?: StoreHooks<never>): Promise<PackOffer>;
  /**
   * Fetches what is missing, verifies everything and makes the pack usable. Calling it off keeps what is verified: the
   * next call goes on from there. A complete pack resolves at once.
   *
   * @throws {EmbedError} `storage-full` with `neededBytes` and `freeBytes`; `model-not-found`, `model-fetch-failed`,
   *   `model-corrupt`, `storage-busy`, `aborted`.
   */
  download(source: ModelSource, hooks?: StoreHooks<DownloadProgress>): Promise<StoredPack>;
  /** Reads a pack back from the disk. @throws {EmbedError} `model-not-found`, `aborted`. */
  verify(id: string, hooks?: StoreHooks<DownloadProgress>): Promise<VerifyResult>;
  /** @throws {EmbedError} `model-not-found`; `storage-busy` when it is in use. */
  remove(id: string, hooks?: StoreHooks<never>): Promise<void>;
  /**
   * Removes packs that are not in use, least recently used first, until so much is free.
   *
   * @returns The removed ones. @throws {EmbedError} `storage-full` when that is not enough; those are removed all the same.
   */
  evict(freeBytes: number, hooks?: StoreHooks<never>): Promise<StoredPack[]>;
}

// ── What a load makes of it ────────────────────────────────────────────────────────────────────────────

export type StorageChoice = "auto" | "none";

/** Where the model's bytes are read from. */
export interface StorageStatus {
  /** `opfs`: the browser's storage. `http`, `folder`: the source, each time. */
  readonly kind: "opfs" | "http" | "folder";
  /** Why, in a sentence. */
  readonly reason: string;
  /** `StoredPack.id`; `null` unless `opfs`. */
  readonly packId: string | null;
}
