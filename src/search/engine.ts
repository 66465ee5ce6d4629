/** @file The search index as its worker runs it: documents in, hits out, everything kept. One change at a time; searches go on meanwhile. */
import { EmbedError } from "../errors.ts";
import type {
  AddProgress,
  AddResult,
  AskedQuery,
  DocumentEntry,
  EngineStatus,
  ImportRequest,
  IndexEngine,
  MeasureOptions,
  NewVectors,
  PendingBatch,
  SearchDocument,
  SearchRequest,
  SearchResult,
  VectorSample,
  ViewMeasurement,
  ViewOptions,
} from "../search-types.ts";
import type { CallHooks } from "../types.ts";
import { answer } from "./answer.ts";
import { mismatch } from "./mismatch.ts";
import { Contents } from "./contents.ts";
import { checkDocuments } from "./document-input.ts";
import { writeIndexFile } from "./index-file.ts";
import { readIndexFile } from "./index-import.ts";
import type { EngineInside } from "./inside.ts";
import { ingest, numberDocuments, type SplitDocument, type VectorSpace } from "./ingest.ts";
import type { CountTokens } from "./passages.ts";
import { passageInput } from "./passages.ts";
import { RecentPassages } from "./recent-passages.ts";
import type { DocumentRecord, IndexRecord, Records } from "./store/records.ts";
import type { VectorStore } from "./store/vector-store.ts";
import { VectorSearch } from "./vector-search.ts";
import { WordSearch } from "./word-search.ts";

/** From here on it is worth copying the rest to get rid of rows that nobody needs. */
const WORTHWHILE_DEAD_ROWS = 1024;

/** What an engine works with; see `open-engine.ts`. */
export interface EngineParts {
  readonly records: Records;
  readonly index: IndexRecord;
  readonly store: VectorStore;
  readonly view: ViewOptions;
  readonly readOnly: boolean;
  readonly countTokens: CountTokens;
  readonly onStatus: (status: EngineStatus) => void;
  /** Lets go of the lock. */
  readonly release: () => void;
}

