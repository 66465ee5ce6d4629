/** @file The page without its looks: model, library and search box work together and tell the store. */
import { createEmbedder, EmbedError, summarize } from "../src/index.ts";
import type {
  DeviceChoice,
  DurationSummary,
  Embedder,
  EmbedderStatus,
  LoadProgress,
  MetricsSnapshot,
} from "../src/index.ts";
import { toFailure } from "./failure.ts";
import { readImport } from "./import-files.ts";
import type { FileSource, ImportedPassage } from "./import-files.ts";
import { Library } from "./library.ts";
import type { Entry } from "./library.ts";
import {
  BUILT_IN,
  diedLoading,
  firstChoice,
  loadOptions,
  noteLoad,
  openMemory,
  rememberChoice,
  withoutModel,
} from "./model-choice.ts";
import type { ModelChoice } from "./model-choice.ts";
import { fetchSample } from "./sample.ts";
import { SearchSession } from "./search-session.ts";
import type { Settings } from "./settings.ts";
import { INITIAL_STATE, isRecovering } from "./state.ts";
import type { PageState } from "./state.ts";
import { createStore } from "./store.ts";
import type { Store } from "./store.ts";
import { strings } from "./strings.ts";

/** What the views can ask for. */
export class Page {
  readonly store: Store<PageState>;
  readonly #settings: Settings;
  readonly #baseUrl: string;
  readonly #library: Library;
  readonly #search: SearchSession;
  #embedder: Embedder | null = null;
  #opening: AbortController | null = null;
  #importCount = 0;

  /** @param baseUrl - What the built-in model's URL is relative to. */
  constructor(settings: Settings, baseUrl: string = document.baseURI) {
    this.#settings = settings;
    this.#baseUrl = baseUrl;
    const choice = firstChoice(settings.model, openMemory());
    const died = choice === BUILT_IN ? diedLoading(openMemory()) : null;
    this.store = createStore({ ...INITIAL_STATE, choice, missed: died === null ? null : { name: died, why: "died" } });
    const onFailure = (error: unknown): void => this.#fail(error);
    this.#library = new Library({
      onIndexing: (indexing) => this.store.update({ indexing }),
      onGrowth: () => this.#search.refresh(),
      onFailure,
    });
    this.#search = new SearchSession(this.store, {
      embedder: () => this.#embedder,
      search: (query, topK) => this.#library.search(query, topK),
      onFailure,
    });
  }

  /** Loads the chosen model; a failure goes to the store, and this can then be called again. */
  async open(): Promise<void> {
    this.#opening?.abort();
    const opening = new AbortController();
    this.#opening = opening;
    const isCurrent = (): boolean => this.#opening === opening;
    const { choice } = this.store.get();
    this.store.update({ load: null, downloads: false, failure: null, status: null });
    const takeBack = noteLoad(choice, openMemory());
    addEventListener("pagehide", takeBack);
    let embedder: Embedder;
    try {
      embedder = await createEmbedder({
        ...this.#settings,
        ...loadOptions(choice, this.#baseUrl),
        signal: opening.signal,
        onProgress: (load) => isCurrent() && this.#report(load),
        onStatus: (status) => isCurrent() && this.#follow(status),
      });
    } catch (error) {
      takeBack();
      if (isCurrent()) await this.#couldNotOpen(choice, error);
      return;
    } finally {
      removeEventListener("pagehide", takeBack);
    }
    if (!isCurrent()) return embedder.dispose();
    this.#embedder = embedder;
    this.#remember(choice);
    // First the library, so that the page is not called ready before it indexes.
    this.#library.use(embedder);
    this.store.update({ status: embedder.status });
    this.type(this.store.get().search.query);
  }

  /** Loads another model instead, and indexes the library anew with it. */
  async use(choice: ModelChoice): Promise<void> {
    this.close();
    this.#library.forget();
    this.#search.forget();
    this.store.update({ choice, missed: null });
    await this.open();
  }

  /** What the loaded model has done so far; `null` while there is none. */
  metrics(): MetricsSnapshot | null {
    return this.#embedder?.metrics() ?? null;
  }

  /** How long queries took so far; `null` before the first. */
  latency(): DurationSummary | null {
    return this.#embedder ? summarize(this.#embedder.metrics()).latency.interactive : null;
  }

  /** Fetches and indexes the passages that come with the page. */
  async addSample(baseUrl: string): Promise<void> {
    const { entries, state } = await fetchSample(baseUrl);
    this.#library.add(entries);
    this.store.update({ sample: state });
  }

  /** Stops loading. */
  cancel(): void {
    this.#opening?.abort();
  }

  pause(): void {
    this.#library.pause();
  }

  resume(): void {
    void this.#library.resume();
  }

  /** Waits no longer for the GPU, or tries it again. */
  useDevice(device: DeviceChoice): void {
    // What it ends in comes as a status.
    this.#embedder?.recover({ device }).catch(() => undefined);
  }

  /** The text in the search box has changed. */
  type(query: string): void {
    this.#search.type(query);
  }

  /** Reads files one after the other and indexes what is in them. */
  async addFiles(files: Iterable<FileSource>): Promise<void> {
    for (const file of files) {
      const outcome = await readImport(file);
      const report = { name: outcome.name, outcome: "refused" in outcome ? outcome.refused : outcome.passages.length };
      this.store.update({ imports: [report, ...this.store.get().imports] });
      if ("passages" in outcome) this.#library.add(this.#toEntries(outcome.name, outcome.passages));
    }
  }

  #toEntries(subject: string, passages: readonly ImportedPassage[]): Entry[] {
    const prefix = `import-${++this.#importCount}`;
    return passages.map(({ heading, text }, index) => ({
      passage: { id: `${prefix}-${index + 1}`, title: heading ?? strings.import.untitled(index + 1), subject, text },
      input: heading === null ? text : `${heading}\n${text}`,
    }));
  }

  /** Ends the model; what was indexed is kept for the next `open`. */
  close(): void {
    this.#library.use(null);
    const embedder = this.#embedder;
    this.#embedder = null;
    embedder?.dispose();
  }

  #follow(status: EmbedderStatus): void {
    // Before the library uses the model, the page is not to be called ready.
    if (this.#embedder === null) return;
    const begins = isRecovering(status) && !isRecovering(this.store.get().status ?? status);
    this.store.update({ status, ...(begins && { load: null }) });
    if (status.state === "failed") {
      const message = status.recovery.lastLoss ?? strings.failure.stopped;
      this.#fail(new EmbedError("device-lost", message));
    }
  }

  #report(load: LoadProgress): void {
    this.store.update({ load, downloads: this.store.get().downloads || load.download !== null });
  }

  async #couldNotOpen(choice: ModelChoice, error: unknown): Promise<void> {
    const isGone = choice.kind === "stored" && error instanceof EmbedError && error.code === "model-not-found";
    if (!isGone) return this.#fail(error);
    rememberChoice(BUILT_IN, openMemory());
    this.store.update({ choice: BUILT_IN, missed: { name: choice.name, why: "gone" } });
    await this.open();
  }

  /** Only now that it works: a model that never loads is not to be tried at each visit. */
  #remember(choice: ModelChoice): void {
    rememberChoice(choice, openMemory());
    // The address would overrule the choice when the page is loaded again.
    const href = withoutModel(location.href);
    if (choice.kind !== "address" && href !== location.href) history.replaceState(history.state, "", href);
  }

  #fail(error: unknown): void {
    this.close();
    this.store.update({ failure: toFailure(error) });
  }
}
