/** @file The page without its looks: model, library and search box work together and tell the store. */
import { createEmbedder, EmbedError, summarize } from "../src/index.ts";
import type { DeviceChoice, DurationSummary, Embedder, EmbedderStatus } from "../src/index.ts";
import { toFailure } from "./failure.ts";
import { readImport } from "./import-files.ts";
import type { FileSource, ImportedPassage } from "./import-files.ts";
import { Library } from "./library.ts";
import type { Entry } from "./library.ts";
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
  readonly store: Store<PageState> = createStore(INITIAL_STATE);
  readonly #settings: Settings;
  readonly #library: Library;
  readonly #search: SearchSession;
  #embedder: Embedder | null = null;
  #opening: AbortController | null = null;
  #importCount = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
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

  /** Loads the model; a failure goes to the store, and this can then be called again. */
  async open(): Promise<void> {
    const opening = new AbortController();
    this.#opening = opening;
    this.store.update({ load: null, failure: null, status: null });
    try {
      this.#embedder = await createEmbedder({
        ...this.#settings,
        signal: opening.signal,
        onProgress: (load) => this.store.update({ load }),
        onStatus: (status) => this.#follow(status),
      });
    } catch (error) {
      this.#fail(error);
      return;
    }
    // First the library, so that the page is not called ready before it indexes.
    this.#library.use(this.#embedder);
    this.store.update({ status: this.#embedder.status });
    this.type(this.store.get().search.query);
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

  #fail(error: unknown): void {
    this.close();
    this.store.update({ failure: toFailure(error) });
  }
}
