/** @file What can be searched: passages and their vectors, indexed in batches that give way to queries. */
import { FlatIndex } from "../src/index.ts";
import type { Embedder, EmbeddingMatrix } from "../src/index.ts";
import { isAborted, isFatal, toFailure } from "./failure.ts";
import { FIRST_BATCH, nextBatchSize, remainingMs } from "./indexing-pace.ts";
import type { Hit, IndexingRun, IndexingState, Passage } from "./state.ts";

/** A passage and what the model reads of it. */
export interface Entry {
  readonly passage: Passage;
  readonly input: string;
}

/** Who is told what. */
export interface LibraryListener {
  /** Progress of the indexing. */
  onIndexing(state: IndexingState): void;
  /** There is more to find. */
  onGrowth(): void;
  /** The model is gone; what was indexed is kept. */
  onFailure(error: unknown): void;
}

const NO_RUN: IndexingRun = { passages: 0, tokens: 0, elapsedMs: 0 };

/** Passages in the order they came; the first `indexed` of them can be found. */
export class Library {
  readonly #listener: LibraryListener;
  readonly #entries: Entry[] = [];
  /** One row per passage, in the same order; made when the first vectors tell their space. */
  #index: FlatIndex | null = null;
  #embedder: Embedder | null = null;
  /** Of the run under way. */
  #working: AbortController | null = null;
  #run = NO_RUN;

  constructor(listener: LibraryListener) {
    this.#listener = listener;
  }

  /** Takes passages and indexes them as soon as there is a model; a paused library goes on. */
  add(entries: readonly Entry[]): void {
    for (const entry of entries) this.#entries.push(entry);
    this.#tell({ working: this.#working !== null, remainingMs: null });
    void this.resume();
  }

  /** From here on this model indexes; `null` when there is none any more. */
  use(embedder: Embedder | null): void {
    this.#stop();
    this.#embedder = embedder;
    void this.resume();
  }

  /** Drops all vectors, since another model is to make them anew; the passages stay. */
  forget(): void {
    this.#stop();
    this.#index = null;
    this.#run = NO_RUN;
    this.#tell({ working: false, remainingMs: null });
  }

  /** Stops after the run of the layers that is under way. */
  pause(): void {
    this.#stop();
    this.#tell({ working: false, remainingMs: null });
  }

  /** Indexes what is not indexed yet; settles when that is done, was paused or has failed. */
  async resume(): Promise<void> {
    if (this.#embedder === null || this.#working !== null || this.#indexed === this.#entries.length) return;
    const working = new AbortController();
    this.#working = working;
    this.#run = NO_RUN;
    this.#tell({ working: true, remainingMs: null });
    let failure: unknown = null;
    try {
      await this.#indexAll(this.#embedder, working.signal);
    } catch (error) {
      // A run that was stopped has been replaced and reports nothing.
      if (this.#working === working && !isAborted(error)) failure = error;
    } finally {
      if (this.#working === working) this.#working = null;
    }
    const isSerious = failure !== null && isFatal(failure);
    if (isSerious) this.#listener.onFailure(failure);
    else if (!working.signal.aborted)
      this.#tell({ working: false, remainingMs: null, failure: failure === null ? null : toFailure(failure) });
  }

  /** The passages closest to an embedded query; best first, none that points away from it. */
  search(query: EmbeddingMatrix, topK: number): Hit[] {
    const hits = this.#index?.search(query, { topK }) ?? [];
    return hits
      .filter((hit) => hit.score > 0)
      .map((hit) => ({ passage: this.#entries[hit.row]!.passage, score: hit.score }));
  }

  get #indexed(): number {
    return this.#index?.rows ?? 0;
  }

  async #indexAll(embedder: Embedder, signal: AbortSignal): Promise<void> {
    const startMs = performance.now();
    let size = FIRST_BATCH;
    let characters = 0;
    while (this.#indexed < this.#entries.length) {
      const batchStartMs = performance.now();
      const batch = this.#entries.slice(this.#indexed, this.#indexed + size);
      const inputs = batch.map((entry) => entry.input);
      const matrix = await embedder.embedDocuments(inputs, { priority: "bulk", overflow: "truncate", signal });
      if (signal.aborted) return;
      this.#index ??= new FlatIndex(matrix);
      this.#index.add(matrix);
      characters += countCharacters(batch);
      const elapsedMs = performance.now() - startMs;
      const tokens = matrix.tokenCounts.reduce((sum, count) => sum + count, 0);
      this.#run = { passages: this.#run.passages + batch.length, tokens: this.#run.tokens + tokens, elapsedMs };
      const left = countCharacters(this.#entries.slice(this.#indexed));
      this.#tell({ working: true, remainingMs: remainingMs({ characters, elapsedMs }, left) });
      this.#listener.onGrowth();
      size = nextBatchSize(size, performance.now() - batchStartMs);
    }
  }

  #stop(): void {
    this.#working?.abort();
    this.#working = null;
  }

  #tell(now: Pick<IndexingState, "working" | "remainingMs"> & Partial<IndexingState>): void {
    const state = { done: this.#indexed, total: this.#entries.length, run: this.#run, failure: null };
    this.#listener.onIndexing({ ...state, ...now });
  }
}

function countCharacters(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + entry.input.length, 0);
}
