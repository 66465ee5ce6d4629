/** @file The model panel without its looks: device, storage, downloads, and what the page is to run. */
import { assessModel, describeDevice, EmbedError, measuredSpeed } from "../src/index.ts";
import type { Architecture, Assessment, MetricsSnapshot, ModelFacts, PackStore, StoredPack } from "../src/index.ts";
import { NANO } from "./catalogue.ts";
import { isAborted, toFailure } from "./failure.ts";
import { BUILT_IN, loadOptions } from "./model-choice.ts";
import type { ModelChoice } from "./model-choice.ts";
import { sourceOfOrigin } from "./model-source.ts";
import type { NamedSource } from "./model-source.ts";
import { INITIAL_MODELS } from "./model-state.ts";
import type { Arrival, ModelsState, PackTask } from "./model-state.ts";
import type { Settings } from "./settings.ts";
import type { PageState } from "./state.ts";
import { createStore } from "./store.ts";
import type { Store } from "./store.ts";

/** What the panel needs of the page. */
export interface ModelsPage {
  readonly store: Store<PageState>;
  metrics(): MetricsSnapshot | null;
  use(choice: ModelChoice): Promise<void>;
}

/** Before the first estimate there is no reason to say that the storage is too small. */
const UNKNOWN_STORAGE = { usedBytes: 0, freeBytes: Infinity, persisted: false };

const NOTHING_YET = { offer: null, packId: null, progress: null, failure: null, room: null, denied: false } as const;

/** A download that was called off lets go of its pack a moment later: so often, and so far apart, it is asked again. */
const REMOVE_TRIES = 20;
const REMOVE_WAIT_MS = 100;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export interface ModelsOptions {
  /** How models are run. @default as the library does by itself */
  readonly settings?: Partial<Settings>;
  /** Between tries. @default a timer */
  readonly wait?: (ms: number) => Promise<void>;
}

/** What the panel's views can ask for; no call rejects: what fails goes to the store. */
export class Models {
  readonly store: Store<ModelsState> = createStore(INITIAL_MODELS);
  readonly #packs: PackStore;
  readonly #page: ModelsPage;
  readonly #wait: (ms: number) => Promise<void>;
  readonly #settings: Partial<Settings>;
  /** Of the arrival. */
  #running: AbortController | null = null;
  /** What of the page was last taken in. */
  #seen = "";
  #architecture: { readonly of: ModelChoice; readonly found: Promise<Architecture | null> } | null = null;

  constructor(packs: PackStore, page: ModelsPage, options: ModelsOptions = {}) {
    this.#packs = packs;
    this.#page = page;
    this.#wait = options.wait ?? wait;
    this.#settings = options.settings ?? {};
  }

  /** Asks for device and storage, and follows what the page runs. */
  async open(): Promise<void> {
    this.#page.store.subscribe(() => this.#follow());
    const [device] = await Promise.all([describeDevice(), this.refresh()]);
    this.store.update({ device });
  }

  setContext(contextTokens: number): void {
    this.store.update({ contextTokens });
  }

  /** What this device would make of a model; `null` until the device is known. */
  assess(model: ModelFacts): Assessment | null {
    const { device, storage, storageMissing, measured, contextTokens } = this.store.get();
    if (!device) return null;
    const { vramBudgetBytes, activations, device: choice } = this.#settings;
    const known = storage ?? (storageMissing === null ? UNKNOWN_STORAGE : null);
    const machine = { device, storage: known, vramBudgetBytes, measured };
    return assessModel(model, machine, { contextTokens, device: choice, activations });
  }

