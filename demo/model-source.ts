/** @file What a visitor types or hands over → where a pack comes from. Pure but for reading what was dropped. */
import type { FolderSource, ModelSource, PackOrigin } from "../src/index.ts";

/** A source, and what to call it until its manifest is read. */
export interface NamedSource {
  readonly source: ModelSource;
  readonly name: string;
}

/** What the form asks for; all but the address may be empty. */
export interface SourceFields {
  /** A hub id or a URL. */
  readonly address: string;
  readonly endpoint: string;
  readonly token: string;
  /** Folder of the pack inside the repository. */
  readonly path: string;
}

/** `owner/repo[@revision]`, of what the hub allows in names. */
const HUB_ID = /^[\w.-]+\/[\w.-]+(@[\w./-]+)?$/;

/** @returns `null` when the address is neither a URL of http(s) nor a hub id, or the endpoint is no URL. */
export function parseSource({ address, endpoint, token, path }: SourceFields): NamedSource | null {
  const name = address.trim();
  if (/^https?:/i.test(name)) return URL.canParse(name) ? { source: { url: name }, name } : null;
  if (!HUB_ID.test(name) || (endpoint !== "" && !/^https?:\/\//i.test(endpoint))) return null;
  const source = {
    hub: name,
    ...(path !== "" && { path }),
    ...(endpoint !== "" && { endpoint }),
    ...(token !== "" && { token }),
  };
  return { source, name };
}

/** Files of `<input webkitdirectory>`; `null` when there are none. */
export function folderOfFiles(files: readonly File[]): NamedSource | null {
  const [first] = files;
  if (!first) return null;
  return { source: { folder: files }, name: first.webkitRelativePath.split("/")[0] || first.name };
}

/** A folder of a picker or a drop. */
export function folderOfHandle(handle: FileSystemDirectoryHandle): NamedSource {
  return { source: { folder: handle }, name: handle.name };
}

/** Not in TypeScript's types: Chromium only. */
interface FolderItem {
  readonly getAsFileSystemHandle?: () => Promise<FileSystemHandle | null>;
}

/** The first folder among what was dropped; to be called while the drop event is handled. */
export async function droppedFolder(items: DataTransferItemList): Promise<NamedSource | null> {
  const asked = Array.from(items, (item) => (item as FolderItem).getAsFileSystemHandle?.());
  for (const handle of await Promise.all(asked)) {
    if (handle?.kind === "directory") return folderOfHandle(handle as FileSystemDirectoryHandle);
  }
  return null;
}

/** Not in TypeScript's types: Chromium only. */
interface FolderPicker {
  readonly showDirectoryPicker?: () => Promise<FileSystemDirectoryHandle>;
}

/** Whether `pickFolder` can be used; else there is `<input webkitdirectory>`. */
export const canPickFolder = (): boolean => (globalThis as FolderPicker).showDirectoryPicker !== undefined;

/** @returns `null` when the visitor picked none. */
export async function pickFolder(): Promise<NamedSource | null> {
  const handle = await (globalThis as FolderPicker).showDirectoryPicker?.().catch(() => null);
  return handle ? folderOfHandle(handle) : null;
}

/** Where a stored pack can be fetched again from; `null` when its folder must be given again. */
export function sourceOfOrigin(origin: PackOrigin | null): Exclude<ModelSource, FolderSource> | null {
  return origin === null || "folder" in origin ? null : origin;
}

/** An origin in a few words. */
export function originName(origin: PackOrigin | null): string {
  if (origin === null) return "";
  if ("folder" in origin) return origin.folder;
  return "url" in origin ? origin.url : origin.hub;
}
