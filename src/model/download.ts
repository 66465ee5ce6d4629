/** @file A pack from its source into the browser's storage: several files at once, verified twice, then committed. */
import { EmbedError } from "../errors.ts";
import type { DownloadProgress, PackOrigin, PackSource, StoredPack } from "../delivery.ts";
import type { PackFile } from "../pack.ts";
import { DownloadMeter } from "./download-meter.ts";
import { runLanes, type Lane } from "./lanes.ts";
import { BLOCK_BYTES } from "./manifest.ts";
import { receiveBlocks } from "./receive.ts";
import type { RetryOptions } from "./retry.ts";
import { beginDraft, openDraft, type DraftFile, type PackDraft } from "./store/draft.ts";
import { packId } from "./store/entry.ts";
import { measureRoom } from "./store/estimate.ts";
import { findStored, noteOrigin } from "./store/stored.ts";
import { takeTurn, type Announce } from "./tabs.ts";

/**
 * Files that are fetched at once. Browsers open six connections to a server that speaks HTTP/1.1: two stay for the page.
 * Each has a block of memory: 67 MB together, which keeps a download below 100 MB.
 */
export const DOWNLOAD_LANES = 4;

/** How often a file is fetched again that does not read back as it was written: a disk that forgets more is broken. */
const MAX_VERIFY_ROUNDS = 3;

/** Two keep the hashing busy from one file to the next, more only take memory. */
const VERIFY_LANES = 2;

export interface DownloadOptions extends Pick<RetryOptions, "signal" | "wait" | "random"> {
  /** @default "wait": whoever downloads sees why it stands still, and can call it off */
  readonly offline?: RetryOptions["offline"];
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** How much is free of what is wanted. @default the browser is put to it: what it estimates is not what it allows */
  readonly measure?: ((wantedBytes: number) => Promise<number>) | undefined;
}

/**
 * Stores what is missing of a pack, reads all of it back from the disk, and makes it usable; at once where it is. While
 * another tab is at it, its progress is reported, and when that one ends before it is done, this goes on from there.
 *
 * Needs a dedicated worker. What is verified stays, however this ends: the next call goes on from there.
 *
 * @throws {EmbedError} `storage-full` with `neededBytes` and `freeBytes`; `model-fetch-failed`; `model-corrupt`, with
 *   `origin` where the source's file is not its manifest's; `storage-busy`; `aborted`.
 */
export async function downloadPack(source: PackSource, options: DownloadOptions = {}): Promise<StoredPack> {
  const id = await packId(source.manifest, source.manifestBytes);
  if ((await findStored(id))?.state !== "complete") await storeMissing(id, source, options);
  // Asked for by any of its places it is found again; a folder cannot be asked again.
  if (!("folder" in source.origin)) await noteOrigin(id, source.origin);
  const stored = await findStored(id);
  if (stored) return stored;
  throw new EmbedError("model-not-found", `pack ${id} has been removed meanwhile`, { details: { id } });
}

async function storeMissing(id: string, source: PackSource, options: DownloadOptions): Promise<void> {
  await takeTurn(id, options, async (announce) => {
    // Before anything is stored of a pack that there is no room for.
    const { name, files } = source.manifest;
    if ((await findStored(id)) === null) await checkRoom({ id, name }, sizeOf(files), options);
    const draft = await beginDraft(source);
    // Another tab has finished it meanwhile.
    if (!draft.complete) await new Download({ source, draft, options, announce }).run();
  });
}

/**
 * Reads one file of a stored pack back and fetches what is wrong with it, whatever else the source offers by now; other
 * tabs go on using the pack. What another tab has repaired meanwhile is not fetched again. It does not wait for a network
 * unless told to: whoever loads a pack sees nothing of it.
 *
 * @throws {EmbedError} As `downloadPack`; `model-not-found` when the pack has been removed.
 */
export async function repairFile(
  { id, source }: { readonly id: string; readonly source: PackSource },
  file: PackFile,
  options: DownloadOptions = {},
): Promise<void> {
  await takeTurn(id, options, async (announce) => {
    const draft = await openDraft(id);
    await new Download({ source, draft, options: { offline: "fail", ...options }, announce }).repair(file);
  });
}

interface DownloadParts {
  readonly source: PackSource;
  readonly draft: PackDraft;
  readonly options: DownloadOptions;
  readonly announce: Announce;
}

/** What one turn does to one pack. */
class Download {
  readonly #source: PackSource;
  readonly #draft: PackDraft;
  readonly #files: readonly PackFile[];
  readonly #options: DownloadOptions;
  readonly #meter: DownloadMeter;

