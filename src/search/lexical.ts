/** @file Search by words: BM25 through MiniSearch. One id, three fields, no stored text. */
import MiniSearch from "minisearch";
import type { Options, SearchResult } from "minisearch";
import { EmbedError } from "../errors.ts";
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
  /** BM25, summed over words and fields, times the number of the query's words that are in the passage. */
  readonly score: number;
  /** Words of the passage that matched, as `foldWord` writes them, ascending. */
  readonly terms: string[];
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
   * Blocks the thread, about 0.1 s for 10,000 passages.
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

  /** @returns Best first; equal scores by ascending id. */
  search(query: string, { limit, accept = () => true }: LexicalSearch): LexicalHit[] {
    const words = [...new Set(foldedWords(query))];
    const asWritten = this.#find(words, accept, new Set());
    const misspelled = asWritten.missing.filter(mayBeMisspelled);
    const found = misspelled.length === 0 ? asWritten : this.#find(words, accept, new Set(misspelled));
    return best(found.results, limit).map(({ id, score, terms }) => ({ id: id as number, score, terms: terms.sort() }));
  }

  /** The whole index as one text, for `fromSnapshot`. */
  toSnapshot(): string {
    return JSON.stringify(this.#words);
  }

  #find(words: readonly string[], accept: (id: number) => boolean, fuzzy: ReadonlySet<string>) {
    const missing = new Set(words);
    // Distinct, folded words: nothing is left for MiniSearch to take apart.
    const results = this.#words.search(words.join(" "), {
      tokenize: () => [...words],
      prefix: (word, place) => place === words.length - 1 && (word.length >= MIN_PREFIX_LENGTH || isUnspaced(word)),
      fuzzy: (word) => (fuzzy.has(word) ? FUZZY_EDITS : false),
      filter: ({ id, queryTerms }) => {
        if (missing.size > 0) for (const word of queryTerms) missing.delete(word);
        return accept(id as number);
      },
    });
    return { results, missing: [...missing] };
  }
}

function indexOptions(): Options<LexicalEntry> {
  return {
    fields: ["title", "section", "text"],
    tokenize: foldedWords,
    processTerm: (word) => word,
    searchOptions: { boost: FIELD_BOOSTS, combineWith: "OR" },
  };
}

function mayBeMisspelled(word: string): boolean {
  return word.length >= MIN_FUZZY_LENGTH && !HAS_DIGIT.test(word) && !isUnspaced(word);
}

/** @param results - Best first. */
function best(results: readonly SearchResult[], limit: number): SearchResult[] {
  const last = results[Math.min(limit, results.length) - 1];
  if (!last) return [];
  // MiniSearch leaves open which of equal ones come first: those at the cut are all looked at.
  let end = limit;
  while (results[end]?.score === last.score) end++;
  const candidates = results.slice(0, end).sort((a, b) => b.score - a.score || a.id - b.id);
  return candidates.slice(0, limit);
}

function notASnapshot(cause: unknown): EmbedError {
  return new EmbedError("invalid-input", `not a snapshot of a lexical index: ${String(cause)}`, { cause });
}
