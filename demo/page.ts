/** @file The page without its looks: model, library and search box work together and tell the store. */
import { createEmbedder, EmbedError, summarize } from "../src/index.ts";
import type {
  DeviceChoice,
  DurationSummary,
  Embedder,
  EmbedderStatus,
  LoadProgress,
  MetricsSnapshot,
  SearchHit,
  SearchIndex,
  ViewOptions,
} from "../src/index.ts";
import type { Address, DocumentPlace, View } from "./address.ts";
import { toFailure } from "./failure.ts";
import type { Collected } from "./import/collect.ts";
import type { ImportSource } from "./import/outcome.ts";
import { Library, LIBRARY } from "./library.ts";
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
import type { PassageChoice } from "./panels/passage-choice.ts";
import { keyOf, TOP_K, toQuery, toSearchOptions } from "./question.ts";
import type { Question } from "./question.ts";
import { SearchSession } from "./search-session.ts";
import type { Settings } from "./settings.ts";
import { toPublicModel, writeSnippet } from "./snippet.ts";
import { INITIAL_STATE, isRecovering } from "./state.ts";
import type { PageState } from "./state.ts";
import { createStore } from "./store.ts";
import type { Store } from "./store.ts";
import { strings } from "./strings.ts";

export interface PageOptions {
  /** What the built-in model's and the samples' URLs are relative to. @default the document's */
  readonly baseUrl?: string;
  /** Under which the library is kept; `null`: in memory only. @default "library" */
  readonly libraryName?: string | null;
}

/** What the views can ask for. */
export class Page {
  readonly store: Store<PageState>;
  readonly #settings: Settings;
  readonly #baseUrl: string;
  readonly #library: Library;
  readonly #search: SearchSession;
  #embedder: Embedder | null = null;
  #opening: AbortController | null = null;

