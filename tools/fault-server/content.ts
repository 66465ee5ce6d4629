/** @file What the fault server serves: files of packs in memory or on disk. */
import { open } from "node:fs/promises";
import { join, sep } from "node:path";

/** One file. */
export interface Content {
  readonly bytes: number;
  /** Changes with the content. */
  readonly etag: string;
  read(start: number, end: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface Shelves {
  readonly packs: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;
  readonly root: string | null;
}

/** @returns `null` for a file that is nowhere. */
export async function openContent(shelves: Shelves, pack: string, file: string): Promise<Content | null> {
  const contents = shelves.packs.get(pack);
  const memory = contents?.get(file);
  if (memory) return fromMemory(file, memory);
  if (contents || shelves.root === null) return null;
  const path = join(shelves.root, pack, file);
  if (!path.startsWith(shelves.root + sep)) return null;
  return fromDisk(path);
}

function fromMemory(file: string, memory: Uint8Array): Content {
  return {
    bytes: memory.length,
    etag: `"${file}-${memory.length}"`,
    read: async (start, end) => memory.subarray(start, end),
    close: async () => undefined,
  };
}

async function fromDisk(path: string): Promise<Content | null> {
  const handle = await open(path).catch(() => null);
  const facts = await handle?.stat();
  if (!handle || !facts?.isFile()) {
    await handle?.close();
    return null;
  }
  return {
    bytes: facts.size,
    etag: `"${facts.mtimeMs}-${facts.size}"`,
    read: async (start, end) => {
      const { buffer, bytesRead } = await handle.read(new Uint8Array(end - start), 0, end - start, start);
      return buffer.subarray(0, bytesRead);
    },
    close: () => handle.close(),
  };
}
