/** @file Embedding in the background: passages that wait → the model → the index, a batch at a time, until none is left. */
import type { Embedder } from "./embedder.ts";
import { EmbedError } from "./errors.ts";
import { FIRST_BATCH, nextBatchSize, remainingMs } from "./indexing-pace.ts";
import type { IndexFailure, IndexingStatus, NewVectors, PendingBatch } from "./search-types.ts";
import type { EmbeddingMatrix } from "./types.ts";

/** Where passages come from and vectors go. */
export interface IndexingTarget {
  pending(limit: number, refused: readonly number[]): Promise<PendingBatch>;
  keepVectors(vectors: NewVectors): Promise<void>;
  onStatus(status: IndexingStatus): void;
}

export const IDLE: IndexingStatus = {
  state: "idle",
  current: null,
  passages: 0,
  tokens: 0,
  elapsedMs: 0,
  remainingMs: null,
  failure: null,
  refused: 0,
};

/** One stretch of work, from the first passage that waits to the last. */
interface Stretch {
  readonly controller: AbortController;
  readonly startMs: number;
  characters: number;
  size: number;
}

/** The background work of one index. At most one batch is under way. */
export class Indexing {
  readonly #target: IndexingTarget;
  /** Passages that the model cannot take: not asked for again before the index is opened anew. */
  readonly #refused: number[] = [];
  #embedder: Embedder | null = null;
  #status = IDLE;
  #stretch: Stretch | null = null;
  #isPaused = false;
  /** There may be more than the stretch under way has been told of. */
  #startsAgain = false;
  #waiting: (() => void)[] = [];
  /** Why it failed last, as it was thrown. */
  failure: unknown = null;

  constructor(target: IndexingTarget) {
    this.#target = target;
  }

  get status(): IndexingStatus {
    return this.#status;
  }

  /** How many passages have no vector, and will have none. */
  get refused(): number {
    return this.#refused.length;
  }

  use(embedder: Embedder | null): void {
    this.#stop();
    this.#refused.length = 0;
    this.#embedder = embedder;
    this.#tell({ ...IDLE, state: this.#isPaused ? "paused" : "idle" });
    this.start();
  }

  pause(): void {
    this.#isPaused = true;
    this.#stop();
    this.#tell({ ...this.#status, state: "paused", current: null, remainingMs: null });
  }

  resume(): void {
    this.#isPaused = false;
    this.#tell({ ...IDLE });
    this.start();
  }

  /** There is something to embed, perhaps; nothing happens while paused, failed, without a model, or at it already. */
  start(): void {
    this.#startsAgain = this.#stretch !== null;
    if (this.#startsAgain) return;
    if (this.#embedder === null || this.#isPaused || this.#status.state === "failed") return;
    const stretch = { controller: new AbortController(), startMs: performance.now(), characters: 0, size: FIRST_BATCH };
    this.#stretch = stretch;
    void this.#work(this.#embedder, stretch);
  }

  /** Resolves when nothing is being embedded any more. */
  settled(): Promise<void> {
    return this.#stretch === null ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #work(embedder: Embedder, stretch: Stretch): Promise<void> {
    let ending: IndexingStatus;
    try {
      // Passages that come while the last batch is under way are found by asking once more.
      while (await this.#embedBatch(embedder, stretch));
      ending = { ...this.#status, state: "idle", current: null, remainingMs: null };
    } catch (error) {
      this.failure = error;
      ending = { ...this.#status, state: "failed", current: null, remainingMs: null, failure: toFailure(error) };
    }
    // One that was stopped has been replaced, and reports nothing.
    if (this.#stretch !== stretch) return;
    this.#stretch = null;
    this.#tell(ending);
    if (this.#startsAgain) this.start();
    if (this.#stretch === null) this.#settle();
  }

  /** @returns Whether there was something to do. */
  async #embedBatch(embedder: Embedder, stretch: Stretch): Promise<boolean> {
    const { signal } = stretch.controller;
    const batch = await this.#target.pending(stretch.size, this.#refused);
    if (signal.aborted || batch.inputs.length === 0) return false;
    const before = stretch.characters === 0 ? IDLE : this.#status;
    this.#tell({ ...before, state: "working", current: batch.current });
    const startMs = performance.now();
    const matrix = await this.#embed(embedder, batch, signal);
    if (signal.aborted) return false;
    if (matrix === null) return true;
    await this.#target.keepVectors(vectorsOf(matrix, batch.passageIds));
    if (signal.aborted) return false;
    this.#count(stretch, batch, matrix);
    stretch.size = nextBatchSize(stretch.size, performance.now() - startMs);
    return true;
  }

  /** @returns `null` where a passage had to be left out first. */
  async #embed(embedder: Embedder, batch: PendingBatch, signal: AbortSignal): Promise<EmbeddingMatrix | null> {
    try {
      const matrix = await embedder.embedDocuments(batch.inputs, { priority: "bulk", faultyRows: "zero", signal });
      this.#refuse(matrix.faulty, batch);
      return matrix;
    } catch (error) {
      // One text that is too long, by what stands before it or by an estimate that was off.
      const index = error instanceof EmbedError && error.code === "invalid-input" ? error.details["index"] : undefined;
      if (typeof index !== "number") throw error;
      this.#refuse([index], batch);
      return null;
    }
  }

  #refuse(rows: Iterable<number>, batch: PendingBatch): void {
    this.#refused.push(...Array.from(rows, (row) => batch.passageIds[row]!));
  }

  #count(stretch: Stretch, { inputs, waitingLength }: PendingBatch, { tokenCounts }: EmbeddingMatrix): void {
    const characters = inputs.reduce((sum, input) => sum + input.length, 0);
    stretch.characters += characters;
    const elapsedMs = performance.now() - stretch.startMs;
    this.#tell({
      ...this.#status,
      passages: this.#status.passages + inputs.length,
      tokens: this.#status.tokens + tokenCounts.reduce((sum, count) => sum + count, 0),
      elapsedMs,
      remainingMs: remainingMs({ characters: stretch.characters, elapsedMs }, Math.max(0, waitingLength - characters)),
    });
  }

  #stop(): void {
    this.#stretch?.controller.abort();
    this.#stretch = null;
    this.#settle();
  }

  #settle(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #tell(status: IndexingStatus): void {
    this.#status = { ...status, refused: this.#refused.length };
    this.#target.onStatus(this.#status);
  }
}

/** Rows that have a direction. */
function vectorsOf({ data, rows, dimensions, faulty, space }: EmbeddingMatrix, passageIds: Uint32Array): NewVectors {
  if (faulty.length === 0) return { passageIds, vectors: data, dimensions, space };
  const sound = Array.from({ length: rows }, (_, row) => row).filter((row) => !faulty.includes(row));
  const vectors = new Float32Array(sound.length * dimensions);
  sound.forEach((row, to) => vectors.set(data.subarray(row * dimensions, (row + 1) * dimensions), to * dimensions));
  return { passageIds: Uint32Array.from(sound, (row) => passageIds[row]!), vectors, dimensions, space };
}

function toFailure(error: unknown): IndexFailure {
  if (error instanceof EmbedError) return { code: error.code, message: error.message };
  return { code: null, message: error instanceof Error ? error.message : String(error) };
}
