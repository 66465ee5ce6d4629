/** @file What an entry of the store says about itself, believed only as far as it makes sense. */

import type { PackOrigin, PackSource, StoredPack } from "../../delivery.ts";
import type { PackFile, PackManifest } from "../../pack.ts";
import { Field } from "../field.ts";
import { BLOCK_BYTES, parseManifest } from "../manifest.ts";
import { sha256Hex } from "../../sha256.ts";
import { allBlocks, blockBytes, blocksBytes } from "./blocks.ts";
import { type PackFolder, readSmall } from "./folder.ts";
import { type JournalState, readJournal } from "./journal.ts";
import { goneError } from "./opfs.ts";

/** Hex digits of the manifest's hash in an id: 48 bits tell the versions of one pack apart. */
const ID_DIGITS = 12;
/** Enough to know a pack by; file systems stop at 255. */
const MAX_NAME_CHARS = 80;
const MAX_TEXT_CHARS = 4096;
const MARKER_VERSION = 1;
/** Servers of one pack that are remembered besides the one that it came from. */
const MAX_ORIGINS = 8;

/** A pack's name in the store: its own, made safe, and the beginning of its manifest's SHA-256. */
export async function packId(manifest: PackManifest, manifestBytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const safe = manifest.name.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "");
  const hash = await sha256Hex(manifestBytes);
  return `${safe.slice(0, MAX_NAME_CHARS) || "pack"}-${hash.slice(0, ID_DIGITS)}`;
}

/** The commit marker, `complete.json`. The manifest's hash stands for every file's name, size and hash. */
interface CommitMarker {
  readonly origin: PackOrigin | null;
  readonly manifestSha256: string;
  readonly storedAt: number;
}

/** An entry as it was read; `null` for what is not there or unreadable. */
export interface Entry {
  readonly folder: PackFolder;
  readonly manifest: PackManifest | null;
  /** `null` unless the pack is complete. */
  readonly storedAt: number | null;
  readonly origin: PackOrigin | null;
  /** Everywhere that this very pack was seen, `origin` first. */
  readonly origins: readonly PackOrigin[];
}

/** Reads everything but the files; throws for nothing that the folder may hold. */
export async function readEntry(folder: PackFolder): Promise<Entry> {
  const bytes = await folder.read("manifest.json");
  const [marker, draft] = [await folder.readJson("complete.json"), await folder.readJson("draft.json")];
  const noted = await readNotedOrigins(folder);
  const sha256 = bytes && (await sha256Hex(bytes));
  const manifest = bytes && sha256?.slice(0, ID_DIGITS) === folder.id.slice(-ID_DIGITS) ? readManifest(bytes) : null;
  const commit = attempt(() => parseMarker(new Field(marker)));
  const first = commit?.origin ?? attempt(() => parseOrigin(new Field(draft).get("origin")));
  const origins = first && !noted.some((other) => isSame(other, first)) ? [...noted, first] : noted;
  return {
    folder,
    manifest,
    storedAt: manifest && commit?.manifestSha256 === sha256 ? commit.storedAt : null,
    origin: origins[0] ?? null,
    origins,
  };
}

function readManifest(bytes: Uint8Array): PackManifest | null {
  return attempt(() => parseManifest(JSON.parse(new TextDecoder().decode(bytes))));
}

/** Whatever is wrong with it, it cannot be used. */
function attempt<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch {
    return null;
  }
}

function parseMarker(field: Field): CommitMarker {
  field.get("version").oneOf([MARKER_VERSION]);
  return {
    origin: attempt(() => parseOrigin(field.get("origin"))),
    manifestSha256: field.get("manifestSha256").text(64, 64),
    storedAt: field.get("storedAt").number(0, Number.MAX_SAFE_INTEGER),
  };
}

/** A copy of the known fields alone: nothing secret that a source may carry gets onto the disk. */
function parseOrigin(field: Field): PackOrigin {
  const text = (name: string): string => field.get(name).text(1, MAX_TEXT_CHARS);
  if (field.has("url")) return { url: text("url") };
  if (field.has("folder")) return { folder: field.get("folder").text(0, MAX_TEXT_CHARS) };
  return {
    hub: text("hub"),
    ...(field.has("path") && { path: field.get("path").text(0, MAX_TEXT_CHARS) }),
    ...(field.has("endpoint") && { endpoint: text("endpoint") }),
  };
}

/** Notes where a pack comes from, before anything of it is there. */
export async function writeDraftOrigin(folder: PackFolder, origin: PackOrigin): Promise<void> {
  await folder.writeJson("draft.json", { origin: parseOrigin(new Field({ ...origin })) });
}

