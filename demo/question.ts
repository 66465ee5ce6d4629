/** @file A question with all that its answer depends on, and what the search index is asked for it. Pure. */
import type { Metadata, SearchMode, SearchOptions, SearchQuery } from "../src/index.ts";

/** As many as anyone reads. */
export const TOP_K = 10;

/** Fields of a document's metadata that can be filtered by, in the order in which they are offered. */
export const FACETS = ["library", "author", "work", "subject", "source", "folder", "type"] as const;
export type Facet = (typeof FACETS)[number];

/** Chosen values by field: any of them will do, and every field counts. */
export type Filters = Readonly<Partial<Record<Facet, readonly string[]>>>;

/** The passage that others are to be like. */
export interface LikePassage {
  readonly documentId: string;
  /** Its number in the document. */
  readonly passage: number;
}

export interface Question {
  /** As typed. */
  readonly query: string;
  /** Taken in place of the query. */
  readonly like: LikePassage | null;
  readonly mode: SearchMode;
  /** What counts as similar; `null`: what the model is made for. */
  readonly instruction: string | null;
  readonly filters: Filters;
  /** Whether one passage of each document is enough. */
  readonly bestOnly: boolean;
}

/** Nothing asked yet. */
export const NO_QUESTION: Question = {
  query: "",
  like: null,
  mode: "hybrid",
  instruction: null,
  filters: {},
  bestOnly: false,
};

/** Whether there is nothing to search for. */
export function isBlank({ query, like }: Question): boolean {
  return like === null && query.trim() === "";
}

/** Two questions with the same key have the same answer. */
export function keyOf(question: Question): string {
  const { query, like, mode, instruction, filters, bestOnly } = question;
  return JSON.stringify([
    query,
    like?.documentId,
    like?.passage,
    mode,
    instruction,
    Object.entries(filters).sort(),
    bestOnly,
  ]);
}

/** What is searched for: the passage where there is one, else the words. */
export function toQuery({ query, like }: Question): SearchQuery {
  return like === null ? query : { documentId: like.documentId, passage: like.passage };
}

/** How it is searched; what is the default is left out. A passage is compared by its meaning: it is one long query of words. */
export function toSearchOptions(question: Question): SearchOptions {
  const { like, mode, instruction, filters, bestOnly } = question;
  const metadata = Object.fromEntries(Object.entries(filters).filter(([, values]) => values.length > 0));
  return {
    topK: TOP_K,
    mode: like === null ? mode : "semantic",
    ...(Object.keys(metadata).length > 0 && { filter: { metadata } }),
    ...(bestOnly && { perDocument: 1 }),
    ...(instruction !== null && like === null && mode !== "lexical" && { instruction }),
  };
}

/** The filters with one value more, or without it where it was chosen already. */
export function toggleFilter(filters: Filters, facet: Facet, value: string): Filters {
  const chosen = filters[facet] ?? [];
  const next = chosen.includes(value) ? chosen.filter((other) => other !== value) : [...chosen, value];
  const entries = Object.entries({ ...filters, [facet]: next });
  return Object.fromEntries(entries.filter(([, values]) => values.length > 0));
}

/** A value that can be chosen. */
export interface FacetValue {
  readonly value: string;
  readonly documents: number;
}

export interface FacetValues {
  readonly facet: Facet;
  /** Most frequent first. */
  readonly values: readonly FacetValue[];
}

/** More would be a list to search in, not one to choose from. */
const MAX_VALUES = 100;

/** Fields by which these documents differ, with how many have each value; those with too many values are left out. */
export function countFacets(documents: readonly { readonly metadata: Metadata }[]): FacetValues[] {
  return FACETS.flatMap((facet) => {
    const counts = new Map<string, number>();
    for (const { metadata } of documents) {
      const value = metadata[facet];
      if (typeof value === "string" && value !== "") counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    // One value that all have in common divides nothing.
    const divides = counts.size > 1 || (counts.size === 1 && [...counts.values()][0]! < documents.length);
    if (!divides || counts.size > MAX_VALUES) return [];
    const values = [...counts].map(([value, count]) => ({ value, documents: count }));
    return [{ facet, values: values.sort((a, b) => b.documents - a.documents || a.value.localeCompare(b.value)) }];
  });
}
