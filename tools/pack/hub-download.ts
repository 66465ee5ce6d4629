/** @file A model of the hub → a folder on this disk with what packing needs of it, every file's hash checked. */
import { readFileSync, rmSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { EmbedError, throwIfAborted } from "../../src/errors.ts";
import { runLanes } from "../../src/model/lanes.ts";
import { isTransient, retryTransient, type RetryOptions } from "../../src/model/retry.ts";
import { HubCache } from "./hub-cache.ts";
import { type HubAccess, HubClient } from "./hub-client.ts";
import { downloadFile } from "./hub-file.ts";
import { type HubId, isCommit } from "./hub-id.ts";
import { askCommit, askFiles, chooseFiles, type HubFile, WEIGHT_INDEX } from "./hub-listing.ts";
import { hashPartial, isThere, isWhole, type Resumed, resumableBytes } from "./hub-partial.ts";
import type { DownloadStep } from "./progress.ts";
import { readConfig } from "./source.ts";
import { wrapSystemError } from "./system-errors.ts";

/** So that small files and slow connections do not hold up the rest; more would only take from each other. */
const FILES_AT_ONCE = 3;

/** What to download, and where to. */
export interface HubDownload extends HubId {
  readonly access: HubAccess;
  /** Folder where downloads stay. */
  readonly cache: string;
  /** A GGUF file to take instead of safetensors. @default null */
  readonly gguf?: string | null | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (step: DownloadStep) => void;
  /** Told in a sentence what is out of the ordinary: connections that were lost, a hub that cannot be reached. */
  readonly onNote?: (note: string) => void;
  readonly retry?: Pick<RetryOptions, "wait" | "random">;
  /** Of the disk that a folder is on. @default as the file system says */
  readonly freeBytes?: (folder: string) => Promise<number>;
}

/** Where a model is now. */
export interface DownloadedModel {
  /** The folder, or the GGUF file in it. */
  readonly path: string;
  readonly commit: string;
}

/**
 * Downloads what packing needs and is not here yet. Of a commit that is here whole the hub is asked nothing.
 *
 * @throws {EmbedError} `model-not-found`; `model-fetch-failed`; `model-corrupt` for a listing or bytes that cannot be
 *   trusted; `storage-full` with `neededBytes` and `freeBytes` before the first byte; `storage-busy` while another
 *   process downloads the same; `invalid-input` for a cache that cannot be written, or before the weights for a
 *   `config.json` of a model that cannot be packed; `aborted`.
 */
export async function downloadModel(download: HubDownload): Promise<DownloadedModel> {
  throwIfAborted(download.signal);
  try {
    const cache = new HubCache(download.cache, download.repo, download.access.endpoint);
    try {
      return await new Run(download, cache).run();
    } finally {
      cache.close();
    }
  } catch (error) {
    // A read from the disk that was called off throws Node's own error.
    throwIfAborted(download.signal);
    throw wrapSystemError(error);
  }
}

/** A file to download. */
interface Missing {
  readonly file: HubFile;
  readonly resumed: Resumed | null;
}

/** What the steps of one download share. */
class Run {
  readonly #download: HubDownload;
  readonly #cache: HubCache;
  readonly #client: HubClient;
  readonly #retry: RetryOptions;

  constructor(download: HubDownload, cache: HubCache) {
    this.#download = download;
    this.#cache = cache;
    this.#client = new HubClient(download.access);
    this.#retry = {
      ...download.retry,
      signal: download.signal,
      onFailure: (error, waitMs) => download.onNote?.(`${error.message}; again in ${Math.ceil(waitMs / 1000)} s`),
    };
  }

  async run(): Promise<DownloadedModel> {
    const { repo, gguf = null } = this.#download;
    const commit = await this.#commit();
    const folder = this.#cache.folder(commit);
    const listed = await this.#files(commit);
    // Which shards there are stands in the index, and whether they can be packed in the configuration: both come first.
    const first = gguf === null ? listed.filter(({ name }) => name === WEIGHT_INDEX || name === "config.json") : [];
    await this.#bring(commit, first);
    const hasIndex = first.some(({ name }) => name === WEIGHT_INDEX);
    const index = hasIndex ? readFileSync(join(folder, WEIGHT_INDEX), "utf8") : null;
    const chosen = chooseFiles(listed, repo, { index, gguf });
    if (gguf === null) readConfig(folder);
    await this.#bring(commit, chosen);
    return { path: gguf === null ? folder : join(folder, gguf), commit };
  }

  async #commit(): Promise<string> {
    const { repo, revision, signal, onNote } = this.#download;
    if (isCommit(revision)) return revision;
    const ask = async () => {
      const commit = await askCommit(this.#client, { repo, revision }, signal);
      this.#cache.keepRevision(revision, commit);
      return commit;
    };
    const known = this.#cache.revision(revision);
    if (known) {
      try {
        return await ask();
      } catch (error) {
        if (!isTransient(error)) throw error;
        // Without a connection there is an answer at hand; an overloaded hub is asked again below.
        if (isUnreachable(error)) {
          const when = `what it was at ${known.askedAt}, commit ${known.commit}`;
          onNote?.(`${error.message}: ${repo}@${revision} is taken to be ${when}`);
          return known.commit;
        }
      }
    }
    return retryTransient(ask, this.#retry);
  }

  async #files(commit: string): Promise<readonly HubFile[]> {
    const known = this.#cache.listing(commit);
    if (known) return known;
    const files = await askFiles(this.#client, { repo: this.#download.repo, revision: commit }, this.#retry);
    this.#cache.keepListing(commit, files);
    return files;
  }

  /** Checks what is here and downloads the rest. */
  async #bring(commit: string, files: readonly HubFile[]): Promise<void> {
    const missing = await this.#missing(commit, files);
    if (missing.length === 0) return;
    const folder = this.#cache.folder(commit);
    const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    const neededBytes = missing.reduce((sum, { file, resumed }) => sum + file.bytes - (resumed?.bytes ?? 0), 0);
    await this.#checkSpace(folder, neededBytes);
    let done = total - neededBytes;
    const report = () => this.#download.onProgress?.({ phase: "downloading", done, total });
    report();
    await runLanes(
      missing,
      { signal: this.#download.signal, lanes: FILES_AT_ONCE },
      ({ file, resumed }, { signal }) => {
        const path = `/${this.#download.repo}/resolve/${commit}/${encodeURIComponent(file.name)}`;
        return downloadFile({
          file,
          folder,
          resumed,
          open: (start) => this.#client.open(path, { start, signal }),
          retry: { ...this.#retry, signal },
          onBytes: (delta) => {
            done += delta;
            report();
          },
        });
      },
    );
  }

  async #checkSpace(folder: string, neededBytes: number): Promise<void> {
    const freeBytes = await (this.#download.freeBytes ?? readFreeBytes)(folder);
    if (neededBytes <= freeBytes) return;
    throw new EmbedError("storage-full", `${folder}: ${neededBytes} bytes are needed, ${freeBytes} are free`, {
      details: { neededBytes, freeBytes },
    });
  }

  /** Hashes what is here, of files and of parts of them. */
  async #missing(commit: string, files: readonly HubFile[]): Promise<Missing[]> {
    const { signal, onProgress } = this.#download;
    const folder = this.#cache.folder(commit);
    for (const file of files) this.#cache.borrow(commit, file);
    const hereBytes = (file: HubFile) => (isThere(folder, file) ? file.bytes : resumableBytes(folder, file));
    const total = files.reduce((sum, file) => sum + hereBytes(file), 0);
    let done = 0;
    const onBytes = (delta: number) => onProgress?.({ phase: "cached", done: (done += delta), total });
    const missing: Missing[] = [];
    for (const file of files) {
      throwIfAborted(signal);
      const wasThere = isThere(folder, file);
      if (wasThere && (await isWhole(folder, file, { signal, onBytes }))) continue;
      rmSync(join(folder, file.name), { force: true });
      missing.push({ file, resumed: wasThere ? null : await hashPartial(folder, file, { signal, onBytes }) });
    }
    return missing;
  }
}

async function readFreeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** No server answered. */
function isUnreachable({ code, details }: EmbedError): boolean {
  return code === "model-fetch-failed" && details["status"] === undefined;
}