  constructor({ source, draft, options, announce }: DownloadParts) {
    this.#source = source;
    this.#draft = draft;
    this.#files = draft.manifest.files;
    this.#options = options;
    const report = (progress: DownloadProgress): void => {
      options.onProgress?.(progress);
      announce(progress);
    };
    this.#meter = new DownloadMeter(sizeOf(this.#files), report, () => performance.now());
    this.#meter.enter("manifest");
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    const stored = await this.#draft.storedBytes();
    const missing = missingOf(this.#files, stored);
    await checkRoom(this.#pack, await this.#draft.missingRoom(), this.#options);
    this.#meter.enter("download", sum([...stored.values()]));
    try {
      await runLanes(missing, { signal, lanes: DOWNLOAD_LANES }, ({ file }, lane) => this.#fetch(file, lane));
    } catch (error) {
      throw await this.#ofWhole(error);
    }
    this.#meter.enter("verify");
    await runLanes(this.#files, { signal, lanes: VERIFY_LANES }, (file, lane) => this.#verify(file, lane));
    await this.#draft.commit();
  }

  async repair(file: PackFile): Promise<void> {
    this.#meter.enter("verify", sizeOf(this.#files) - file.bytes);
    const { signal } = this.#options;
    await runLanes([file], { signal, lanes: 1 }, (damaged, lane) => this.#verify(damaged, lane));
    if (this.#draft.complete || missingOf(this.#files, await this.#draft.storedBytes()).length > 0) return;
    await this.#draft.commit();
  }

  /** One file that found no room says nothing of the others. */
  async #ofWhole(error: unknown): Promise<unknown> {
    if (!(error instanceof EmbedError) || error.code !== "storage-full") return error;
    const neededBytes = await this.#draft.missingRoom();
    return noRoom(this.#pack, { neededBytes, freeBytes: error.details["freeBytes"] }, error);
  }

  get #pack(): NamedPack {
    return { id: this.#draft.id, name: this.#draft.manifest.name };
  }

  async #fetch(file: PackFile, lane: Lane): Promise<void> {
    const onBytes = (bytes: number): void => this.#meter.add(bytes);
    if (await this.#draft.adopt(file, { signal: lane.signal, onBytes })) return;
    const draftFile = await this.#draft.openFile(file);
    try {
      await this.#receive(draftFile, lane, onBytes);
    } finally {
      draftFile.close();
    }
  }

  /** Until the disk gives back what the manifest says. */
  async #verify(file: PackFile, lane: Lane): Promise<void> {
    const draftFile = await this.#draft.openFile(file);
    try {
      for (let round = 0; round < MAX_VERIFY_ROUNDS; round++) {
        let countedBytes = 0;
        const onBytes = (bytes: number): void => {
          countedBytes += bytes;
          this.#meter.add(bytes);
        };
        const memory = lane.memory(Math.min(BLOCK_BYTES, file.bytes));
        const wrong = await draftFile.verify({ signal: lane.signal, onBytes, memory });
        if (wrong.length === 0) return;
        this.#meter.add(-countedBytes);
        await this.#receive(draftFile, lane, () => undefined);
      }
    } finally {
      draftFile.close();
    }
    throw new EmbedError("model-corrupt", `${file.name} does not read back from this disk as it was written`, {
      details: { id: this.#draft.id, file: file.name, rounds: MAX_VERIFY_ROUNDS },
    });
  }

  /** The blocks that are missing. */
  async #receive(draftFile: DraftFile, lane: Lane, onBytes: (delta: number) => void): Promise<void> {
    const { file } = draftFile;
    const { offline = "wait", wait, random } = this.#options;
    const landing = {
      has: (block: number) => draftFile.has(block),
      memory: () => lane.memory(Math.min(BLOCK_BYTES, file.bytes)),
      keep: async (block: number, bytes: Uint8Array<ArrayBuffer>) => {
        lane.reuse(bytes);
        await draftFile.write(block, bytes);
      },
    };
    const onTrouble = (why: string | null): void => this.#meter.trouble(file.name, why);
    try {
      await receiveBlocks({ source: this.#source, file }, landing, {
        signal: lane.signal,
        onBytes,
        onTrouble,
        uncached: true,
        offline,
        wait,
        random,
      });
    } catch (error) {
      throw ofOrigin(error, this.#source.origin);
    }
  }
}

interface MissingFile {
  readonly file: PackFile;
  /** Of it, to be fetched. */
  readonly bytes: number;
}

interface NamedPack {
  readonly id: string;
  readonly name: string;
}

/** @throws {EmbedError} `storage-full`, before anything has been fetched for nothing. */
async function checkRoom(
  pack: NamedPack,
  neededBytes: number,
  { measure = measureRoom }: DownloadOptions,
): Promise<void> {
  if (neededBytes === 0) return;
  const freeBytes = await measure(neededBytes);
  if (freeBytes < neededBytes) throw noRoom(pack, { neededBytes, freeBytes });
}

function noRoom(
  { id, name }: NamedPack,
  details: { readonly neededBytes: number; readonly freeBytes: unknown },
  cause?: unknown,
): EmbedError {
  const { neededBytes, freeBytes } = details;
  const free = typeof freeBytes === "number" ? `${megabytes(freeBytes)} MB` : "less";
  const message =
    `${name}: ${megabytes(neededBytes)} MB more are needed and the browser offers ${free}: ` +
    `remove other packs, or free space on the disk, then download again`;
  return new EmbedError("storage-full", message, { cause, details: { id, ...details } });
}

/** Files that are not all there, longest to go first: no lane has to do a long one alone when the others have ended. */
function missingOf(files: readonly PackFile[], stored: ReadonlyMap<string, number>): MissingFile[] {
  return files
    .map((file) => ({ file, bytes: file.bytes - (stored.get(file.name) ?? 0) }))
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.bytes - a.bytes);
}

/** Bytes that came broken again and again are not damaged on the way: the source has others than its manifest says. */
function ofOrigin(error: unknown, origin: PackOrigin): unknown {
  if (!(error instanceof EmbedError) || error.code !== "model-corrupt") return error;
  const message = `${error.message}; the source's file is not the one of the manifest`;
  return new EmbedError("model-corrupt", message, { cause: error, details: { ...error.details, origin } });
}

function sizeOf(files: readonly PackFile[]): number {
  return sum(files.map(({ bytes }) => bytes));
}

function sum(bytes: readonly number[]): number {
  return bytes.reduce((total, more) => total + more, 0);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