/** An index that is open, by name or in memory; see `open-engine.ts`. */
export class SearchEngine implements IndexEngine {
  readonly #records: Records;
  readonly #store: VectorStore;
  readonly #contents = new Contents();
  readonly #near: VectorSearch;
  readonly #words: WordSearch;
  readonly #recent: RecentPassages;
  readonly #parts: EngineParts;
  #index: IndexRecord;
  #changing: Promise<unknown> = Promise.resolve();

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#records = parts.records;
    this.#store = parts.store;
    this.#index = parts.index;
    this.#near = new VectorSearch(parts.store, this.#contents, { view: parts.view, onChoice: () => this.#tell() });
    this.#recent = new RecentPassages(parts.records);
    this.#words = new WordSearch(parts.records, this.#contents, () => this.#tell());
  }

  get status(): EngineStatus {
    const { documents, passages, vectors } = this.#contents;
    return {
      documents,
      passages,
      vectors,
      vectorBytes: this.#store.bytes,
      space: this.#index.space,
      dimensions: this.#index.dimensions || null,
      readOnly: this.#parts.readOnly,
      lexicalReady: this.#words.isReady,
      view: this.#near.status,
    };
  }

  /** Reads what is stored. Vectors can be searched when this resolves; words follow. */
  async open(): Promise<void> {
    for (const document of await this.#records.readDocuments()) this.#contents.add(document);
    await this.#store.open();
    if (!this.#parts.readOnly) await this.#store.tidy();
    const damaged = await this.#readRows();
    const dead = this.#store.rows - this.#contents.vectors;
    const isWorthwhile = damaged > 0 || (dead > WORTHWHILE_DEAD_ROWS && dead > this.#contents.vectors);
    if (isWorthwhile && !this.#parts.readOnly) {
      await this.#store.rewrite((row, passageId) => this.#contents.rowOf(passageId) === row);
      await this.#readRows();
    }
    this.#tell();
    void this.#words.open();
  }

  /** @throws {EmbedError} `storage-busy` where another tab writes; `storage-full`; `aborted`. */
  async add(documents: readonly SearchDocument[], hooks: CallHooks<AddProgress>): Promise<AddResult> {
    const { countTokens } = this.#parts;
    const target = {
      options: this.#index.passages,
      countTokens,
      hashOf: (id: string) => this.#contents.byId(id)?.hash ?? null,
      keep: (split: readonly SplitDocument[]) => this.#change(() => this.#keep(split)),
    };
    this.#assertWritable();
    return ingest(checkDocuments(documents), target, hooks);
  }

  /** @returns How many there were. */
  async remove(documentIds: readonly string[]): Promise<number> {
    return this.#change(async () => {
      const removed = [...new Set(documentIds)].flatMap((id) => this.#contents.byId(id) ?? []);
      if (removed.length === 0) return 0;
      await this.#records.commit({ removed });
      for (const document of removed) this.#forget(document);
      this.#tell();
      return removed.length;
    });
  }

  async clear(): Promise<void> {
    await this.remove([...this.#contents.list()].map(({ id }) => id));
    await this.forgetVectors();
  }

  async forgetVectors(): Promise<void> {
    await this.#change(async () => {
      const index = { ...this.#index, space: null, dimensions: 0 };
      await this.#store.clear({ stored: index.stored, dimensions: 0 }, { index });
      this.#index = index;
      this.#contents.forgetRows();
      this.#near.clear();
      this.#tell();
    });
  }

  /** Passages that wait for a vector, the oldest first. */
  async pending(limit: number, refused: readonly number[]): Promise<PendingBatch> {
    const skipped = new Set(refused);
    const ids = this.#contents.withoutVector(limit, (id) => skipped.has(id));
    const passages = await this.#records.readPassages(ids);
    const inputs = passages.map((passage) => {
      const { title } = this.#contents.byOrdinal(passage.document);
      return passageInput(title === null ? {} : { title }, passage);
    });
    const first = passages[0] ? this.#contents.byOrdinal(passages[0].document) : null;
    const current = first && (first.title ?? first.id);
    const waitingLength = this.#contents.waitingLength();
    return { passageIds: Uint32Array.from(passages, ({ id }) => id), inputs, current, waitingLength };
  }

  /**
   * Keeps vectors; those of passages that have left meanwhile are dropped.
   *
   * @throws {EmbedError} `index-mismatch` for another space; `storage-full`, `storage-busy`.
   */
  async keepVectors(incoming: NewVectors): Promise<void> {
    await this.#change(() => this.#append(incoming));
  }

  async search(asked: AskedQuery, request: SearchRequest): Promise<SearchResult> {
    const [contents, near, words, store] = [this.#contents, this.#near, this.#words, this.#store];
    return answer(asked, request, { contents, near, words, store, recent: this.#recent });
  }

  documents(): DocumentEntry[] {
    return Array.from(this.#contents.list(), ({ ordinal, id, title, metadata, passages, length, addedAt }) => {
      const vectors = passages - this.#contents.missingOf(ordinal);
      return { id, title, metadata, passages, vectors, length, addedAt };
    });
  }

  async document(id: string): Promise<SearchDocument | null> {
    const record = this.#contents.byId(id);
    const body = record && (await this.#records.readBody(record.ordinal));
    if (!record || !body) return null;
    const { title, metadata } = record;
    const { text, headings, format } = body;
    return { id, text, format, metadata, ...(title !== null && { title }), ...(headings && { headings }) };
  }

  async configure(view: ViewOptions): Promise<void> {
    await this.#inTurn(() => this.#near.configure(view));
    this.#tell();
  }

  async measure({ queries, topK }: MeasureOptions): Promise<ViewMeasurement> {
    const measured = await this.#inTurn(() => this.#near.measure(queries, topK));
    if (measured) return measured;
    throw new EmbedError("invalid-input", "there are no vectors to measure with", { details: { vectors: 0 } });
  }

  /** Of at most `limit` passages, evenly taken from the whole. */
  vectors(limit: number): VectorSample {
    const withVector: number[] = [];
    for (let row = 0; row < this.#store.rows; row++) {
      const passageId = this.#contents.passageOf(row);
      if (passageId !== null) withVector.push(passageId);
    }
    const rows = Math.min(limit, withVector.length);
    const ids = Array.from({ length: rows }, (_, i) => withVector[Math.floor((i * withVector.length) / rows)]!);
    return {
      passageIds: Uint32Array.from(ids),
      documentIds: ids.map((id) => this.#contents.documentOf(id)?.id ?? ""),
      data: this.#store.read(ids.map((id) => this.#contents.rowOf(id)!)),
      rows,
      dimensions: this.#store.shape.dimensions,
    };
  }

  /** Every change so far is kept when this resolves, the word index included. */
  async save(): Promise<void> {
    if (!this.#parts.readOnly) await this.#change(() => this.#words.save());
  }

  async exportFile(hooks: CallHooks<AddProgress>): Promise<Blob> {
    return writeIndexFile(this.#inside, hooks);
  }

  async importFile(file: Blob, request: ImportRequest, hooks: CallHooks<AddProgress>): Promise<AddResult> {
    this.#assertWritable();
    return readIndexFile(file, this.#inside, { ...hooks, request });
  }

  get #inside(): EngineInside {
    return {
      records: this.#records,
      contents: this.#contents,
      store: this.#store,
      // It changes while a file is read.
      index: () => this.#index,
      change: (work) => this.#change(work),
      keep: (split, brought) => this.#keep(split, brought),
      append: (incoming) => this.#append(incoming),
      documentOf: (id) => this.#contents.byId(id),
    };
  }

  close(): void {
    this.#words.close();
    this.#near.clear();
    this.#store.close();
    this.#records.close();
    this.#parts.release();
  }

  /** @returns Rows that are damaged. */
  async #readRows(): Promise<number> {
    this.#contents.forgetRows();
    let damaged = 0;
    await this.#near.configure(this.#parts.view, {
      onRows: ({ firstRow, passageIds }) => passageIds.forEach((id, i) => this.#contents.setRow(id, firstRow + i)),
      onDamage: (_firstRow, rows) => (damaged += rows),
    });
    return damaged;
  }

  async #keep(split: readonly SplitDocument[], brought?: VectorSpace): Promise<number> {
    if (brought) this.#assertSpace(brought);
    const found = await this.#records.findByHash(split.flatMap(({ passages }) => passages.map(({ hash }) => hash)));
    const oldRows = found.map((id) => (id === null ? null : this.#contents.rowOf(id)));
    const { nextOrdinal: ordinal, nextPassageId: passageId } = this.#index;
    const entries = numberDocuments(split, { ordinal, passageId }, Date.now());
    const removed = entries.flatMap(({ document }) => this.#contents.byId(document.id) ?? []);
    const nextPassageId = passageId + found.length;
    const index = { ...this.#index, ...brought, nextOrdinal: ordinal + entries.length, nextPassageId };
    const own = split.flatMap(({ passages, vectors }) => passages.map((_, i) => vectors?.[i] ?? null));
    const vectors = oldRows.map((row, i) => (row === null ? own[i]! : this.#store.read([row])));
    const ids = vectors.flatMap((vector, i) => (vector === null ? [] : passageId + i));
    this.#store.reshape({ stored: index.stored, dimensions: index.dimensions });
    const change = { index, removed, documents: entries };
    // In one transaction, so that nothing waits for a vector that is on its way.
    const firstRow = await this.#store.append(Uint32Array.from(ids), concat(vectors, index.dimensions), change);
    this.#index = index;
    for (const document of removed) this.#forget(document);
    for (const entry of entries) {
      this.#contents.add(entry.document);
      this.#words.add(entry);
    }
    this.#takeRows(ids, firstRow);
    this.#tell();
    return ids.length;
  }

  async #append({ passageIds, vectors, dimensions, space }: NewVectors): Promise<void> {
    this.#assertSpace({ space, dimensions });
    const index = { ...this.#index, space, dimensions };
    this.#store.reshape({ stored: index.stored, dimensions });
    const firstRow = await this.#store.append(passageIds, vectors, { index });
    this.#index = index;
    this.#takeRows([...passageIds], firstRow);
    this.#tell();
  }

  /** Rows that were appended can be found from now on. */
  #takeRows(passageIds: readonly number[], firstRow: number): void {
    if (passageIds.length === 0) return;
    // As they are stored, so that a score is the same now and after a reload.
    this.#near.append(this.#store.read(passageIds.map((_, i) => firstRow + i)));
    passageIds.forEach((id, i) => this.#contents.setRow(id, firstRow + i));
  }

  #assertSpace({ space, dimensions }: VectorSpace): void {
    const known = this.#index;
    if (known.space !== null && known.space !== space) throw mismatch("space", known.space, space);
    if (known.dimensions > 0 && known.dimensions !== dimensions) {
      throw mismatch("dimensions", known.dimensions, dimensions);
    }
  }

  #forget(document: DocumentRecord): void {
    this.#words.remove(document);
    this.#contents.remove(document);
  }

  async #change<T>(work: () => Promise<T>): Promise<T> {
    this.#assertWritable();
    return this.#inTurn(work);
  }

  /** One after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#changing.then(work);
    this.#changing = done.catch(() => undefined);
    return done;
  }

  #assertWritable(): void {
    if (this.#parts.readOnly) throw new EmbedError("storage-busy", "another tab writes to this index");
  }

  #tell(): void {
    this.#parts.onStatus(this.status);
  }
}

/** Those that are there, one behind the other. */
function concat(vectors: readonly (Float32Array | null)[], dimensions: number): Float32Array {
  const present = vectors.filter((vector) => vector !== null);
  const joined = new Float32Array(present.length * dimensions);
  present.forEach((vector, row) => joined.set(vector, row * dimensions));
  return joined;
}
