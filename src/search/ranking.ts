/** @file A query → ordered passages: by vectors, by words, or by both lists together. Reads no texts. */
import type { SearchFilter, SearchMode } from "../search-types.ts";
import type { Contents } from "./contents.ts";
import { compileFilter } from "./filter.ts";
import { reciprocalRanks } from "./fuse.ts";

/** How much further than `topK` each list is looked at before they are joined; a hit of both may stand low in each. */
const DEPTH_FACTOR = 5;
const MIN_DEPTH = 100;

/**
 * A passage that has less of the query's words is found by its meaning alone: the "do" and "you" of a question are in
 * passages on anything, which the fusion would put before the answer. The example questions of the sample
 * libraries are held to their answers in a test.
 */
const MIN_COVERAGE = 0.4;

/** One passage of a list, best first. */
export interface Ranked {
  readonly id: number;
  readonly score: number;
}

/** A passage that words of the query were found in. */
export interface WordHit extends Ranked {
  /** Words of the passage that matched. */
  readonly terms: readonly string[];
  /** How much of the query that is, from 0 to 1. */
  readonly coverage: number;
}

/** The two ways to look, at most `limit` passages deep. */
export interface Lists {
  readonly semantic: ((limit: number) => Promise<Ranked[]>) | null;
  readonly lexical: ((limit: number) => WordHit[]) | null;
}

export interface RankingOptions {
  readonly topK: number;
  readonly perDocument: number;
}

export interface Ranking {
  readonly mode: SearchMode;
  readonly hits: readonly Ranked[];
  /** What was found by words, by passage. */
  readonly words: ReadonlyMap<number, WordHit>;
  readonly scanMs: number;
  readonly lexicalMs: number;
}

/** Which documents a filter lets through, by ordinal; `null`: all. */
export function allowedDocuments(contents: Contents, filter: SearchFilter | null): ReadonlySet<number> | null {
  if (filter === null) return null;
  const accepts = compileFilter(filter);
  const allowed = new Set<number>();
  for (const document of contents.list()) if (accepts(document)) allowed.add(document.ordinal);
  return allowed;
}

/** Looks deeper until there are enough hits of enough documents, or nothing more is found. */
export async function rank(lists: Lists, contents: Contents, { topK, perDocument }: RankingOptions): Promise<Ranking> {
  let scanMs = 0;
  let lexicalMs = 0;
  for (let depth = Math.max(MIN_DEPTH, DEPTH_FACTOR * topK); ; depth *= 4) {
    const startMs = performance.now();
    const words = lists.lexical?.(depth) ?? [];
    const wordsMs = performance.now();
    const near = (await lists.semantic?.(depth)) ?? [];
    lexicalMs += wordsMs - startMs;
    scanMs += performance.now() - wordsMs;
    const [mode, joined] = join(lists, near, words);
    const hits = spread(joined, contents, { topK, perDocument });
    const isExhausted = near.length < depth && words.length < depth;
    if (hits.length < topK && !isExhausted) continue;
    return { mode, hits, words: new Map(words.map((hit) => [hit.id, hit])), scanMs, lexicalMs };
  }
}

function join(lists: Lists, near: readonly Ranked[], words: readonly WordHit[]): [SearchMode, readonly Ranked[]] {
  if (lists.semantic === null) return ["lexical", words];
  if (lists.lexical === null) return ["semantic", near];
  const telling = words.filter(({ coverage }) => coverage >= MIN_COVERAGE);
  return ["hybrid", reciprocalRanks([near.map(({ id }) => id), telling.map(({ id }) => id)])];
}

/** The first `topK`, but no more than `perDocument` of any document. */
function spread(ranked: readonly Ranked[], contents: Contents, { topK, perDocument }: RankingOptions): Ranked[] {
  const taken = new Map<number, number>();
  const hits: Ranked[] = [];
  for (const hit of ranked) {
    if (hits.length === topK) break;
    const ordinal = contents.documentOf(hit.id)?.ordinal ?? -1;
    const count = taken.get(ordinal) ?? 0;
    if (count >= perDocument) continue;
    taken.set(ordinal, count + 1);
    hits.push(hit);
  }
  return hits;
}
