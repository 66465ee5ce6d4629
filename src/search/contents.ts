/** @file What is in the index, as it is in memory: which document a passage belongs to, and which row its vector has. */
import { assert } from "../errors.ts";
import { GrowingInts } from "./store/growing.ts";
import type { DocumentRecord } from "./store/records.ts";

const NONE = -1;

/** Documents in the order they came, their passages, and the rows of those. */
export class Contents {
  readonly #byId = new Map<string, DocumentRecord>();
  readonly #byOrdinal = new Map<number, DocumentRecord>();
  /** By passage id. */
  readonly #documentOf = new GrowingInts(NONE);
  readonly #rowOf = new GrowingInts(NONE);
  /** By row; `NONE` where the passage has left, or has another row. */
  readonly #passageOf = new GrowingInts(NONE);
  /** Passages without a vector, by ordinal; documents that have all are left out. */
  readonly #missing = new Map<number, number>();
  #passages = 0;
  #vectors = 0;

  get documents(): number {
    return this.#byId.size;
  }

  get passages(): number {
    return this.#passages;
  }

  /** Passages with a vector. */
  get vectors(): number {
    return this.#vectors;
  }

  list(): IterableIterator<DocumentRecord> {
    return this.#byOrdinal.values();
  }

  byId(id: string): DocumentRecord | undefined {
    return this.#byId.get(id);
  }

  byOrdinal(ordinal: number): DocumentRecord {
    const document = this.#byOrdinal.get(ordinal);
    assert(document !== undefined, `document ${ordinal} is in the index`);
    return document;
  }

  /** Of a passage; `undefined` when it is not in the index. */
  documentOf(passageId: number): DocumentRecord | undefined {
    return this.#byOrdinal.get(this.#documentOf.get(passageId));
  }

  /** Of a passage; `null` when it has none. */
  rowOf(passageId: number): number | null {
    const row = this.#rowOf.get(passageId);
    return row === NONE ? null : row;
  }

  /** Of a row; `null` when its passage has left. */
  passageOf(row: number): number | null {
    const passageId = this.#passageOf.get(row);
    return passageId === NONE ? null : passageId;
  }

  add(document: DocumentRecord): void {
    this.#byId.set(document.id, document);
    this.#byOrdinal.set(document.ordinal, document);
    for (const id of idsOf(document)) this.#documentOf.set(id, document.ordinal);
    this.#passages += document.passages;
    if (document.passages > 0) this.#missing.set(document.ordinal, document.passages);
  }

  remove(document: DocumentRecord): void {
    this.#byId.delete(document.id);
    this.#byOrdinal.delete(document.ordinal);
    this.#missing.delete(document.ordinal);
    this.#passages -= document.passages;
    for (const id of idsOf(document)) {
      this.#documentOf.set(id, NONE);
      this.#dropRow(id);
    }
  }

  /** A passage has a vector from now on; of one that has left meanwhile the row stays unused. */
  setRow(passageId: number, row: number): void {
    const ordinal = this.#documentOf.get(passageId);
    if (ordinal === NONE) return;
    this.#dropRow(passageId);
    this.#rowOf.set(passageId, row);
    this.#passageOf.set(row, passageId);
    this.#vectors++;
    const missing = this.#missing.get(ordinal)! - 1;
    if (missing > 0) this.#missing.set(ordinal, missing);
    else this.#missing.delete(ordinal);
  }

  /** No passage has a vector any more. */
  forgetRows(): void {
    this.#rowOf.clear();
    this.#passageOf.clear();
    this.#vectors = 0;
    this.#missing.clear();
    for (const { ordinal, passages } of this.#byOrdinal.values())
      if (passages > 0) this.#missing.set(ordinal, passages);
  }

  /** Passages of a document that have no vector. */
  missingOf(ordinal: number): number {
    return this.#missing.get(ordinal) ?? 0;
  }

  /** At most `limit` ids of passages without a vector, documents in the order they came. */
  withoutVector(limit: number, isRefused: (passageId: number) => boolean): number[] {
    const found: number[] = [];
    for (const ordinal of this.#missing.keys()) {
      for (const id of idsOf(this.byOrdinal(ordinal))) {
        if (found.length === limit) return found;
        if (this.rowOf(id) === null && !isRefused(id)) found.push(id);
      }
    }
    return found;
  }

  /** UTF-16 units of what has no vector, as if a document's passages were equally long. */
  waitingLength(): number {
    let sum = 0;
    for (const [ordinal, missing] of this.#missing) {
      const { length, passages } = this.byOrdinal(ordinal);
      sum += (length * missing) / passages;
    }
    return sum;
  }

  #dropRow(passageId: number): void {
    const row = this.#rowOf.get(passageId);
    if (row === NONE) return;
    this.#rowOf.set(passageId, NONE);
    this.#passageOf.set(row, NONE);
    this.#vectors--;
    const ordinal = this.#documentOf.get(passageId);
    if (ordinal !== NONE) this.#missing.set(ordinal, (this.#missing.get(ordinal) ?? 0) + 1);
  }
}

/** Ids of a document's passages, ascending. */
export function* idsOf({ firstPassage, passages }: DocumentRecord): Generator<number> {
  for (let id = firstPassage; id < firstPassage + passages; id++) yield id;
}
