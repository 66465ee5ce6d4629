/** @file Search by words: BM25 through MiniSearch. One id, three fields, no stored text. */
import MiniSearch from "minisearch";
import type { Options, SearchResult } from "minisearch";
import { EmbedError } from "../errors.ts";
import { TopK } from "./top-k.ts";
import { foldedWords, isUnspaced } from "./words.ts";

/** A passage, as words are searched in it. */
export interface LexicalEntry {
  /** An integer ≥ 0. */
  readonly id: number;
  /** "" where there is none. */
  readonly title: string;
  /** The section trail in one text; "" where there is none. */
  readonly section: string;
  readonly text: string;
}

export interface LexicalHit {
  readonly id: number;
  /** BM25, summed over words and fields. */
  readonly score: number;
  /** Words of the passage that matched, as `foldWord` writes them, ascending; those of every other passage ("the") only where no other did. */
  readonly terms: string[];
  /** How much of the query matched, from 0 to 1: a rare word is more of it than a common one. */
  readonly coverage: number;
}

export interface LexicalSearch {
  /** Most hits; an integer ≥ 1. */
  readonly limit: number;
  /** Which ids may be found. @default all */
  readonly accept?: (id: number) => boolean;
}

/** A word in the title tells more about a passage than one of its own hundred, one in a heading a little more. */
const FIELD_BOOSTS = { title: 2, section: 1.5, text: 1 };
/** Beginnings shorter than this fit a good part of all words: slow, and of no help. Words without spaces are short. */
const MIN_PREFIX_LENGTH = 3;
/** Shorter words are too near to other words to be taken for their misspelling. */
const MIN_FUZZY_LENGTH = 5;
/** Letters that may be missing, wrong or too many. */
const FUZZY_EDITS = 1;
/** A word that is in more of the passages than this says little. */
const COMMON_SHARE = 0.25;
/** Fewer take no time worth saving. */
const MIN_COMMON_PASSAGES = 1000;
/** In fewer passages a word may be in a quarter of them by chance. */
const MIN_TELLING_PASSAGES = 100;
const HAS_DIGIT = /\p{N}/u;

/**
 * Words are runs of letters and digits (of a dictionary, in scripts without spaces), compared without case and
 * diacritics. Any word of the query is enough to be found. The last word is also found as the beginning of a longer
 * one, since people type; a word that is nowhere in the index is found with one letter wrong.
 */
export class LexicalIndex {
  readonly #words: MiniSearch<LexicalEntry>;

  /** @param words - What the index is to stand on. @default nothing in it */
  constructor(words: MiniSearch<LexicalEntry> = new MiniSearch(indexOptions())) {
    this.#words = words;
  }

  /**
   * Blocks the thread, about 0.4 s for 10,000 passages of 100 words.
   *
   * @param text - What `toSnapshot` returned.
   * @throws {EmbedError} `invalid-input` for anything else.
   */
  static fromSnapshot(text: string): LexicalIndex {
    try {
      return new LexicalIndex(MiniSearch.loadJSON<LexicalEntry>(text, indexOptions()));
    } catch (cause) {
      throw notASnapshot(cause);
    }
  }

  /** `fromSnapshot` in small steps, between which other work gets its turn; takes longer. */
  static async fromSnapshotInSteps(text: string): Promise<LexicalIndex> {
    try {
      return new LexicalIndex(await MiniSearch.loadJSONAsync<LexicalEntry>(text, indexOptions()));
    } catch (cause) {
      throw notASnapshot(cause);
    }
  }

  /** Entries in the index. */
  get size(): number {
    return this.#words.documentCount;
  }

  /** An entry whose id is there already takes its place. */
  add(entries: readonly LexicalEntry[]): void {
    this.remove(entries.map(({ id }) => id));
    this.#words.addAll(entries);
  }

