/** @file What the machine allows: the same bytes fetched, stored and read without a look at them. */
import { DOWNLOAD_LANES } from "../../src/model/download.ts";
import { BLOCK_BYTES } from "../../src/model/manifest.ts";
import { openSync } from "../../src/model/store/opfs.ts";
import type { PackManifest } from "../../src/pack.ts";

export type PlainRequest = { readonly kind: "download"; readonly url: string } | { readonly kind: "load" | "clear" };

export interface Took {
  readonly ms: number;
  readonly bytes: number;
}

/** A folder of its own beside the store's. */
const FOLDER = "plain";

/** GPUBufferUsage's STORAGE and COPY_DST, which TypeScript's page types have no values of. */
const USAGE = 0x80 | 0x8;

onmessage = ({ data }: MessageEvent<PlainRequest>) => void answer(data).then(postMessage, reportError);

async function answer(request: PlainRequest): Promise<Took> {
  if (request.kind === "download") return download(request.url);
  return request.kind === "load" ? load() : clear();
}

async function openFolder(): Promise<FileSystemDirectoryHandle> {
  return (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
}

async function clear(): Promise<Took> {
  await openFolder();
  await (await navigator.storage.getDirectory()).removeEntry(FOLDER, { recursive: true });
  return { ms: 0, bytes: 0 };
}

/** As many files at once as a download of ours fetches. */
async function download(url: string): Promise<Took> {
  const started = performance.now();
  const { files } = (await (await fetch(`${url}manifest.json`)).json()) as PackManifest;
  const names = files.map(({ name }) => name);
  const into = await openFolder();
  const lanes = Array.from({ length: DOWNLOAD_LANES }, async () => {
    let memory = new ArrayBuffer(BLOCK_BYTES);
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      memory = await downloadFile(`${url}${name}`, await into.getFileHandle(name, { create: true }), memory);
    }
  });
  await Promise.all(lanes);
  return { ms: performance.now() - started, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

async function downloadFile(url: string, file: FileSystemFileHandle, memory: ArrayBuffer): Promise<ArrayBuffer> {
  const { body } = await fetch(url, { cache: "no-store" });
  const reader = body!.getReader({ mode: "byob" });
  const handle = await openSync(file);
  try {
    for (let at = 0; ;) {
      const { value } = await reader.read(new Uint8Array(memory));
      memory = value!.buffer;
      if (value!.length === 0) break;
      handle.write(value!, { at });
      at += value!.length;
    }
    handle.flush();
  } finally {
    handle.close();
  }
  return memory;
}

/** Every layer from the disk to a GPU buffer of its own. */
async function load(): Promise<Took> {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice({ requiredLimits: { maxBufferSize: adapter!.limits.maxBufferSize } });
  const folder = await openFolder();
  const names: string[] = [];
  for await (const name of (folder as unknown as { keys(): AsyncIterable<string> }).keys()) names.push(name);
  const layers = names.filter((name) => /^layer-\d+\.bin$/.test(name)).sort();
  const started = performance.now();
  let bytes = 0;
  for (const name of layers) {
    const handle = await openSync(await folder.getFileHandle(name));
    const content = new Uint8Array(handle.getSize());
    handle.read(content, { at: 0 });
    handle.close();
    const buffer = device.createBuffer({ size: Math.ceil(content.length / 4) * 4, usage: USAGE });
    device.queue.writeBuffer(buffer, 0, content);
    bytes += content.length;
  }
  await device.queue.onSubmittedWorkDone();
  const ms = performance.now() - started;
  device.destroy();
  return { ms, bytes };
}
