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
import { downloadPack, type DownloadOptions } from "./download.ts";
import type { HttpOptions } from "./http-source.ts";
import { delay, isTransient } from "./retry.ts";
import { openPackSource } from "./source.ts";
import { isRemote, originOf, repairFrom, resolveStored, storedFrom, type RemoteSource } from "./stored-source.ts";
import { openDraft } from "./store/draft.ts";
import { hasOpfs } from "./store/opfs.ts";
import { openStoredPack } from "./store/stored-pack.ts";

/** How long a source may take to answer where a stored pack can do as well. */
const PATIENCE_MS = 5_000;
/** Between the tries of that time: it is a check for news, no download. */
const SHORT_WAIT_MS = 250;
const SHORT_TRIES = 3;

/** A model whose manifest is known; nothing else has been fetched yet. */
export interface OpenedModel {
  readonly manifest: PackManifest;
  /**
   * Downloads what is missing into the browser's storage, where that is wanted and there; then the pack can be read.
   *
   * @throws {EmbedError} As `downloadPack` and `openStoredPack`.
   */
  open(hooks: StoreHooks<DownloadProgress>): Promise<{ readonly pack: PackReader; readonly storage: StorageStatus }>;
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
  const when = new Date(stored.storedAt ?? 0).toISOString().slice(0, 10);
  return fromStore(stored, { reason: `${why}: what was stored on ${when} is used`, source: from }, options);
}

async function openByName(name: string, options: OpenModelOptions): Promise<OpenedModel> {
  const support = await hasOpfs();
  if (!support.ok) {
    throw new EmbedError("model-not-found", `no pack ${JSON.stringify(name)}: ${support.reason}`, {
      details: { id: name, stored: [] },
    });
  }
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
      let fetched = false;
      const onProgress = (progress: DownloadProgress): void => {
        fetched ||= progress.phase === "download";
        hooks.onProgress?.(progress);
      };
      const stored = await downloadPack(source, { ...options, ...hooks, onProgress });
      const reason = fetched
        ? "it has just been downloaded into the browser's storage"
        : "the browser's storage had it already";
      const remote = isRemote(model) ? model : null;
      return (await fromStore(stored, { reason, source: remote }, options)).open(hooks);
    },
  };
}

/** @param from - `source`: where damaged files are fetched again. */
async function fromStore(
  { id }: StoredPack,
  from: { readonly reason: string; readonly source: RemoteSource | null },
  options: OpenModelOptions,
): Promise<OpenedModel> {
  const { reason, source } = from;
  return {
    manifest: (await openDraft(id)).manifest,
    open: async ({ signal }) => ({
      pack: await openStoredPack(id, { repair: repairFrom(id, source, options), signal }),
      storage: { kind: "opfs", reason, packId: id },
    }),
  };
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
    return { source: await openPackSource(model, { ...options, signal, wait: shortWait() }) };
  } catch (error) {
    throwIfAborted(options.signal);
    if (!patience.aborted && !isTransient(error)) throw error;
    const why = `the source gave no answer (${error instanceof Error ? error.message : String(error)})`;
    return { stored, why, from: model };
  }
}

function shortWait(): NonNullable<OpenModelOptions["wait"]> {
  let tries = 1;
  return async (ms, signal) => {
    if (++tries > SHORT_TRIES) throw new EmbedError("model-fetch-failed", `not in ${SHORT_TRIES} tries`);
    await delay(Math.min(ms, SHORT_WAIT_MS), signal);
  };
}
