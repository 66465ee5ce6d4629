/** @file One search: a query in, hits with their texts out. */
import { EmbedError } from "../errors.ts";
import type { AskedQuery, SearchHit, SearchQuery, SearchRequest, SearchResult } from "../search-types.ts";
import type { Contents } from "./contents.ts";
import { checkSearchRequest } from "./document-input.ts";
import { mismatch } from "./mismatch.ts";
import { allowedDocuments, rank, type Lists, type Ranking } from "./ranking.ts";
import type { RecentPassages } from "./recent-passages.ts";
import type { VectorStore } from "./store/vector-store.ts";
import type { VectorSearch } from "./vector-search.ts";
import type { WordSearch } from "./word-search.ts";

/** What is searched. */
export interface AnswerSource {
  readonly contents: Contents;
  readonly near: VectorSearch;
  readonly words: WordSearch;
  readonly store: VectorStore;
  readonly recent: RecentPassages;
}

/** @throws {EmbedError} `invalid-input`; `index-mismatch` for a vector of other dimensions; `storage-busy`. */
export async function answer(asked: AskedQuery, sent: SearchRequest, source: AnswerSource): Promise<SearchResult> {
  const startMs = performance.now();
  const request = checkSearchRequest(sent);
  const { contents } = source;
  const query = findPassage(asked.query, contents);
  const vector = vectorOf(query, asked.vector, source);
  const allowed = allowedDocuments(contents, request.filter);
  const hasVectors = request.mode !== "lexical" && vector !== null && contents.vectors > 0;
  const meant = hasVectors ? vector : null;
  // Half of the words would be a wrong answer: without vectors it waits for them, with vectors it does without.
  if (meant === null) await source.words.ready;
  const lists = listsFor(query, { mode: request.mode, meant, allowed }, source);
  const ranking = await rank(lists, contents, request);
  const readMs = performance.now();
  const hits = await describe(ranking, meant, source);
  const endMs = performance.now();
  const { scanMs, lexicalMs, mode } = ranking;
  const timings = { embedMs: 0, scanMs, lexicalMs, readMs: endMs - readMs, totalMs: endMs - startMs };
  return { mode, hits, considered: countPassages(contents, allowed), timings };
}

type FoundQuery = Exclude<SearchQuery, { readonly documentId: string }>;

/** @throws {EmbedError} `invalid-input` for a passage that is not there. */
function findPassage(query: SearchQuery, contents: Contents): FoundQuery {
  if (typeof query === "string" || "vector" in query) return query;
  if ("documentId" in query) {
    const { documentId, passage } = query;
    const document = contents.byId(documentId);
    const isThere = document && Number.isInteger(passage) && passage >= 0 && passage < document.passages;
    if (isThere) return { passageId: document.firstPassage + passage };
    const message = `there is no passage ${passage} of a document ${JSON.stringify(documentId)}`;
    throw new EmbedError("invalid-input", message, { details: { documentId, passage } });
  }
  const { passageId } = query;
  if (contents.documentOf(passageId)) return query;
  throw new EmbedError("invalid-input", `there is no passage ${passageId}`, { details: { passageId } });
}

interface Meaning {
  readonly mode: NonNullable<SearchRequest["mode"]>;
  /** `null`: there is nothing to compare vectors with. */
  readonly meant: Float32Array | null;
  readonly allowed: ReadonlySet<number> | null;
}

function listsFor(query: FoundQuery, { mode, meant, allowed }: Meaning, { near, words }: AnswerSource): Lists {
  const self = typeof query === "object" && "passageId" in query ? query.passageId : null;
  const text = typeof query === "string" && mode !== "semantic" ? query : null;
  const semantic = async (limit: number) => {
    if (meant === null) return [];
    // One more, as a passage is always nearest to itself.
    const found = await near.search(meant, limit + 1, allowed);
    return found.filter(({ id }) => id !== self).slice(0, limit);
  };
  const lexical = (limit: number) => words.search(text ?? "", limit, allowed);
  return {
    semantic: meant !== null || text === null ? semantic : null,
    lexical: text === null || !words.isReady ? null : lexical,
  };
}

function countPassages(contents: Contents, allowed: ReadonlySet<number> | null): number {
  if (allowed === null) return contents.passages;
  return [...allowed].reduce((sum, ordinal) => sum + contents.byOrdinal(ordinal).passages, 0);
}

function vectorOf(query: FoundQuery, embedded: AskedQuery["vector"], source: AnswerSource): Float32Array | null {
  const vector =
    typeof query === "string" ? embedded : "vector" in query ? query.vector : vectorOfPassage(query.passageId, source);
  if (vector === null) return null;
  const { dimensions } = source.store.shape;
  if (dimensions > 0 && vector.length !== dimensions) throw mismatch("dimensions", dimensions, vector.length);
  const length = Math.hypot(...vector);
  if (length > 0 && length < Infinity) return vector;
  throw new EmbedError("invalid-input", `the query vector has length ${length}`, { details: { length } });
}

function vectorOfPassage(passageId: number, { contents, store }: AnswerSource): Float32Array | null {
  const row = contents.rowOf(passageId);
  return row === null ? null : store.read([row]);
}

async function describe(
  { hits, words, mode }: Ranking,
  vector: Float32Array | null,
  { recent, contents, near }: AnswerSource,
): Promise<SearchHit[]> {
  const ids = hits.map(({ id }) => id);
  const passages = await recent.read(ids);
  const cosines = vector ? near.cosines(vector, ids) : new Map<number, number>();
  return hits.flatMap(({ id, score }) => {
    const passage = passages.get(id);
    // It may have left while its text was read.
    const document = contents.documentOf(id);
    if (!passage || !document) return [];
    const { start, end, text, section } = passage;
    const found = words.get(id);
    const cosine = cosines.get(id) ?? null;
    return {
      passageId: id,
      documentId: document.id,
      passage: id - document.firstPassage,
      title: document.title,
      metadata: document.metadata,
      section,
      text,
      start,
      end,
      // The stored vectors', whatever the view says, so that a score is the same with every view.
      score: mode === "semantic" ? (cosine ?? score) : score,
      cosine,
      bm25: mode === "semantic" ? null : (found?.score ?? null),
      terms: found?.terms ?? [],
    };
  });
}
