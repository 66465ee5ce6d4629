/** @file A pack in a folder of the user's: from a directory picker, a drop, or `<input webkitdirectory>`. */
import type { FileStream, FolderSource, OpenOptions, PackSource } from "../delivery.ts";
import { EmbedError, throwIfAborted } from "../errors.ts";
import type { PackFile } from "../pack.ts";
import { MANIFEST, MAX_MANIFEST_BYTES, readManifest } from "./manifest-bytes.ts";
import { BodyStream } from "./transfer.ts";

/** The pack's files, which can be read as they lie there. */
export interface FolderPackSource extends PackSource {
  /**
   * A file as it was when it was first asked for, or last opened `fresh`. Browsers refuse to read it after it changed.
   *
   * @throws {EmbedError} `model-not-found` when it is missing; `model-corrupt` when its size is not the manifest's;
   *   `model-fetch-failed` when it cannot be read.
   */
  fileOf(file: PackFile): Promise<File>;
}

/** Whether a source's files lie on this machine. */
export function isFolder(source: PackSource): source is FolderPackSource {
  return "fileOf" in source;
}

/** The one folder that has the manifest. */
interface Folder {
  readonly name: string;
  /** `null`: not there. */
  find(name: string): Promise<File | null>;
}

/**
 * Opens the pack in a folder, or in exactly one folder right under it.
 *
 * @throws {EmbedError} `model-not-found` when there is no manifest; `invalid-input` when there are several;
 *   `model-corrupt` when it is not a valid one; `model-fetch-failed` when the folder cannot be read (details:
 *   `permission` when the browser refuses to); `aborted`.
 */
export async function openFolderSource(
  { folder }: FolderSource,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<FolderPackSource> {
  throwIfAborted(signal);
  const pack = "kind" in folder ? await findInDirectory(folder) : findInFiles(folder);
  const manifestFile = await readable(pack.name, MANIFEST, () => pack.find(MANIFEST));
  if (!manifestFile) throw noPack(pack.name);
  // One byte more is enough to know that it is too long.
  const head = manifestFile.slice(0, MAX_MANIFEST_BYTES + 1);
  const manifestBytes = new Uint8Array(await readable(pack.name, MANIFEST, () => head.arrayBuffer()));
  throwIfAborted(signal);
  const manifest = readManifest(manifestBytes, `${MANIFEST} in the folder ${pack.name}`);
  const files = new Map<string, File>();
  const fileOf = async (file: PackFile): Promise<File> => {
    const found = files.get(file.name) ?? (await findFile(pack, file));
    files.set(file.name, found);
    return found;
  };
  const open = async (file: PackFile, options: OpenOptions): Promise<FileStream> => {
    throwIfAborted(options.signal);
    if (options.fresh) files.delete(file.name);
    const { start, end = file.bytes } = options;
    const source = await fileOf(file);
    return new BodyStream(source.slice(start, end).stream(), {
      subject: { file: file.name, folder: pack.name },
      start,
      end,
      version: String(source.lastModified),
      signal: options.signal,
    });
  };
  return { origin: { folder: pack.name }, manifest, manifestBytes, open, fileOf };
}

async function findFile(folder: Folder, { name, bytes }: PackFile): Promise<File> {
  const file = await readable(folder.name, name, () => folder.find(name));
  const details = { file: name, folder: folder.name };
  if (!file) throw new EmbedError("model-not-found", `${name} is missing in the folder ${folder.name}`, { details });
  if (file.size === bytes) return file;
  throw new EmbedError("model-corrupt", `${name}: ${file.size} bytes, the manifest says ${bytes}`, {
    details: { ...details, expectedBytes: bytes, actualBytes: file.size, persistent: true },
  });
}

async function findInDirectory(directory: FileSystemDirectoryHandle): Promise<Folder> {
  if (await hasManifest(directory)) return asFolder(directory, directory.name);
  const found = await readable(directory.name, MANIFEST, async () => {
    const folders: FileSystemDirectoryHandle[] = [];
    for await (const entry of directory.values()) {
      if (entry.kind === "directory" && (await hasManifest(entry))) folders.push(entry);
    }
    return folders;
  });
  const only = theOnly(found, directory.name, ({ name }) => name);
  return asFolder(only, `${directory.name}/${only.name}`);
}

async function hasManifest(directory: FileSystemDirectoryHandle): Promise<boolean> {
  return (await readable(directory.name, MANIFEST, () => findHandle(directory, MANIFEST))) !== null;
}

function asFolder(directory: FileSystemDirectoryHandle, name: string): Folder {
  return { name, find: async (file) => (await findHandle(directory, file))?.getFile() ?? null };
}

/** @returns `null` where no file has this name. */
async function findHandle(directory: FileSystemDirectoryHandle, name: string): Promise<FileSystemFileHandle | null> {
  try {
    return await directory.getFileHandle(name);
  } catch (cause) {
    // The second one: a folder has this name.
    if (isNamed(cause, "NotFoundError") || isNamed(cause, "TypeMismatchError")) return null;
    throw cause;
  }
}

/** Files of an input have paths that begin with the folder that was chosen; dropped ones may have none. */
function findInFiles(files: readonly File[]): Folder {
  const byFolder = new Map<string, Map<string, File>>();
  const manifests: string[] = [];
  for (const file of files) {
    const path = (file.webkitRelativePath || file.name).split("/");
    const folder = path.slice(0, -1).join("/");
    const names = byFolder.get(folder) ?? new Map<string, File>();
    byFolder.set(folder, names);
    names.set(file.name, file);
    if (file.name === MANIFEST) manifests.push(folder);
  }
  const depthOf = (folder: string): number => (folder === "" ? 0 : folder.split("/").length);
  const top = Math.min(...Array.from(byFolder.keys(), depthOf));
  const chosen = [...byFolder.keys()].find((folder) => folder !== "")?.split("/")[0] ?? "chosen files";
  const near = [top, top + 1].map((depth) => manifests.filter((folder) => depthOf(folder) === depth));
  const name = theOnly(near.find((folders) => folders.length > 0) ?? [], chosen, (folder) => folder || chosen);
  const names = byFolder.get(name);
  return { name: name || chosen, find: async (file) => names?.get(file) ?? null };
}

function theOnly<T>(found: readonly T[], place: string, nameOf: (item: T) => string): T {
  const [only, ...others] = found;
  if (only === undefined) throw noPack(place);
  if (others.length === 0) return only;
  const names = found.map(nameOf);
  throw new EmbedError("invalid-input", `the folder ${place} has several packs: ${names.join(", ")}; choose one`, {
    details: { folder: place, packs: names },
  });
}

function noPack(folder: string): EmbedError {
  const message = `no pack here: no ${MANIFEST} in the folder ${folder} or in one right under it`;
  return new EmbedError("model-not-found", message, { details: { file: MANIFEST, folder } });
}

/** What the browser refuses or cannot do, as an error of ours. */
async function readable<T>(folder: string, file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof EmbedError) throw cause;
    const refused = isNamed(cause, "NotAllowedError");
    const what = refused ? "the browser has no permission to read it" : "it cannot be read";
    throw new EmbedError("model-fetch-failed", `${file} in the folder ${folder}: ${what}`, {
      cause,
      details: { file, folder, ...(refused && { permission: "denied", persistent: true }) },
    });
  }
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof DOMException && error.name === name;
}
