/** @file The store as a worker has it: what the page may ask of the packs in the browser's storage. */
import { EmbedError } from "../errors.ts";
import type {
  DownloadProgress,
  ModelSource,
  PackOffer,
  PackStore,
  StoredPack,
  StoredSource,
  StoreHooks,
  VerifyResult,
} from "../delivery.ts";
import type { PackFile, PackManifest } from "../pack.ts";
import { DownloadMeter } from "./download-meter.ts";
import { downloadPack, type DownloadOptions } from "./download.ts";
import type { HttpOptions } from "./http-source.ts";
import { openPackSource } from "./source.ts";
import { originOf, resolveStored } from "./stored-source.ts";
import { openDraft, type PackDraft } from "./store/draft.ts";
import { packId } from "./store/entry.ts";
import { estimateStorage } from "./store/estimate.ts";
import { hasOpfs } from "./store/opfs.ts";
import { evictPacks, listStored, removePack } from "./store/stored.ts";
import { takeTurn } from "./tabs.ts";

export interface PackStoreOptions
  extends Pick<HttpOptions, "fetch" | "wait" | "random">, Pick<DownloadOptions, "measure"> {}

/** Of a dedicated worker: browsers let no other write. Without file storage nothing is stored, and nothing can be. */
export function createPackStore(options: PackStoreOptions = {}): PackStore {
  return {
    list: async () => ((await hasOpfs()).ok ? listStored() : []),
    estimate: estimateStorage,
    inspect: (source, hooks = {}) => inspect(source, { ...options, ...hooks }),
    download: async (source, { signal, onProgress } = {}) => {
      const fetchFrom = async (place: Exclude<ModelSource, StoredSource>): Promise<StoredPack> =>
        downloadPack(await openPackSource(place, { ...options, signal }), { ...options, signal, onProgress });
      if (!("stored" in source)) return fetchFrom(source);
      const stored = await resolveStored(source.stored);
      return stored.state === "complete" ? stored : fetchFrom(originOf(stored));
    },
    verify,
    remove: removePack,
    evict: (freeBytes) => evictPacks(freeBytes, options.measure),
  };
}

async function inspect(source: ModelSource, options: HttpOptions): Promise<PackOffer> {
  if ("stored" in source) {
    const { id } = await resolveStored(source.stored);
    return offer(id, (await openDraft(id)).manifest);
  }
  const { manifest, manifestBytes } = await openPackSource(source, options);
  return offer(await packId(manifest, manifestBytes), manifest);
}

async function offer(id: string, manifest: PackManifest): Promise<PackOffer> {
  const { name, source, architecture, quantization, files } = manifest;
  const present = (await hasOpfs()).ok ? await presentBytes(id) : () => 0;
  return {
    id,
    name,
    revision: source.revision,
    architecture,
    bits: quantization.bits,
    totalBytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    missingBytes: files.reduce((sum, file) => sum + file.bytes - present(file), 0),
  };
}

/** How much of a file is in the store: in its own pack, or in another that has the same file. */
async function presentBytes(id: string): Promise<(file: PackFile) => number> {
  const hashes = new Set<string>();
  let own: ReadonlyMap<string, number> = new Map<string, number>();
  for (const pack of await listStored()) {
    if (pack.totalBytes === 0 || (pack.id !== id && pack.state !== "complete")) continue;
    const draft = await openDraft(pack.id);
    if (pack.id === id) own = await draft.storedBytes();
    else for (const { sha256 } of draft.manifest.files) hashes.add(sha256);
  }
  return ({ name, sha256, bytes }) => (hashes.has(sha256) ? bytes : (own.get(name) ?? 0));
}

/** What is wrong is given up at once, so that nobody loads it: a damaged pack is incomplete afterwards. */
async function verify(id: string, hooks: StoreHooks<DownloadProgress> = {}): Promise<VerifyResult> {
  if (!(await hasOpfs()).ok) throw new EmbedError("model-not-found", `no pack ${id}: nothing is stored here`);
  return takeTurn(id, hooks, async (announce) => {
    const draft = await openDraft(id);
    const { complete } = draft;
    const stored = await draft.storedBytes();
    const totalBytes = [...stored.values()].reduce((sum, bytes) => sum + bytes, 0);
    const report = (progress: DownloadProgress): void => {
      hooks.onProgress?.(progress);
      announce(progress);
    };
    const meter = new DownloadMeter(totalBytes, report, () => performance.now());
    meter.enter("verify");
    const damaged: string[] = [];
    let checkedBytes = 0;
    const onBytes = (bytes: number): void => {
      checkedBytes += bytes;
      meter.add(bytes);
    };
    for (const file of draft.manifest.files) {
      const options = { onBytes, ...(hooks.signal && { signal: hooks.signal }) };
      // What never came is not opened: that would make room for it.
      const neverCame = !complete && stored.get(file.name) === 0;
      if (neverCame || (await readBack(draft, file, options)) > 0) damaged.push(file.name);
    }
    return { checkedBytes, damaged };
  });
}

/** @returns How many blocks are missing or wrong. */
async function readBack(
  draft: PackDraft,
  file: PackFile,
  options: { readonly onBytes: (bytes: number) => void; readonly signal?: AbortSignal },
): Promise<number> {
  const draftFile = await draft.openFile(file);
  try {
    return (await draftFile.verify(options)).length;
  } finally {
    draftFile.close();
  }
}
