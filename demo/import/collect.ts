/** @file What a visitor drops, chooses or pastes → sources to import, in a stable order. */
import { importStrings } from "../import-strings.ts";
import { MAX_FILES } from "./limits.ts";
import type { ImportRefusal, ImportSource } from "./outcome.ts";

export interface Collected {
  readonly sources: readonly ImportSource[];
  /** What could not even be listed. */
  readonly refusals: readonly ImportRefusal[];
}

/** Inside of folders these hold nothing that a person wrote. Hidden files and folders are passed over too. */
const PASSED_OVER = new Set(["node_modules", "__macosx", "thumbs.db", "desktop.ini"]);

/**
 * Files and folders of a drop, folders with all that is in them; else its link or its text.
 *
 * The drop is read before the first `await`: the browser empties it when the event handler returns.
 */
export async function collectDrop(transfer: DataTransfer): Promise<Collected> {
  const items = [...transfer.items].filter(({ kind }) => kind === "file");
  const dropped = items.map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const others = collectText(transfer);
  const listing = new Listing();
  for (const { entry, file } of dropped) {
    if (entry) await listing.addEntry(entry, entry.name);
    else if (file) listing.addFile(file.name, file);
  }
  return dropped.length > 0 ? listing.finish() : { sources: others, refusals: [] };
}

/** Of `<input type="file">`; with `webkitdirectory` each file has its path. */
export function collectFiles(files: Iterable<File>): Collected {
  const listing = new Listing();
  for (const file of files) {
    const path = file.webkitRelativePath || file.name;
    if (!isPassedOver(path)) listing.addFile(path, file);
  }
  return listing.finish();
}

/** Of a clipboard: its files, else its text, as HTML where it is there: that has the headings. */
export function collectPaste(transfer: DataTransfer): Collected {
  const files = collectFiles(transfer.files);
  return files.sources.length > 0 ? files : { sources: collectText(transfer), refusals: [] };
}

/** A link alone is fetched; anything else is text. */
function collectText(transfer: DataTransfer): ImportSource[] {
  const plain = transfer.getData("text/plain");
  const link = (transfer.getData("text/uri-list") || plain).trim();
  if (/^https?:\/\/\S+$/i.test(link)) return [{ kind: "url", url: link }];
  const html = transfer.getData("text/html");
  const text = html || plain;
  if (text.trim() === "") return [];
  return [{ kind: "text", name: `pasted-${fingerprint(plain || html)}`, text, format: html ? "html" : "plain" }];
}

/** FNV-1a: the same text pasted again replaces the first. Eight hexadecimal digits. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** Whether a file of a folder is left out; what lies at the top was named by the visitor. */
function isPassedOver(path: string): boolean {
  const [, ...inner] = path.split("/");
  return inner.some((part) => part.startsWith(".") || PASSED_OVER.has(part.toLowerCase()));
}

/** Files as they are found, up to the limit. */
class Listing {
  readonly #sources: Extract<ImportSource, { kind: "file" }>[] = [];
  readonly #refusals: ImportRefusal[] = [];
  #full = false;

  addFile(name: string, file: Blob): void {
    this.#full ||= this.#sources.length >= MAX_FILES;
    if (!this.#full) this.#sources.push({ kind: "file", name, file });
  }

  /** Adds a file, or all of a folder. One that cannot be opened is listed, and the others go on. */
  async addEntry(entry: FileSystemEntry, path: string): Promise<void> {
    if (this.#full || isPassedOver(path)) return;
    try {
      if (isFile(entry)) this.addFile(path, await new Promise<File>((resolve, reject) => entry.file(resolve, reject)));
      else if (isFolder(entry))
        for (const child of await listFolder(entry)) await this.addEntry(child, `${path}/${child.name}`);
    } catch {
      this.#refusals.push({ name: path, refused: "unreadable", detail: importStrings.details.unreadable });
    }
  }

  finish(): Collected {
    const sources = this.#sources.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    if (!this.#full) return { sources, refusals: this.#refusals };
    const detail = importStrings.details.tooManyFiles;
    return { sources, refusals: [...this.#refusals, { name: "…", refused: "too-many-documents", detail }] };
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

/** Browsers give a folder's entries a hundred at a time. */
async function listFolder(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    all.push(...some);
  }
}
