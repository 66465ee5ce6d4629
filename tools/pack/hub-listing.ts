/** @file What a repository of the hub holds, and which of it packing needs. What the hub says is checked before use. */
import { EmbedError } from "../../src/errors.ts";
import { retryTransient, type RetryOptions } from "../../src/model/retry.ts";
import type { HubClient } from "./hub-client.ts";
import { type HubId, isCommit, isFileName } from "./hub-id.ts";
import { show } from "./show.ts";

/** A file as the listing states it. */
export interface HubFile {
  readonly name: string;
  readonly bytes: number;
  /** `sha256`: of the content, for files that git keeps elsewhere (LFS). `git`: of the blob, for small ones. */
  readonly hash: { readonly kind: "sha256" | "git"; readonly hex: string };
}

/** Says in which file each tensor lies. */
export const WEIGHT_INDEX = "model.safetensors.index.json";
/** The model card and the licence belong to the weights. */
const PAPERS: readonly string[] = ["README.md", "LICENSE"];
/** What else packing reads, or passes on. */
const SMALL_FILES: readonly string[] = [
  "config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  WEIGHT_INDEX,
  ...PAPERS,
];

/** Of the repository's root; the largest model repositories have some hundreds. */
const MAX_ENTRIES = 10_000;
/** The 8B model comes in 4 shards, the largest open models in fewer than 200. */
const MAX_WEIGHT_FILES = 500;
/** The 8B model in f32 takes 33 GB: twice that, for what may come, is still no way to fill a disk unasked. */
const MAX_TOTAL_BYTES = 64 * 2 ** 30;
/** Qwen3's tokenizer.json has 11 MB, an index of a thousand shards 3 MB. */
const MAX_SMALL_BYTES = 64 * 2 ** 20;

/**
 * The commit that a revision stands for now. One request.
 *
 * @throws {EmbedError} `model-not-found`, `model-fetch-failed`, `model-corrupt` for what is no commit, `aborted`.
 */
export async function askCommit(client: HubClient, { repo, revision }: HubId, signal?: AbortSignal): Promise<string> {
  const { value } = await client.json(`/api/models/${repo}/revision/${encodeURIComponent(revision)}`, signal);
  const sha = (value as { sha?: unknown } | null)?.sha;
  if (typeof sha === "string" && isCommit(sha)) return sha;
  throw corrupt(`${repo}@${revision} has the commit ${show(sha)}`);
}

/**
 * The files of a repository's root at a commit.
 *
 * @throws {EmbedError} `model-corrupt` for a listing that is not to be trusted; as `askCommit`.
 */
export async function askFiles(client: HubClient, { repo, revision }: HubId, retry: RetryOptions): Promise<HubFile[]> {
  const tree = `/api/models/${repo}/tree/${revision}`;
  const entries: unknown[] = [];
  for (let query: string | null = ""; query !== null;) {
    const path: string = tree + query;
    const { value, next } = await retryTransient(() => client.json(path, retry.signal), retry);
    if (!Array.isArray(value)) throw corrupt(`the listing of ${repo} is no list`);
    if (entries.length + value.length > MAX_ENTRIES) throw corrupt(`${repo} lists more than ${MAX_ENTRIES} entries`);
    entries.push(...(value as unknown[]));
    // An empty page that leads on could lead on for ever.
    query = value.length > 0 ? next : null;
  }
  return parseEntries(entries);
}

/**
 * @param entries - As the hub's API gives them.
 * @returns Those files that packing could need.
 * @throws {EmbedError} `model-corrupt`, naming the entry.
 */
export function parseEntries(entries: readonly unknown[]): HubFile[] {
  const files = new Map<string, HubFile>();
  for (const entry of entries) {
    const { type, path, size, oid, lfs } = (entry ?? {}) as Record<string, unknown>;
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    if (typeof path !== "string" || /[\\\x00-\x1f\x7f]|^[/~]|^[A-Za-z]:|(^|\/)\.{0,2}(\/|$)/.test(path)) {
      throw corrupt(`the listing names the path ${show(path)}`);
    }
    if (type !== "file" || !isWanted(path)) continue;
    const key = path.toLowerCase();
    if (!isFileName(path) || files.has(key)) {
      throw corrupt(`the listing names a file ${show(path)} that a disk may not hold beside the others`);
    }
    files.set(key, parseFile({ path, size, oid, lfs: lfs as { oid?: unknown; size?: unknown } | null | undefined }));
  }
  return [...files.values()];
}

function isWanted(path: string): boolean {
  return !path.includes("/") && (SMALL_FILES.includes(path) || /\.(safetensors|gguf)$/.test(path));
}