/** The last one first. */
async function readNotedOrigins(folder: PackFolder): Promise<PackOrigin[]> {
  const field = new Field(await folder.readJson("origins.json"));
  return attempt(() => field.get("origins").items(0, MAX_ORIGINS).map(parseOrigin)) ?? [];
}

/** Notes where else this very pack is, as the first place to ask from now on. */
export async function writeOrigin({ folder, origins }: Entry, origin: PackOrigin): Promise<void> {
  const noted = parseOrigin(new Field({ ...origin }));
  if (origins[0] && isSame(origins[0], noted)) return;
  const others = origins.filter((other) => !isSame(other, noted));
  await folder.writeJson("origins.json", { origins: [noted, ...others].slice(0, MAX_ORIGINS) });
}

/** Both have been parsed. */
function isSame(one: PackOrigin, other: PackOrigin): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Makes a pack usable. @throws {EmbedError} `model-not-found` when its manifest is gone; as `storageError`. */
export async function writeMarker(folder: PackFolder, origin: PackOrigin | null): Promise<void> {
  const manifest = await folder.read("manifest.json");
  if (!manifest) throw goneError(folder.id, "manifest.json");
  const marker: CommitMarker = {
    origin: origin && parseOrigin(new Field({ ...origin })),
    manifestSha256: await sha256Hex(manifest),
    storedAt: Date.now(),
  };
  await folder.writeJson("complete.json", { version: MARKER_VERSION, ...marker });
}

/** Writes the manifest unless it is there, whole, already. */
export async function writeManifest(folder: PackFolder, { manifestBytes }: PackSource): Promise<void> {
  const before = await folder.read("manifest.json");
  if (before && (await sha256Hex(before)) === (await sha256Hex(manifestBytes))) return;
  await folder.write("manifest.json", manifestBytes);
}

/** One file of an entry: which of its blocks are on the disk, for all that is known without reading them. */
export interface FileState extends JournalState {
  /** -1 when there is no file. */
  readonly sizeBytes: number;
}

/**
 * A file without a journal is whole as far as it reaches: the journal is there before the first byte, and goes when
 * all are. Of a complete pack any journal is a leftover.
 */
export async function readFileState({ folder, storedAt }: Entry, file: PackFile): Promise<FileState> {
  const sizeBytes = await fileSize(await folder.find("files", file.name));
  const journal = storedAt === null ? await folder.find("journal", file.name) : null;
  const state = journal
    ? readJournal((await readSmall(journal)) ?? new Uint8Array(0), file.blocks.length)
    : { blocks: allBlocks(file), endBytes: 0 };
  const reached = [...state.blocks].filter((block) => block * BLOCK_BYTES + blockBytes(file, block) <= sizeBytes);
  return { ...state, blocks: new Set(reached), sizeBytes };
}

async function fileSize(handle: FileSystemFileHandle | null): Promise<number> {
  return (await handle?.getFile().catch(() => null))?.size ?? -1;
}

/** Bytes of each file that are on the disk, by name. */
export async function readStoredBytes(entry: Entry): Promise<ReadonlyMap<string, number>> {
  const files = entry.manifest?.files ?? [];
  const count = async (file: PackFile): Promise<[string, number]> => {
    const { blocks } = await readFileState(entry, file);
    return [file.name, blocksBytes(file, blocks)];
  };
  return new Map(await Promise.all(files.map(count)));
}

/** Bytes by which its files are still to grow, whatever of them is verified. */
export async function readMissingRoom({ folder, manifest }: Entry): Promise<number> {
  const missing = async ({ name, bytes }: PackFile): Promise<number> =>
    bytes - Math.min(bytes, Math.max(0, await fileSize(await folder.find("files", name))));
  return (await Promise.all(manifest?.files.map(missing) ?? [])).reduce((sum, bytes) => sum + bytes, 0);
}

/** The entry as the public is told. */
export async function describeEntry(entry: Entry, inUse: boolean): Promise<StoredPack> {
  const { folder, manifest, origin, storedAt } = entry;
  const used = await folder.readJson("used.json");
  return {
    id: folder.id,
    name: manifest?.name ?? folder.id,
    state: storedAt === null ? "incomplete" : "complete",
    origin,
    revision: manifest?.source.revision ?? null,
    totalBytes: manifest?.files.reduce((sum, file) => sum + file.bytes, 0) ?? 0,
    storedBytes: [...(await readStoredBytes(entry)).values()].reduce((sum, bytes) => sum + bytes, 0),
    storedAt,
    lastUsedAt: attempt(() => new Field(used).get("at").number(0, Number.MAX_SAFE_INTEGER)),
    inUse,
  };
}