  /** Ids that are not there are passed over. Their words are swept out later, bit by bit, once they are a tenth of all. */
  remove(ids: readonly number[]): void {
    const present = [...new Set(ids)].filter((id) => this.#words.has(id));
    if (present.length > 0) this.#words.discardAll(present);
  }

  /**
   * Words that are in over a quarter of all passages and over a thousand ("the") find nothing by themselves where
   * another word of the query finds `limit` passages: they only add to the score. It saves most of the time.
   *
   * @returns Best first; equal scores by ascending id.
   */
  search(query: string, { limit, accept = () => true }: LexicalSearch): LexicalHit[] {
    const words = [...new Set(foldedWords(query))];
    const last = words.at(-1);
    if (last === undefined) return [];
    const counts = this.#countPassages(words, last);
    const isThere = (word: string): boolean =>
      counts.has(word) || (word === last && [...counts.keys()].some((term) => term.startsWith(word)));
    const fuzzy = new Set(words.filter((word) => mayBeMisspelled(word) && !isThere(word)));
    const most = Math.max(MIN_COMMON_PASSAGES, this.size * COMMON_SHARE);
    const common = new Set([...counts.keys()].filter((term) => counts.get(term)! > most));
    // Rare words first: what they find is known when the common ones come.
    const sorted = words.toSorted((a, b) => Number(common.has(a)) - Number(common.has(b)));
    const found = new Set<number>();
    const accepts = (id: number, term: string): boolean => {
      if (common.has(term)) return found.size < limit || found.has(id) ? accept(id) : false;
      if (!accept(id)) return false;
      found.add(id);
      return true;
    };
    const results = this.#find(sorted, { last, fuzzy, accepts });
    const weights = this.#weigh(words, counts);
    return best(results, limit).map(({ id, score, terms, queryTerms }) => {
      const coverage = weightOf(queryTerms, weights) / weightOf(words, weights);
      const telling = terms.filter((term) => !this.#isEverywhere(counts.get(term) ?? 0));
      return { id: id as number, score, terms: (telling.length > 0 ? telling : terms).sort(), coverage };
    });
  }

  /** The whole index as one text, for `fromSnapshot`. */
  toSnapshot(): string {
    return JSON.stringify(this.#words);
  }

  /** Whether a word of so many passages tells nothing about any of them. */
  #isEverywhere(passages: number): boolean {
    return this.size >= MIN_TELLING_PASSAGES && passages > this.size * COMMON_SHARE;
  }

  /** @returns By word of the index that the query finds as it is written: about how many passages have it. */
  #countPassages(words: readonly string[], last: string): Map<string, number> {
    const counts = new Map<string, number>();
    const accepts = (_id: number, term: string): boolean => {
      counts.set(term, (counts.get(term) ?? 0) + 1);
      return false;
    };
    this.#find(words, { last, fuzzy: new Set(), accepts });
    return counts;
  }

  /** @returns By word of the query: how rare it is, as BM25 has it; most of all one that is nowhere. */
  #weigh(words: readonly string[], counts: ReadonlyMap<string, number>): Map<string, number> {
    return new Map(
      words.map((word) => {
        const passages = Math.min(counts.get(word) ?? 0, this.size);
        return [word, Math.log(1 + (this.size - passages + 0.5) / (passages + 0.5))];
      }),
    );
  }

  #find(words: readonly string[], { last, fuzzy, accepts }: Finding): SearchResult[] {
    // Distinct, folded words: nothing is left for MiniSearch to take apart.
    return this.#words.search(words.join(" "), {
      tokenize: () => [...words],
      prefix: (word) => word === last && (word.length >= MIN_PREFIX_LENGTH || isUnspaced(word)),
      fuzzy: (word) => (fuzzy.has(word) ? FUZZY_EDITS : false),
      // Left out here, a passage costs nothing; by `filter` it would have been scored before.
      boostDocument: (id, term) => (accepts(id as number, term) ? 1 : 0),
    });
  }
}

interface Finding {
  /** The word that may be the beginning of a longer one. */
  readonly last: string;
  /** Words that may be misspelled. */
  readonly fuzzy: ReadonlySet<string>;
  /** Asked for every passage that has `term`, word by word. */
  readonly accepts: (id: number, term: string) => boolean;
}

function indexOptions(): Options<LexicalEntry> {
  return {
    fields: ["title", "section", "text"],
    tokenize: foldedWords,
    processTerm: (word) => word,
    searchOptions: { boost: FIELD_BOOSTS, combineWith: "OR" },
  };
}

function weightOf(words: readonly string[], weights: ReadonlyMap<string, number>): number {
  return words.reduce((sum, word) => sum + (weights.get(word) ?? 0), 0);
}

function mayBeMisspelled(word: string): boolean {
  return word.length >= MIN_FUZZY_LENGTH && !HAS_DIGIT.test(word) && !isUnspaced(word);
}

/** @param results - Best first. */
function best(results: readonly SearchResult[], limit: number): SearchResult[] {
  const top = new TopK(limit);
  const byId = new Map<number, SearchResult>();
  for (const result of results) {
    // MiniSearch multiplies by the number of words that matched, so that "where is the" would stand before "lathe".
    result.score /= Math.max(1, result.queryTerms.length);
    byId.set(result.id as number, result);
    top.offer(result.id as number, result.score);
  }
  return top.toSorted().map(({ row }) => byId.get(row)!);
}

function notASnapshot(cause: unknown): EmbedError {
  return new EmbedError("invalid-input", `not a snapshot of a lexical index: ${String(cause)}`, { cause });
}
