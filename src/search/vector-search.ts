/** @file The nearest stored vectors to a query: a view in memory proposes candidates, stored vectors decide. */
import { nextTask } from "../next-task.ts";
import type { ViewMeasurement, ViewOptions, ViewStatus } from "../search-types.ts";
import type { Contents } from "./contents.ts";
import type { Ranked } from "./ranking.ts";
import { median } from "./scan/choose.ts";
import { candidateCount, createView, rescore, type Candidate, type VectorView } from "./scan/views.ts";
import { Scanner } from "./scanner.ts";
import type { RowBatch, VectorStore } from "./store/vector-store.ts";
import { TopK } from "./top-k.ts";

/** Enough for a mean that moves by under a percent from one measurement to the next. */
const MEASURED_QUERIES = 32;
const MEASURED_TOP_K = 10;

/** Who wants to know what is read. */
export interface ReadHooks {
  readonly onRows?: (batch: RowBatch) => void;
  readonly onDamage?: (firstRow: number, rows: number) => void;
}

/** One index's vectors, ready to be compared. */
export class VectorSearch {
  readonly #store: VectorStore;
  readonly #contents: Contents;
  #options: ViewOptions;
  #scanner: Scanner | null = null;

  readonly #onChoice: () => void;

  /** @param onChoice - Told when another scan is used. */
  constructor(
    store: VectorStore,
    contents: Contents,
    { view, onChoice }: { readonly view: ViewOptions; readonly onChoice: () => void },
  ) {
    this.#store = store;
    this.#contents = contents;
    this.#options = view;
    this.#onChoice = onChoice;
  }

