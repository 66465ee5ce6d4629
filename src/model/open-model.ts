/** @file From a model's name to its bytes: out of the browser's storage where it has one, else from the source. */
import { EmbedError, throwIfAborted } from "../errors.ts";
import type {
  DownloadProgress,
  ModelSource,
  PackSource,
  StorageChoice,
  StorageStatus,
  StoredPack,
  StoreHooks,
} from "../delivery.ts";
import type { PackManifest, PackReader } from "../pack.ts";
import { openDirectPack } from "./direct-pack.ts";
import { downloadPack, repairFile, type DownloadOptions } from "./download.ts";
import type { HttpOptions } from "./http-source.ts";
import { delay, isTransient } from "./retry.ts";
import { openPackSource } from "./source.ts";
import { isRemote, originOf, repairFrom, resolveStored, storedFrom, type RemoteSource } from "./stored-source.ts";
import { openDraft } from "./store/draft.ts";
import { hasOpfs } from "./store/opfs.ts";
import { openStoredPack, type OpenStoredOptions, type RepairFile } from "./store/stored-pack.ts";

/** How long a source may take to answer where a stored pack can do as well. */
const PATIENCE_MS = 5_000;
/** Between the tries of that time: it is a check for news, no download. */
const SHORT_WAIT_MS = 250;
const SHORT_TRIES = 3;

interface Opened {
  /** Its manifest counts from now on: an older pack may have to do. */
  readonly pack: PackReader;
  readonly storage: StorageStatus;
}

/** A model whose manifest is known; nothing else has been fetched yet. */
export interface OpenedModel {
  readonly manifest: PackManifest;
  /**
   * Downloads what is missing into the browser's storage, where that is wanted and there; then the pack can be read.
   * Where there is no room, or no connection, the newest complete pack of the same place is read.
   *
   * @throws {EmbedError} As `downloadPack` and `openStoredPack`.
   */
  open(hooks: StoreHooks<DownloadProgress>): Promise<Opened>;
}

export interface OpenModelOptions
  extends Pick<HttpOptions, "fetch" | "wait" | "random" | "signal">, Pick<DownloadOptions, "measure"> {}

/**
 * Finds a model: in the browser's storage, or at its source. A source that gives no answer is done without when a
 * complete pack of it is stored.
 *
 * @throws {EmbedError} `model-not-found`, naming what is stored where that was asked for; what `openPackSource` throws.
 */
export async function openModel(
  { model, storage = "auto" }: { readonly model: ModelSource; readonly storage?: StorageChoice | undefined },
  options: OpenModelOptions = {},
): Promise<OpenedModel> {
  throwIfAborted(options.signal);
  if ("stored" in model) return openByName(model.stored, options);
  if (storage === "none") return direct(model, "nothing is to be stored", options);
  const support = await hasOpfs();
  if (!support.ok) return direct(model, support.reason, options);
  const reached = isRemote(model) ? await reach(model, options) : { source: await openPackSource(model, options) };
  if ("source" in reached) return download(reached.source, model, options);
  const { stored, why, from } = reached;
  return fromStore(stored, { reason: instead(stored, why), source: from }, options);
}

async function openByName(name: string, options: OpenModelOptions): Promise<OpenedModel> {
  const stored = await resolveStored(name);
  if (stored.state === "complete") {
    const source = stored.origin && isRemote(stored.origin) ? stored.origin : null;
    return fromStore(stored, { reason: "it was asked for by its name in the browser's storage", source }, options);
  }
  const origin = originOf(stored);
  return download(await openPackSource(origin, options), origin, options);
}

/** @param why - Why nothing is stored; the status goes on with what that means. */
async function direct(
  model: Exclude<ModelSource, { readonly stored: string }>,
  why: string,
  options: OpenModelOptions,
): Promise<OpenedModel> {
  const source = await openPackSource(model, options);
  const kind = isRemote(model) ? "http" : "folder";
  const meaning = kind === "http" ? "the model is fetched anew at each load" : "the folder is read at each load";
  const storage: StorageStatus = { kind, reason: `${why}: ${meaning}`, packId: null };
  const { wait, random } = options;
  return { manifest: source.manifest, open: async () => ({ pack: openDirectPack(source, { wait, random }), storage }) };
}

