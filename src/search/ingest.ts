/** @file Documents → passages that are kept. Unchanged documents are passed over, and vectors of unchanged passages taken over. */
import { throwIfAborted } from "../errors.ts";
import { sha256Hex } from "../sha256.ts";
import type { AddProgress, AddResult, Passage, PassageOptions, SearchDocument } from "../search-types.ts";
import type { CallHooks } from "../types.ts";
import { passageInput, splitDocument, type CountTokens } from "./passages.ts";
import type { DocumentEntryRecord, DocumentRecord, PassageRecord } from "./store/records.ts";

/** A transaction for fewer costs more than what it holds; one for more holds up a search, and loses more in a crash. */
export const GROUP_PASSAGES = 256;
const GROUP_DOCUMENTS = 64;

/**
 * Most tokens of a passage, whatever was asked for: a model reads 32,768, the estimate may be a tenth below the truth, and
 * title and section trail come before the text.
 */
const WHOLE_TOKENS = 28_000;

/** A document that has been split, and has no numbers yet. */
export interface SplitDocument {
  readonly source: SearchDocument;
  readonly hash: string;
  readonly passages: readonly Omit<PassageRecord, "id" | "document">[];
  /** Of each passage, where it brings one; `[dimensions]`, of the space that it is kept with. @default none */
  readonly vectors?: readonly (Float32Array | null)[];
}

/** What vectors are of. */
export interface VectorSpace {
  readonly space: string;
  readonly dimensions: number;
}

/** Who keeps them. */
export interface IngestTarget {
  /** How documents are split, and by whose tokens. */
  readonly options: Required<PassageOptions>;
  readonly countTokens: CountTokens;
  hashOf(documentId: string): string | null;
  /** Keeps documents in place of those with the same ids. @returns Vectors that were taken over. */
  keep(documents: readonly SplitDocument[]): Promise<number>;
}

/**
 * Splits and keeps documents, some at a time.
 *
 * @throws {EmbedError} `storage-full`, `storage-busy`; `aborted`. What was kept by then stays.
 */
export async function ingest(
  documents: readonly SearchDocument[],
  target: IngestTarget,
  { signal, onProgress }: CallHooks<AddProgress>,
): Promise<AddResult> {
  const result = { added: 0, unchanged: 0, passages: 0, reused: 0 };
  let group: SplitDocument[] = [];
  let groupPassages = 0;
  const flush = async (): Promise<void> => {
    if (group.length === 0) return;
    const kept = group;
    group = [];
    groupPassages = 0;
    result.reused += await target.keep(kept);
    result.added += kept.length;
    result.passages += kept.reduce((sum, { passages }) => sum + passages.length, 0);
    const done = result.added + result.unchanged;
    onProgress?.({
      doneDocuments: done,
      totalDocuments: documents.length,
      donePassages: result.passages,
      totalPassages: result.passages,
    });
  };
  for (const document of documents) {
    throwIfAborted(signal);
    const hash = await documentHash(document, target.options);
    if (target.hashOf(document.id) === hash) {
      result.unchanged++;
      continue;
    }
    const passages = await splitHashed(document, target);
    group.push({ source: document, hash, passages });
    groupPassages += passages.length;
    if (groupPassages >= GROUP_PASSAGES || group.length >= GROUP_DOCUMENTS) await flush();
  }
  throwIfAborted(signal);
  await flush();
  return result;
}

/** Of all that was added, and of how it was split. */
async function documentHash(document: SearchDocument, options: Required<PassageOptions>): Promise<string> {
  const { text, title, headings, format, metadata } = document;
  return sha256(JSON.stringify([text, title, headings, format, metadata, options.maxTokens, options.overlapTokens]));
}

async function splitHashed(document: SearchDocument, target: IngestTarget): Promise<SplitDocument["passages"]> {
  const { maxTokens, overlapTokens } = target.options;
  const options = { overlapTokens, maxTokens: Math.min(maxTokens, WHOLE_TOKENS) };
  const passages = await splitDocument(document, options, target.countTokens);
  return Promise.all(passages.map(async (passage) => ({ ...passage, hash: await passageHash(document, passage) })));
}

/** Of what the model reads. */
export function passageHash(document: SearchDocument, passage: Passage): Promise<string> {
  return sha256(passageInput(document, passage));
}

/** Numbers for documents on their way in. */
export function numberDocuments(
  documents: readonly SplitDocument[],
  next: { readonly ordinal: number; readonly passageId: number },
  addedAt: number,
): DocumentEntryRecord[] {
  let { ordinal, passageId } = next;
  return documents.map(({ source, hash, passages }) => {
    const document: DocumentRecord = {
      ordinal: ordinal++,
      id: source.id,
      title: source.title ?? null,
      metadata: source.metadata ?? {},
      hash,
      firstPassage: passageId,
      passages: passages.length,
      length: source.text.length,
      addedAt,
    };
    const body = { text: source.text, headings: source.headings ?? null, format: source.format ?? ("plain" as const) };
    const numbered = passages.map((passage) => ({ ...passage, id: passageId++, document: document.ordinal }));
    return { document, body, passages: numbered };
  });
}

/** As 32 hex digits: 128 bits are enough to tell texts of one index apart. */
async function sha256(text: string): Promise<string> {
  return (await sha256Hex(new TextEncoder().encode(text))).slice(0, 32);
}
