/** @file Records in memory: of an index without a name. */
import type {
  BlockRecord,
  Change,
  DocumentBody,
  DocumentRecord,
  IndexRecord,
  LexicalRecord,
  PassageRecord,
  Records,
} from "./records.ts";

/** Gone with the worker. */
export class MemoryRecords implements Records {
  #index: IndexRecord | null = null;
  #blocks: BlockRecord[] = [];
  readonly #documents = new Map<number, DocumentRecord>();
  readonly #bodies = new Map<number, DocumentBody>();
  readonly #passages = new Map<number, PassageRecord>();
  readonly #byHash = new Map<string, number>();

  async readIndex(): Promise<IndexRecord | null> {
    return this.#index;
  }

  async readDocuments(): Promise<DocumentRecord[]> {
    return [...this.#documents.values()];
  }

  async readBlocks(): Promise<BlockRecord[]> {
    return [...this.#blocks];
  }

  async readPassages(ids: readonly number[]): Promise<PassageRecord[]> {
    return ids.flatMap((id) => this.#passages.get(id) ?? []);
  }

  async readPassagesOf({ firstPassage, passages }: DocumentRecord): Promise<PassageRecord[]> {
    return this.readPassages(Array.from({ length: passages }, (_, i) => firstPassage + i));
  }

  async readBody(ordinal: number): Promise<DocumentBody | null> {
    return this.#bodies.get(ordinal) ?? null;
  }

  async findByHash(hashes: readonly string[]): Promise<(number | null)[]> {
    return hashes.map((hash) => this.#byHash.get(hash) ?? null);
  }

  /** Nothing to come back to. */
  async readLexical(): Promise<LexicalRecord | null> {
    return null;
  }

  async writeLexical(): Promise<void> {}

  async commit({ index, documents = [], removed = [], blocks = [], allBlocks }: Change): Promise<void> {
    if (index) this.#index = index;
    for (const document of removed) this.#remove(document);
    for (const { document, body, passages } of documents) {
      this.#documents.set(document.ordinal, document);
      this.#bodies.set(document.ordinal, body);
      for (const passage of passages) {
        this.#passages.set(passage.id, passage);
        this.#byHash.set(passage.hash, passage.id);
      }
    }
    this.#blocks = [...(allBlocks ?? this.#blocks), ...blocks];
  }

  close(): void {}

  #remove({ ordinal, firstPassage, passages }: DocumentRecord): void {
    this.#documents.delete(ordinal);
    this.#bodies.delete(ordinal);
    for (let id = firstPassage; id < firstPassage + passages; id++) {
      const hash = this.#passages.get(id)?.hash;
      if (hash !== undefined && this.#byHash.get(hash) === id) this.#byHash.delete(hash);
      this.#passages.delete(id);
    }
  }
}