  /** Lists anew: other tabs store and remove, too. */
  async refresh(): Promise<void> {
    try {
      const [stored, storage] = await Promise.all([this.#packs.list(), this.#packs.estimate()]);
      this.store.update({ stored, storage, storageMissing: null });
    } catch (error) {
      this.store.update({ stored: [], storage: null, storageMissing: toFailure(error).message });
    }
  }

  /** Reads the manifest of a source and says what it would take. A download under way is paused for it. */
  async look({ source, name }: NamedSource): Promise<void> {
    const running = this.#begin({ ...NOTHING_YET, source, name, stage: "looking" });
    try {
      const offer = await this.#packs.inspect(source, { signal: running.signal });
      // What it would take is compared with what is free now.
      await this.refresh();
      this.#change(running, { stage: "offered", offer, packId: offer.id, name: offer.name });
    } catch (error) {
      // Without storage the model can be used all the same, read from its source each time.
      if (this.store.get().storageMissing === null) this.#failed(running, error);
      else this.#change(running, { stage: "offered" });
    }
  }

  /** Downloads what arrives, or goes on with it. */
  async download(): Promise<void> {
    const { arrival } = this.store.get();
    if (!arrival) return;
    const running = this.#begin({ ...arrival, stage: "downloading", failure: null, room: null, denied: false });
    const hooks = {
      signal: running.signal,
      onProgress: (progress: Arrival["progress"]) => this.#change(running, { progress }),
    };
    try {
      const { id, name } = await this.#packs.download(arrival.source, hooks);
      this.#change(running, { stage: "stored", packId: id, name });
    } catch (error) {
      this.#failed(running, error);
    }
    await this.refresh();
  }

  /** What is verified stays; `download` goes on from there. */
  pause(): void {
    this.#running?.abort();
  }

  /** Calls the download off and removes what it has stored. */
  async cancel(): Promise<void> {
    const { arrival } = this.store.get();
    this.dismiss();
    if (arrival?.packId) await this.remove(arrival.packId);
    // Its name in the storage is not known before the manifest is.
    else await this.refresh();
  }

  /** Forgets what arrives; what it has stored stays. */
  dismiss(): void {
    this.#running?.abort();
    this.#running = null;
    this.store.update({ arrival: null });
  }

  /** Goes on with a download of an earlier visit, or fetches what was found damaged. */
  async resume({ id, name, origin }: StoredPack): Promise<void> {
    const source = sourceOfOrigin(origin);
    if (!source) return;
    this.#setTask(id, null);
    this.#begin({ ...NOTHING_YET, source, name, packId: id, stage: "paused" });
    await this.download();
  }

  /** Reads a stored pack back from the disk. */
  async verify(id: string): Promise<void> {
    this.#setTask(id, { kind: "verifying", progress: null });
    try {
      const onProgress = (progress: Arrival["progress"]): void => this.#setTask(id, { kind: "verifying", progress });
      this.#setTask(id, { kind: "verified", ...(await this.#packs.verify(id, { onProgress })) });
    } catch (error) {
      this.#setTask(id, { kind: "failed", failure: toFailure(error) });
    }
    await this.refresh();
  }

  async remove(id: string): Promise<void> {
    this.#setTask(id, { kind: "removing" });
    try {
      await this.#removeWhenFree(id);
      this.#setTask(id, null);
    } catch (error) {
      const isGone = error instanceof EmbedError && error.code === "model-not-found";
      this.#setTask(id, isGone ? null : { kind: "failed", failure: toFailure(error) });
    }
    await this.refresh();
  }

  async use({ id, name }: Pick<StoredPack, "id" | "name">): Promise<void> {
    if (this.store.get().arrival?.packId === id) this.dismiss();
    await this.#page.use({ kind: "stored", id, name });
  }

  async useBuiltIn(): Promise<void> {
    await this.#page.use(BUILT_IN);
  }

  /** Uses what arrives without storing it. */
  async useSource(): Promise<void> {
    const { arrival } = this.store.get();
    if (!arrival) return;
    this.dismiss();
    await this.#page.use({ kind: "source", source: arrival.source, name: arrival.name });
  }

  #begin(arrival: Arrival): AbortController {
    this.#running?.abort();
    this.#running = new AbortController();
    this.store.update({ arrival });
    return this.#running;
  }

  /** Of an arrival that was replaced nothing is told any more. */
  #change(running: AbortController, change: Partial<Arrival>): void {
    const { arrival } = this.store.get();
    if (this.#running === running && arrival) this.store.update({ arrival: { ...arrival, ...change } });
  }

  #failed(running: AbortController, error: unknown): void {
    if (isAborted(error)) this.#change(running, { stage: "paused" });
    else this.#change(running, { stage: "failed", failure: toFailure(error), ...furtherOf(error) });
  }

  async #removeWhenFree(id: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#packs.remove(id);
      } catch (error) {
        const isBusy = error instanceof EmbedError && error.code === "storage-busy";
        if (!isBusy || tries === REMOVE_TRIES) throw error;
      }
      await this.#wait(REMOVE_WAIT_MS);
    }
  }

  #setTask(id: string, task: PackTask | null): void {
    const others = Object.entries(this.store.get().tasks).filter(([other]) => other !== id);
    this.store.update({ tasks: Object.fromEntries(task ? [...others, [id, task]] : others) });
  }

  /** A model was loaded, or has run: there is something new to measure, and maybe something new is stored. */
  #follow(): void {
    const { status, index, choice } = this.#page.store.get();
    const now = JSON.stringify([status?.state ?? "", status?.storage.packId ?? "", index?.indexing.state ?? ""]);
    if (now === this.#seen) return;
    this.#seen = now;
    if (!status) return;
    void this.#measure(choice);
    void this.refresh();
  }

  async #measure(choice: ModelChoice): Promise<void> {
    if (this.#architecture?.of !== choice) this.#architecture = { of: choice, found: this.#architectureOf(choice) };
    const architecture = await this.#architecture.found;
    const metrics = this.#page.metrics();
    const { status } = this.#page.store.get();
    if (!architecture || !metrics || !status || this.#page.store.get().choice !== choice) return;
    const measured = measuredSpeed({ metrics, architecture, kind: status.device.kind });
    if (measured) this.store.update({ measured });
  }

  async #architectureOf(choice: ModelChoice): Promise<Architecture | null> {
    if (choice.kind === "built-in") return NANO.architecture;
    try {
      const { model } = loadOptions(choice, "");
      return (await this.#packs.inspect(typeof model === "string" ? { url: model } : model)).architecture;
    } catch {
      // Then there is no estimate: nothing else depends on it.
      return null;
    }
  }
}

/** What a failure tells beyond its message. */
function furtherOf(error: unknown): Pick<Arrival, "room" | "denied"> {
  if (!(error instanceof EmbedError)) return { room: null, denied: false };
  const { neededBytes, freeBytes, status } = error.details;
  const isFull = error.code === "storage-full" && typeof neededBytes === "number" && typeof freeBytes === "number";
  return { room: isFull ? { neededBytes, freeBytes } : null, denied: status === 401 || status === 403 };
}
