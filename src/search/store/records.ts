/** @file What the index keeps beside vectors, and who keeps it: a database of the browser, or memory. */
import type { Heading, Metadata, PassageOptions } from "../../search-types.ts";

/** Raised with every change to what is stored; an older state is brought up, a later one refused. */
export const STORE_FORMAT = 1;

/** The index itself. */
export interface IndexRecord {
  readonly format: number;
  readonly stored: "float32" | "float16";
  readonly passages: Required<PassageOptions>;
  /** Embedding-space id; `null` before the first vector. */
  readonly space: string | null;
  /** Components of a stored vector; 0 before the first. */
  readonly dimensions: number;
  readonly nextOrdinal: number;
  readonly nextPassageId: number;
}

/** A document without its text: all of them are in memory while the index is open. */
export interface DocumentRecord {
  /** Names the record; grows, is never given twice. */
  readonly ordinal: number;
  readonly id: string;
  readonly title: string | null;
  readonly metadata: Metadata;
  /** SHA-256 of what was added, and of how it was split. */
  readonly hash: string;
  /** Its passages have the ids from here on. */
  readonly firstPassage: number;
  readonly passages: number;
  readonly length: number;
  readonly addedAt: number;
}

/** What only `document` needs. */
export interface DocumentBody {
  readonly text: string;
  readonly headings: readonly Heading[] | null;
  readonly format: "plain" | "markdown";
}

export interface PassageRecord {
  readonly id: number;
  /** The document's ordinal. */
  readonly document: number;
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly section: readonly string[];
  /** SHA-256 of what the model reads. */
  readonly hash: string;
}

/** A document on its way in. */
export interface DocumentEntryRecord {
  readonly document: DocumentRecord;
  readonly body: DocumentBody;
  readonly passages: readonly PassageRecord[];
}

/** Vectors that were written together, committed only when all of them lie in the file. */
export interface BlockRecord {
  /** File name in the index's folder. */
  readonly segment: string;
  /** Of the first row, in bytes from the file's start; its passage id stands before its vector. */
  readonly at: number;
  readonly rows: number;
  /** Of all its bytes. */
  readonly checksum: number;
}

/** What must be known of a document to take its words out again. */
export type IncludedDocument = Pick<DocumentRecord, "ordinal" | "firstPassage" | "passages">;

/** The word index as it was, and the documents that are in it. */
export interface LexicalRecord {
  readonly snapshot: string;
  readonly documents: readonly IncludedDocument[];
}

/** One change: all of it is kept, or nothing. */
export interface Change {
  readonly index?: IndexRecord;
  readonly documents?: readonly DocumentEntryRecord[];
  /** Leave with their passages; applied before `documents`. */
  readonly removed?: readonly DocumentRecord[];
  /** Appended. */
  readonly blocks?: readonly BlockRecord[];
  /** In place of all blocks. */
  readonly allBlocks?: readonly BlockRecord[];
}

/** Keeps records. Errors of a real store are `storage-full` and `storage-busy`. */
export interface Records {
  /** `null` when nothing was ever kept. */
  readIndex(): Promise<IndexRecord | null>;
  /** In the order they came. */
  readDocuments(): Promise<DocumentRecord[]>;
  /** In the order they were written. */
  readBlocks(): Promise<BlockRecord[]>;
  /** In the order of `ids`; those that are gone are left out. */
  readPassages(ids: readonly number[]): Promise<PassageRecord[]>;
  /** All of a document, ascending. */
  readPassagesOf(document: DocumentRecord): Promise<PassageRecord[]>;
  readBody(ordinal: number): Promise<DocumentBody | null>;
  /** Of each hash, some passage that has it, or `null`. */
  findByHash(hashes: readonly string[]): Promise<(number | null)[]>;
  readLexical(): Promise<LexicalRecord | null>;
  writeLexical(record: LexicalRecord): Promise<void>;
  commit(change: Change): Promise<void>;
  close(): void;
}
