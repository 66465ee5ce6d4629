/** @file Search as you type: the latest keystroke wins, results stay until better ones are there. */
import type { Embedder, EmbeddingMatrix } from "../src/index.ts";
import { isAborted, isFatal, toFailure } from "./failure.ts";
import type { Hit, PageState, SearchState } from "./state.ts";
import type { Store } from "./store.ts";

/** Between the repeats of a key held down, not between the keystrokes of a fast typist. */
const DEBOUNCE_MS = 40;
/** As many as anyone reads. */
const TOP_K = 8;

/** What a search needs. */
export interface SearchSource {
  /** `null` while no model is loaded: the query then waits for `type` to be called again. */
  embedder(): Embedder | null;
  search(query: EmbeddingMatrix, topK: number): Hit[];
  onFailure(error: unknown): void;
}

/** One search box. */
export class SearchSession {
  readonly #store: Store<PageState>;
  readonly #source: SearchSource;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | null = null;
  /** Of the query that was answered last. */
  #embedded: EmbeddingMatrix | null = null;

  constructor(store: Store<PageState>, source: SearchSource) {
    this.#store = store;
    this.#source = source;
  }

  /** The text in the box has changed. */
  type(query: string): void {
    this.#stop();
    if (query.trim() === "") {
      this.#embedded = null;
      this.#update({ query, answered: null, hits: [], timings: null, failure: null });
      return;
    }
    this.#update({ query });
    this.#timer = setTimeout(() => void this.#run(query), DEBOUNCE_MS);
  }

  /** Another model answers from now on: its vectors are not comparable. */
  forget(): void {
    this.#stop();
    this.#embedded = null;
    this.#update({ answered: null, hits: [], timings: null, failure: null });
  }

  /** There is more to find: ranks again, without running the model. */
  refresh(): void {
    if (this.#embedded !== null) this.#update({ hits: this.#source.search(this.#embedded, TOP_K) });
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#running = null;
  }

  async #run(query: string): Promise<void> {
    const embedder = this.#source.embedder();
    if (embedder === null) return;
    const running = new AbortController();
    this.#running = running;
    const startMs = performance.now();
    try {
      const matrix = await embedder.embed([query], {
        role: "query",
        priority: "interactive",
        overflow: "truncate",
        signal: running.signal,
      });
      if (this.#running !== running) return;
      const embeddedMs = performance.now();
      const hits = this.#source.search(matrix, TOP_K);
      const endMs = performance.now();
      const timings = { ...matrix.timings, searchMs: endMs - embeddedMs, totalMs: endMs - startMs };
      this.#embedded = matrix;
      this.#update({ answered: query, hits, timings, failure: null });
    } catch (error) {
      if (this.#running !== running || isAborted(error)) return;
      this.#update({ failure: toFailure(error) });
      if (isFatal(error)) this.#source.onFailure(error);
    } finally {
      if (this.#running === running) this.#running = null;
    }
  }

  #update(change: Partial<SearchState>): void {
    this.#store.update({ search: { ...this.#store.get().search, ...change } });
  }
}
