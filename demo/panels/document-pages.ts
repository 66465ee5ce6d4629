/** @file A long list of documents: what of it matches, a page at a time. Pure. */
import type { DocumentEntry } from "../../src/index.ts";

/** A page of the list: quick to render, short enough to look through. */
export const PAGE_SIZE = 50;

/** Below this a list is seen whole, and needs no search. */
export const SEARCHED_FROM = 12;

export interface DocumentPage {
  readonly entries: readonly DocumentEntry[];
  /** From 0; the last one where fewer are there than were asked for. */
  readonly page: number;
  readonly pages: number;
  /** That match. */
  readonly matches: number;
}

/** Title, or where there is none the id. */
export function nameOf({ title, id }: Pick<DocumentEntry, "title" | "id">): string {
  return title ?? id;
}

/** Documents whose name or id has all words of `query` in it; newest first. */
export function matchDocuments(documents: readonly DocumentEntry[], query: string): DocumentEntry[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = documents.filter((entry) => {
    const text = `${entry.title ?? ""} ${entry.id}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  return matches.reverse();
}

/** @param page - From 0. */
export function pageOf(matches: readonly DocumentEntry[], page: number): DocumentPage {
  const pages = Math.max(1, Math.ceil(matches.length / PAGE_SIZE));
  const at = Math.min(page, pages - 1);
  const entries = matches.slice(at * PAGE_SIZE, (at + 1) * PAGE_SIZE);
  return { entries, page: at, pages, matches: matches.length };
}