  constructor(settings: Settings, options: PageOptions = {}) {
    this.#settings = settings;
    this.#baseUrl = options.baseUrl ?? document.baseURI;
    const choice = firstChoice(settings.model, openMemory());
    const died = choice === BUILT_IN ? diedLoading(openMemory()) : null;
    this.store = createStore({ ...INITIAL_STATE, choice, missed: died === null ? null : { name: died, why: "died" } });
    this.#library = new Library({
      store: this.store,
      name: options.libraryName === undefined ? LIBRARY.name : options.libraryName,
      baseUrl: this.#baseUrl,
      memory: openMemory(),
      onGrowth: () => this.#search.refresh(),
    });
    this.#search = new SearchSession(this.store, {
      index: () => this.#library.index,
      hasModel: () => this.#embedder !== null && !this.store.get().mismatch,
      onFailure: (error) => this.#fail(error),
    });
  }

  /** Opens the library, so that words can be found, and takes in the built-in one on the first visit. */
  async openLibrary(): Promise<void> {
    try {
      await this.#library.open();
    } catch (error) {
      return this.#fail(error);
    }
    this.#search.refreshNow();
    await this.#library.addSamples();
  }

  /** Loads the chosen model; a failure goes to the store, and this can then be called again. */
  async open(): Promise<void> {
    this.#opening?.abort();
    const opening = new AbortController();
    this.#opening = opening;
    const isCurrent = (): boolean => this.#opening === opening;
    const { choice } = this.store.get();
    this.store.update({ load: null, downloads: false, failure: null, status: null });
    // Words come first: side by side both would take as long as the model.
    await this.#library.open().catch(() => undefined);
    if (!isCurrent()) return;
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
    this.#remember(choice);
    // First the library, so that the page is not called ready before it indexes.
    await this.#library.use(embedder);
    if (!isCurrent()) return embedder.dispose();
    this.#embedder = embedder;
    this.store.update({ status: embedder.status });
    this.#search.refreshNow();
  }

  /** Loads another model instead, and indexes the library anew with it where its vectors are others. */
  async use(choice: ModelChoice): Promise<void> {
    this.close();
    this.#search.forget();
    this.store.update({ choice, missed: null });
    await this.open();
    if (this.store.get().choice === choice && this.store.get().mismatch) await this.reindex();
  }

  /** What the loaded model has done so far; `null` while there is none. */
  metrics(): MetricsSnapshot | null {
    return this.#embedder?.metrics() ?? null;
  }

  /** How long queries took so far; `null` before the first. */
  latency(): DurationSummary | null {
    return this.#embedder ? summarize(this.#embedder.metrics()).latency.interactive : null;
  }

  /** `null` until the library is open. */
  get index(): SearchIndex | null {
    return this.#library.index;
  }

  /** Stops loading. */
  cancel(): void {
    this.#opening?.abort();
  }

  /** Waits no longer for the GPU, or tries it again. */
  useDevice(device: DeviceChoice): void {
    // What it ends in comes as a status.
    this.#embedder?.recover({ device }).catch(() => undefined);
  }

  // ── Asking ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Changes the question. @param askedAtMs - When, on the clock of `performance.now()`. */
  ask(change: Partial<Question>, askedAtMs?: number): void {
    const question = { ...this.store.get().search.question, ...change };
    if (keyOf(question) === keyOf(this.store.get().search.question)) return;
    // Who types has another question than the passage's.
    this.#search.ask("query" in change && !("like" in change) ? { ...question, like: null } : question, askedAtMs);
  }

  /** The text in the search box has changed. */
  type(query: string, askedAtMs?: number): void {
    this.ask({ query }, askedAtMs);
  }

  /** Goes where a link or the browser's history leads. */
  goTo({ question, view, place }: Address): void {
    this.store.update({ view });
    if (keyOf(question) !== keyOf(this.store.get().search.question)) this.#search.ask(question);
    if (place === null) this.closeDocument();
    else void this.openDocument(place);
  }

  show(view: View): void {
    this.store.update({ view });
  }

  /** More passages of a document that is among the hits; `[]` where there are none or the search failed. */
  async searchWithin(documentId: string): Promise<readonly SearchHit[]> {
    const { question } = this.store.get().search;
    const options = toSearchOptions({ ...question, bestOnly: false });
    const filter = { ...options.filter, documentIds: [documentId] };
    try {
      return (await this.index?.search(toQuery(question), { ...options, topK: TOP_K, filter }))?.hits ?? [];
    } catch (error) {
      this.store.update({ search: { ...this.store.get().search, failure: toFailure(error) } });
      return [];
    }
  }

  /** Shows a document as it was added. @param terms - Words to point out in the passage. */
  async openDocument(place: DocumentPlace, terms: readonly string[] = []): Promise<void> {
    const { opened } = this.store.get();
    if (opened !== null && JSON.stringify(opened.place) === JSON.stringify(place)) return;
    this.store.update({ opened: { place, document: null, isMissing: false, terms } });
    const document = await this.#library.read(place.documentId);
    if (this.store.get().opened?.place !== place) return;
    this.store.update({ opened: { place, document, isMissing: document === null, terms } });
  }

  closeDocument(): void {
    this.store.update({ opened: null });
  }

  /** TypeScript that asks the same of the library. */
  snippet(): string {
    const { choice, search, vectorView } = this.store.get();
    return writeSnippet({
      model: toPublicModel(loadOptions(choice, this.#baseUrl).model),
      query: toQuery(search.question),
      options: toSearchOptions(search.question),
      view: vectorView,
      index: LIBRARY,
    });
  }

  // ── The library ────────────────────────────────────────────────────────────────────────────────────────

  /** Reads what a visitor brings and takes in what is in it; each source is reported in `imports`. */
  async addSources(sources: readonly ImportSource[]): Promise<void> {
    await this.#library.addSources(sources);
  }

  /** Sources to be read, and what could not even be listed. */
  async addCollected({ sources, refusals }: Collected): Promise<void> {
    this.#library.reportRefusals(refusals);
    await this.#library.addSources(sources);
  }

  /** Takes in a library that comes with the page. */
  async addSampleLibrary(id: string): Promise<void> {
    await this.#library.addSampleLibrary(id);
  }

  async removeDocuments(ids: readonly string[]): Promise<void> {
    await this.#library.removeDocuments(ids);
  }

  /** Everything in one file; `null` where that failed: why is in `libraryFailure`. */
  async exportLibrary(): Promise<Blob | null> {
    return this.#library.exportLibrary();
  }

  /** Takes in what `exportLibrary` made. */
  async importLibrary(file: Blob): Promise<void> {
    await this.#library.importLibrary(file);
  }

  /** Splits what comes from now on in another way, while the library is empty. */
  async split(passages: PassageChoice): Promise<void> {
    await this.#library.split(passages);
  }

  dismissLibraryFailure(): void {
    this.#library.dismissFailure();
  }

  /** Makes another model's vectors anew with the present one. */
  async reindex(): Promise<void> {
    await this.#library.reindex();
    this.#search.refreshNow();
  }

  /** Stops indexing after the run of the layers that is under way. */
  pause(): void {
    this.#library.pause();
  }

  resume(): void {
    this.#library.resume();
  }

  /** A pause that lasts over visits, until `resume`. */
  stop(): void {
    this.#library.stop();
  }

  /** What vectors look like in memory. */
  async configure(view: ViewOptions): Promise<void> {
    await this.#library.configure(view);
  }

  /** The page can be seen again: another tab may have changed the library. */
  async catchUp(): Promise<void> {
    await this.#library.catchUp();
  }

  /** Ends the model; what was indexed is kept for the next `open`. */
  close(): void {
    void this.#library.use(null);
    const embedder = this.#embedder;
    this.#embedder = null;
    embedder?.dispose();
  }

  /** Ends the library, too; what was kept stays. */
  dispose(): void {
    this.#opening?.abort();
    this.close();
    this.#search.close();
    this.#library.close();
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