  /** `null` as long as there is no vector. */
  get status(): ViewStatus | null {
    if (this.#scanner === null) return null;
    const { view, status: scan } = this.#scanner;
    const { dimensions, precision, bytes } = view;
    return { dimensions, precision, rescore: this.#rescores(view), bytes, scan };
  }

  /**
   * Reads every stored vector into a view of these options, and uses it from then on.
   *
   * @param onRows - Told of every batch that is read, in order; of damaged rows `onDamage` is told instead.
   */
  async configure(options: ViewOptions, { onRows, onDamage }: ReadHooks = {}): Promise<void> {
    const { dimensions } = this.#store.shape;
    if (dimensions > 0) {
      const scanner = this.#newScanner(options);
      const { view } = scanner;
      for (const batch of this.#store.batches(onDamage)) {
        padTo(view, batch.firstRow, dimensions);
        view.append(batch.vectors, dimensions);
        onRows?.(batch);
        await nextTask();
      }
      padTo(view, this.#store.rows, dimensions);
      this.#scanner?.close();
      this.#scanner = scanner;
    }
    this.#options = options;
    this.#scanner?.consider();
  }

  /** Takes in what has been appended to the store. */
  append(vectors: Float32Array): void {
    this.#scanner ??= this.#newScanner(this.#options);
    this.#scanner.view.append(vectors, this.#store.shape.dimensions);
    this.#scanner.consider();
  }

  /** There are no vectors any more, or nobody asks for them. */
  clear(): void {
    this.#scanner?.close();
    this.#scanner = null;
  }

  /**
   * @param query - `[dimensions]` of the store, any length but 0.
   * @param allowed - Ordinals of the documents to look in; `null`: all.
   * @returns At most `limit` passages, best first, with their cosine.
   */
  async search(query: Float32Array, limit: number, allowed: ReadonlySet<number> | null): Promise<Ranked[]> {
    if (this.#scanner === null) return [];
    const found = await this.#scan(this.#scanner, query, { limit, accepted: this.#accepted(allowed) });
    return found.map(({ row, score }) => ({ id: this.#contents.passageOf(row) ?? -1, score }));
  }

  /** The stored vectors' cosine to the query, by passage; those without a vector are left out. */
  cosines(query: Float32Array, passageIds: readonly number[]): Map<number, number> {
    const known = passageIds.flatMap((id) => {
      const row = this.#contents.rowOf(id);
      return row === null ? [] : [{ id, row }];
    });
    const vectors = this.#store.read(known.map(({ row }) => row));
    const scored = rescore(
      known.map((_, i) => ({ row: i, score: 0 })),
      vectors,
      query,
    );
    return new Map(scored.map(({ row, score }) => [known[row]!.id, score]));
  }

  /** How well the view finds what an exact scan of all stored vectors finds; queries are rows of the index. */
  async measure(queries = MEASURED_QUERIES, topK = MEASURED_TOP_K): Promise<ViewMeasurement | null> {
    const scanner = this.#scanner;
    if (scanner === null || this.#contents.vectors === 0) return null;
    const chosen = this.#spreadRows(queries);
    const vectors = chosen.map((row) => this.#store.read([row]));
    const accepted = this.#accepted(null);
    const exact = await this.#exact(chosen, vectors, topK);
    const times: number[] = [];
    let found = 0;
    let sought = 0;
    for (const [i, row] of chosen.entries()) {
      const startMs = performance.now();
      const hits = await this.#scan(scanner, vectors[i]!, { limit: topK + 1, accepted });
      times.push(performance.now() - startMs);
      const wanted = new Set(exact.hits[i]);
      sought += wanted.size;
      found += hits.filter((hit) => hit.row !== row && wanted.delete(hit.row)).length;
      await nextTask();
    }
    return {
      recall: sought > 0 ? found / sought : 1,
      scanMs: median(times),
      exactMs: exact.ms,
      bytes: scanner.view.bytes,
      exactBytes: 4 * this.#store.shape.dimensions * this.#store.rows,
      queries: chosen.length,
      topK,
    };
  }

  /** Live rows, evenly taken from the whole. */
  #spreadRows(count: number): number[] {
    const live: number[] = [];
    for (let row = 0; row < this.#store.rows; row++) if (this.#contents.passageOf(row) !== null) live.push(row);
    const step = Math.max(1, live.length / count);
    return Array.from({ length: Math.min(count, live.length) }, (_, i) => live[Math.floor(i * step)]!);
  }

  /** Best rows but the query itself, and the mean time of one query, reading not counted. */
  async #exact(
    rows: readonly number[],
    queries: readonly Float32Array[],
    topK: number,
  ): Promise<{ hits: number[][]; ms: number }> {
    const { dimensions } = this.#store.shape;
    const best = queries.map(() => new TopK(topK));
    let ms = 0;
    for (const { firstRow, passageIds, vectors } of this.#store.batches()) {
      const piece = createView("float32", dimensions);
      piece.append(vectors, dimensions);
      const live = Uint8Array.from(passageIds, (_, i) => Number(this.#contents.passageOf(firstRow + i) !== null));
      const startMs = performance.now();
      for (const [q, query] of queries.entries()) {
        const found = piece.scan(query, topK + 1, live);
        for (const { row, score } of found) if (firstRow + row !== rows[q]) best[q]!.offer(firstRow + row, score);
      }
      ms += performance.now() - startMs;
      await nextTask();
    }
    return { hits: best.map((top) => top.toSorted().map(({ row }) => row)), ms: ms / Math.max(1, queries.length) };
  }

  async #scan(
    scanner: Scanner,
    query: Float32Array,
    { limit, accepted }: { readonly limit: number; readonly accepted: Uint8Array | null },
  ): Promise<Candidate[]> {
    const { dimensions } = this.#store.shape;
    const { view } = scanner;
    if (!this.#rescores(view)) return scanner.scan(query, limit, accepted);
    const wanted = candidateCount(view.precision, view.dimensions, { storedDimensions: dimensions, topK: limit });
    const candidates = await scanner.scan(query, wanted, accepted);
    return rescore(candidates, this.#store.read(candidates.map(({ row }) => row)), query).slice(0, limit);
  }

  #rescores({ precision, dimensions }: VectorView): boolean {
    const { rescore: wanted = true } = this.#options;
    const isExact = dimensions === this.#store.shape.dimensions && isLossless(precision, this.#store.shape.stored);
    return wanted && !isExact;
  }

  /** 1 by row to look at; `null` when that is every row. */
  #accepted(allowed: ReadonlySet<number> | null): Uint8Array | null {
    const { rows } = this.#store;
    if (allowed === null && this.#contents.vectors === rows) return null;
    const accepted = new Uint8Array(rows);
    for (let row = 0; row < rows; row++) {
      const passageId = this.#contents.passageOf(row);
      if (passageId === null) continue;
      const isAllowed = allowed === null || allowed.has(this.#contents.documentOf(passageId)?.ordinal ?? -1);
      accepted[row] = Number(isAllowed);
    }
    return accepted;
  }

  #newScanner({ dimensions: cut, precision = "float32" }: ViewOptions): Scanner {
    const { dimensions } = this.#store.shape;
    const view = createView(precision, Math.min(cut ?? dimensions, dimensions));
    return new Scanner(view, this.#store, { onChoice: this.#onChoice });
  }
}

/** Rows of a damaged block keep their numbers; nobody looks at them. */
function padTo(view: VectorView, rows: number, dimensions: number): void {
  const filler = new Float32Array(dimensions);
  filler[0] = 1;
  while (view.rows < rows) view.append(filler, dimensions);
}

function isLossless(precision: ViewStatus["precision"], stored: "float32" | "float16"): boolean {
  return precision === "float32" || (precision === "float16" && stored === "float16");
}