interface Entry {
  readonly path: string;
  readonly size: unknown;
  readonly oid: unknown;
  readonly lfs: { readonly oid?: unknown; readonly size?: unknown } | null | undefined;
}

function parseFile({ path, size, oid, lfs }: Entry): HubFile {
  const bytes = lfs ? (lfs.size ?? size) : size;
  const limit = SMALL_FILES.includes(path) ? MAX_SMALL_BYTES : MAX_TOTAL_BYTES;
  if (!Number.isSafeInteger(bytes) || (bytes as number) < 0 || (bytes as number) > limit) {
    throw corrupt(`${path} is said to have ${show(bytes)} bytes, the limit is ${limit}`);
  }
  // Some servers write the kind of hash before it.
  const stated = lfs ? lfs.oid : oid;
  const hex = typeof stated === "string" ? stated.replace(/^sha256:/, "") : "";
  if (!(lfs ? /^[0-9a-f]{64}$/ : /^[0-9a-f]{40}$/).test(hex)) {
    throw corrupt(`${path} is said to have the hash ${show(stated)}`);
  }
  return { name: path, bytes: bytes as number, hash: { kind: lfs ? "sha256" : "git", hex } };
}

/** What decides which files are needed. */
export interface Choice {
  /** Content of the weight index; `null` where there is none. */
  readonly index: string | null;
  /** A GGUF file to take instead of safetensors. */
  readonly gguf: string | null;
}

/**
 * The files to download.
 *
 * @throws {EmbedError} `model-not-found` when weights are missing (with a list of the GGUF files, if that is what there
 *   is), `model-corrupt` for a broken index or too much of everything.
 */
export function chooseFiles(files: readonly HubFile[], repo: string, { index, gguf }: Choice): HubFile[] {
  const weights = gguf === null ? chooseShards(files, repo, index) : chooseGguf(files, repo, gguf);
  // A GGUF file holds its configuration and its tokenizer itself.
  const small = files.filter(({ name }) => (gguf === null ? SMALL_FILES : PAPERS).includes(name));
  if (gguf === null && !small.some(({ name }) => name === "config.json")) {
    throw new EmbedError("model-not-found", `${repo} holds no config.json`);
  }
  const total = weights.reduce((sum, { bytes }) => sum + bytes, 0);
  if (weights.length > MAX_WEIGHT_FILES || total > MAX_TOTAL_BYTES) {
    const limits = `${MAX_WEIGHT_FILES} files and ${MAX_TOTAL_BYTES} bytes`;
    throw corrupt(`${repo} has ${weights.length} weight files of ${total} bytes; the limits are ${limits}`);
  }
  return [...small, ...weights];
}

function chooseGguf(files: readonly HubFile[], repo: string, name: string): HubFile[] {
  const found = files.filter((file) => file.name === name && name.endsWith(".gguf"));
  if (found.length > 0) return found;
  throw new EmbedError("model-not-found", `${repo} holds no file ${name}; ${listGguf(files)}`);
}

function chooseShards(files: readonly HubFile[], repo: string, index: string | null): HubFile[] {
  const shards = files.filter(({ name }) => name.endsWith(".safetensors"));
  if (index !== null) {
    return shardNames(index).map((name) => {
      const shard = shards.find((file) => file.name === name);
      if (!shard) throw new EmbedError("model-not-found", `${WEIGHT_INDEX} names ${name}, which ${repo} does not hold`);
      return shard;
    });
  }
  if (shards.length > 0) return shards;
  const hint = files.some(({ name }) => name.endsWith(".gguf")) ? "; choose one with --file NAME.gguf" : "";
  throw new EmbedError("model-not-found", `${repo} holds no *.safetensors; ${listGguf(files)}${hint}`);
}

function listGguf(files: readonly HubFile[]): string {
  const names = files.filter(({ name }) => name.endsWith(".gguf")).map(({ name }) => name);
  return names.length > 0 ? `its GGUF files are ${names.join(", ")}` : "it holds no *.gguf either";
}

function shardNames(index: string): string[] {
  let map: unknown;
  try {
    map = (JSON.parse(index) as { weight_map?: unknown } | null)?.weight_map;
  } catch (cause) {
    throw new EmbedError("model-corrupt", `${WEIGHT_INDEX} is not JSON`, { cause });
  }
  if (typeof map !== "object" || map === null) throw corrupt(`${WEIGHT_INDEX} has no weight_map`);
  return [...new Set(Object.values(map))].map((name: unknown) => {
    if (typeof name === "string" && isFileName(name) && name.endsWith(".safetensors")) return name;
    throw corrupt(`${WEIGHT_INDEX} names the file ${show(name)}`);
  });
}

/** What would be said again. */
function corrupt(message: string): EmbedError {
  return new EmbedError("model-corrupt", message, { details: { persistent: true } });
}