function download(source: PackSource, model: ModelSource, options: OpenModelOptions): OpenedModel {
  return {
    manifest: source.manifest,
    open: async (hooks) => {
      const store = () => storeOrSubstitute(source, { model, options: { ...options, ...hooks } });
      const openIt = ({ id, reason }: Awaited<ReturnType<typeof store>>): Promise<Opened> => {
        const { wait, random } = options;
        const repair: RepairFile = (file, _bad, signal) => repairFile({ id, source }, file, { signal, wait, random });
        return openStored(id, { reason, repair, signal: hooks.signal });
      };
      const stored = await store();
      try {
        return await openIt(stored);
      } catch (error) {
        if (!isGone(error)) throw error;
        // Another tab has begun to repair it, or has removed it, since it was whole: the download waits for that tab.
        return openIt(await store());
      }
    },
  };
}

/** Downloads what is missing; where that cannot be, an older pack of the same place will do. */
async function storeOrSubstitute(
  source: PackSource,
  { model, options }: { readonly model: ModelSource; readonly options: DownloadOptions },
): Promise<{ readonly id: string; readonly reason: string }> {
  const [older] = isRemote(model) ? await storedFrom(model) : [];
  let fetched = false;
  const onProgress = (progress: DownloadProgress): void => {
    fetched ||= progress.phase === "download";
    options.onProgress?.(progress);
  };
  try {
    const { id } = await downloadPack(source, { ...options, onProgress, offline: older ? "fail" : "wait" });
    const reason = fetched
      ? "it has just been downloaded into the browser's storage"
      : "the browser's storage had it already";
    return { id, reason };
  } catch (error) {
    throwIfAborted(options.signal);
    if (!older || !isPassing(error)) throw error;
    return { id: older.id, reason: instead(older, `what the source has now cannot be stored (${error.message})`) };
  }
}

/** What a load without this source's new pack does not suffer from. */
function isPassing(error: unknown): error is EmbedError {
  if (!(error instanceof EmbedError)) return false;
  return error.code === "storage-full" || (error.code === "model-fetch-failed" && isTransient(error));
}

function instead({ storedAt }: StoredPack, why: string): string {
  return `${why}: what was stored on ${new Date(storedAt ?? 0).toISOString().slice(0, 10)} is used`;
}

/** @param from - `source`: where damaged files are fetched again, and all of it if it is gone by then. */
async function fromStore(
  { id }: StoredPack,
  from: { readonly reason: string; readonly source: RemoteSource | null },
  options: OpenModelOptions,
): Promise<OpenedModel> {
  const { reason, source } = from;
  const fromSource = async (error: unknown): Promise<OpenedModel> => {
    if (!source || !isGone(error)) throw error;
    return download(await openPackSource(source, options), source, options);
  };
  let manifest: PackManifest;
  try {
    ({ manifest } = await openDraft(id));
  } catch (error) {
    return fromSource(error);
  }
  return {
    manifest,
    open: async (hooks) => {
      try {
        return await openStored(id, { reason, repair: repairFrom(id, source, options), signal: hooks.signal });
      } catch (error) {
        return (await fromSource(error)).open(hooks);
      }
    },
  };
}

async function openStored(id: string, how: OpenStoredOptions & { readonly reason: string }): Promise<Opened> {
  const { reason, ...options } = how;
  return { pack: await openStoredPack(id, options), storage: { kind: "opfs", reason, packId: id } };
}

function isGone(error: unknown): boolean {
  return error instanceof EmbedError && error.code === "model-not-found";
}

/** A stored pack that has to do because its source cannot be had. */
interface Substitute {
  readonly stored: StoredPack;
  readonly why: string;
  readonly from: RemoteSource;
}

async function reach(
  model: RemoteSource,
  options: OpenModelOptions,
): Promise<{ readonly source: PackSource } | Substitute> {
  const [stored] = await storedFrom(model);
  if (!stored) return { source: await openPackSource(model, options) };
  // Not even asked: the page stays without a single request.
  if (!navigator.onLine) return { stored, why: "the browser is offline", from: model };
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, patience]) : patience;
  try {
    const wait: typeof delay = (ms, ends) => delay(Math.min(ms, SHORT_WAIT_MS), ends);
    return { source: await openPackSource(model, { ...options, signal, wait, maxFailures: SHORT_TRIES }) };
  } catch (error) {
    throwIfAborted(options.signal);
    if (!patience.aborted && !isTransient(error)) throw error;
    const what = patience.aborted ? `not in ${PATIENCE_MS} ms` : error instanceof Error ? error.message : String(error);
    return { stored, why: `the source gave no answer (${what})`, from: model };
  }
}
