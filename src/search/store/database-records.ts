/** @file Records in IndexedDB, through the `idb` library. One transaction a change: all of it, or nothing. */
import { deleteDB, openDB, type DBSchema, type IDBPDatabase, type IDBPTransaction } from "idb";
import { EmbedError } from "../../errors.ts";
import { storageError } from "./storage-error.ts";
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

interface Schema extends DBSchema {
  /** One record, key 0. */
  readonly index: { readonly key: number; readonly value: IndexRecord };
  /** Key: ordinal. */
  readonly documents: { readonly key: number; readonly value: DocumentRecord };
  /** Key: ordinal. Apart from the documents, which are all read when the index is opened. */
  readonly bodies: { readonly key: number; readonly value: DocumentBody };
  readonly passages: {
    readonly key: number;
    readonly value: PassageRecord;
    readonly indexes: { readonly hash: string };
  };
  /** Key: counted up. */
  readonly blocks: { readonly key: number; readonly value: BlockRecord };
  /** One record, key 0. */
  readonly lexical: { readonly key: number; readonly value: LexicalRecord };
}

type StoreName = "index" | "documents" | "bodies" | "passages" | "blocks" | "lexical";
type WriteTransaction = IDBPTransaction<Schema, StoreName[], "readwrite">;

/** Of the layout below; `IndexRecord.format` is of what stands in it. */
const DATABASE_VERSION = 1;
/** Each index has a database of its own, so that dropping one is one call. */
const DATABASE_PREFIX = "strata-index/";
const ONLY = 0;

/** @throws {EmbedError} `storage-full` where the browser stores nothing; `storage-busy`. */
export async function openDatabaseRecords(name: string): Promise<Records> {
  try {
    const database = await openDB<Schema>(DATABASE_PREFIX + name, DATABASE_VERSION, {
      upgrade(fresh) {
        fresh.createObjectStore("index");
        fresh.createObjectStore("documents", { keyPath: "ordinal" });
        fresh.createObjectStore("bodies");
        fresh.createObjectStore("passages", { keyPath: "id" }).createIndex("hash", "hash");
        fresh.createObjectStore("blocks", { autoIncrement: true });
        fresh.createObjectStore("lexical");
      },
      // A later version in another tab is not to wait for this one: the next call fails, and says so.
      blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
    });
    return new DatabaseRecords(database, name);
  } catch (cause) {
    throw storageError(cause, name);
  }
}

/** Removes the database of an index; nothing happens when there is none. @throws {EmbedError} `storage-busy`. */
export async function removeDatabase(name: string): Promise<void> {
  try {
    await deleteDB(DATABASE_PREFIX + name);
  } catch (cause) {
    throw storageError(cause, name);
  }
}

class DatabaseRecords implements Records {
  readonly #database: IDBPDatabase<Schema>;
  readonly #name: string;

  constructor(database: IDBPDatabase<Schema>, name: string) {
    this.#database = database;
    this.#name = name;
  }

  async readIndex(): Promise<IndexRecord | null> {
    return this.#typed(async () => (await this.#database.get("index", ONLY)) ?? null);
  }

  async readDocuments(): Promise<DocumentRecord[]> {
    return this.#typed(() => this.#database.getAll("documents"));
  }

  async readBlocks(): Promise<BlockRecord[]> {
    return this.#typed(() => this.#database.getAll("blocks"));
  }

  async readPassages(ids: readonly number[]): Promise<PassageRecord[]> {
    return this.#typed(async () => {
      const { store } = this.#database.transaction("passages");
      const found = await Promise.all(ids.map((id) => store.get(id)));
      return found.filter((passage) => passage !== undefined);
    });
  }

  async readPassagesOf(document: DocumentRecord): Promise<PassageRecord[]> {
    return this.#typed(() => this.#database.getAll("passages", rangeOf(document)));
  }

  async readBody(ordinal: number): Promise<DocumentBody | null> {
    return this.#typed(async () => (await this.#database.get("bodies", ordinal)) ?? null);
  }

  async findByHash(hashes: readonly string[]): Promise<(number | null)[]> {
    return this.#typed(async () => {
      const byHash = this.#database.transaction("passages").store.index("hash");
      const found = await Promise.all(hashes.map((hash) => byHash.getKey(hash)));
      return found.map((id) => id ?? null);
    });
  }

  async readLexical(): Promise<LexicalRecord | null> {
    return this.#typed(async () => (await this.#database.get("lexical", ONLY)) ?? null);
  }

  async writeLexical(record: LexicalRecord): Promise<void> {
    await this.#typed(() => this.#database.put("lexical", record, ONLY));
  }

  async commit(change: Change): Promise<void> {
    await this.#typed(async () => {
      const stores: StoreName[] = ["index", "documents", "bodies", "passages", "blocks"];
      const transaction = this.#database.transaction(stores, "readwrite");
      try {
        await Promise.all([...writes(transaction, change), transaction.done]);
      } catch (error) {
        // `done` tells why it was aborted, a single write only that it was.
        throw transaction.error ?? error;
      }
    });
  }

  close(): void {
    this.#database.close();
  }

  async #typed<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof EmbedError) throw cause;
      throw storageError(cause, this.#name);
    }
  }
}

/** Starts every write of a change, in the order in which they are to happen. */
function writes(transaction: WriteTransaction, change: Change): Promise<unknown>[] {
  const { index, documents = [], removed = [], blocks = [], allBlocks } = change;
  const store = <Name extends StoreName>(name: Name) => transaction.objectStore(name);
  const started: Promise<unknown>[] = [];
  if (index) started.push(store("index").put(index, ONLY));
  for (const document of removed) {
    started.push(store("documents").delete(document.ordinal), store("bodies").delete(document.ordinal));
    if (document.passages > 0) started.push(store("passages").delete(rangeOf(document)));
  }
  for (const { document, body, passages } of documents) {
    started.push(store("documents").put(document), store("bodies").put(body, document.ordinal));
    for (const passage of passages) started.push(store("passages").put(passage));
  }
  if (allBlocks) started.push(store("blocks").clear());
  for (const block of [...(allBlocks ?? []), ...blocks]) started.push(store("blocks").put(block));
  return started;
}

function rangeOf({ firstPassage, passages }: DocumentRecord): IDBKeyRange {
  return IDBKeyRange.bound(firstPassage, firstPassage + passages, false, true);
}
