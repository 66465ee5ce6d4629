/** @file The word index and its life: opened from a snapshot, kept in step with the documents, written back when idle. */
import { EmbedError } from "../errors.ts";
import type { Contents } from "./contents.ts";
import { LexicalIndex } from "./lexical.ts";
import { nextTask } from "../next-task.ts";
import type { WordHit } from "./ranking.ts";
import type { DocumentEntryRecord, DocumentRecord, IncludedDocument, PassageRecord, Records } from "./store/records.ts";

/** A snapshot takes as long as it is large, so it is made once changes have ceased for this long. */
const IDLE_MS = 3000;
/** Read and taken in at a time: a few milliseconds, in which no search is answered. */
const PASSAGES_AT_ONCE = 256;
/** UTF-16 units of a snapshot that is read in one go, in under half a second; a longer one lets searches in between. */
const SHORT_SNAPSHOT = 16 * 1024 * 1024;
/** So few are read anew in no time: no snapshot is written for them. */
const MIN_CHANGED_PASSAGES = 200;

/** Words of every document; a moment after opening it is ready. */
export class WordSearch {
  readonly #records: Records;
  readonly #contents: Contents;
  readonly #onReady: () => void;
  /** Documents whose words are in, by ordinal. */
  readonly #included = new Map<number, IncludedDocument>();
  /** Resolves when every document's words can be found; rejects with why they cannot. */
  readonly ready: Promise<void>;
  #settleReady: (failure?: unknown) => void = () => {};
  #index = new LexicalIndex();
  #isReady = false;
  #changedPassages = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(records: Records, contents: Contents, onReady: () => void) {
    this.#records = records;
    this.#contents = contents;
    this.#onReady = onReady;
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = (failure) => (failure === undefined ? resolve() : reject(failure as Error));
    });
    // Whoever searches hears of it.
    this.ready.catch(() => undefined);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Takes up the snapshot, and what has changed since. Never rejects: see `ready`. */
  async open(): Promise<void> {
    try {
      await this.#open();
      this.#isReady = true;
      this.#settleReady();
      this.#onReady();
    } catch (error) {
      this.#settleReady(error);
    }
  }

  async #open(): Promise<void> {
    const kept = await this.#records.readLexical().catch(() => null);
    // A snapshot that cannot be read costs time, nothing else.
    const index = kept && (await read(kept.snapshot).catch(() => null));
    if (kept && index) {
      this.#index = index;
      for (const document of kept.documents) this.#included.set(document.ordinal, document);
    }
    const live = new Set(Array.from(this.#contents.list(), ({ ordinal }) => ordinal));
    for (const document of [...this.#included.values()]) if (!live.has(document.ordinal)) this.remove(document);
    while (await this.#includeSome());
  }

  /** Takes in documents whose words are not in yet. @returns Whether there were any. */
  async #includeSome(): Promise<boolean> {
    const documents: DocumentRecord[] = [];
    let passages = 0;
    for (const document of this.#contents.list()) {
      if (this.#included.has(document.ordinal)) continue;
      documents.push(document);
      passages += document.passages;
      if (passages >= PASSAGES_AT_ONCE) break;
    }
    const found = await Promise.all(documents.map((document) => this.#records.readPassagesOf(document)));
    documents.forEach((document, i) => this.#include(document, found[i]!));
    await nextTask();
    return documents.length > 0;
  }

  add({ document, passages }: DocumentEntryRecord): void {
    // Until it is open, `open` comes to it by itself.
    if (this.#isReady) this.#include(document, passages);
  }

  remove(document: IncludedDocument): void {
    if (!this.#included.delete(document.ordinal)) return;
    this.#index.remove(Array.from({ length: document.passages }, (_, i) => document.firstPassage + i));
    this.#changed(document.passages);
  }

  /** @param allowed - Ordinals of the documents to look in; `null`: all. */
  search(text: string, limit: number, allowed: ReadonlySet<number> | null): WordHit[] {
    const isAllowed = (id: number): boolean => allowed?.has(this.#contents.documentOf(id)?.ordinal ?? -1) ?? true;
    return this.#index.search(text, allowed === null ? { limit } : { limit, accept: isAllowed });
  }

  /** Writes a snapshot where there is something new. */
  async save(): Promise<void> {
    clearTimeout(this.#timer);
    if (!this.#isReady || this.#changedPassages === 0) return;
    this.#changedPassages = 0;
    const documents = Array.from(this.#included.values(), ({ ordinal, firstPassage, passages }) => ({
      ordinal,
      firstPassage,
      passages,
    }));
    await this.#records.writeLexical({ snapshot: this.#index.toSnapshot(), documents });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#settleReady(new EmbedError("disposed", "the index was closed before its words were read"));
  }

  #include(document: DocumentRecord, passages: readonly PassageRecord[]): void {
    // It may have left, or been taken in, while its passages were read.
    if (this.#included.has(document.ordinal) || this.#contents.byId(document.id)?.ordinal !== document.ordinal) return;
    const title = document.title ?? "";
    this.#index.add(passages.map(({ id, section, text }) => ({ id, title, section: section.join(" "), text })));
    this.#included.set(document.ordinal, document);
    this.#changed(passages.length);
  }

  #changed(passages: number): void {
    this.#changedPassages += passages;
    clearTimeout(this.#timer);
    if (this.#changedPassages < MIN_CHANGED_PASSAGES) return;
    // Storage that refuses a snapshot for now is asked again after the next change.
    this.#timer = setTimeout(() => void this.save().catch(() => undefined), IDLE_MS);
  }
}

async function read(snapshot: string): Promise<LexicalIndex> {
  return snapshot.length > SHORT_SNAPSHOT
    ? LexicalIndex.fromSnapshotInSteps(snapshot)
    : LexicalIndex.fromSnapshot(snapshot);
}
