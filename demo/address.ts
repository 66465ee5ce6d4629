/** @file Question and place ↔ the parameters of the page's address. Pure; what is not understood is taken for the default. */
import type { SearchMode } from "../src/index.ts";
import { FACETS, NO_QUESTION } from "./question.ts";
import type { Filters, LikePassage, Question } from "./question.ts";

/** Of the main column. */
export type View = "results" | "map";

/** A document that is open, and the passage it was opened at. */
export interface DocumentPlace {
  readonly documentId: string;
  /** UTF-16 offsets in the document's text, end exclusive. */
  readonly start: number;
  readonly end: number;
}

/** What a link to the page carries. */
export interface Address {
  readonly question: Question;
  readonly view: View;
  /** `null` while none is open. */
  readonly place: DocumentPlace | null;
}

/** As people read them in a link. */
const MODES: Readonly<Record<SearchMode, string>> = { hybrid: "both", semantic: "meaning", lexical: "words" };

/** Parameters of this file; what else stands in the address is left alone. */
const OWN = ["q", "like", "mode", "as", "best", "view", "doc", "at", ...FACETS] as const;

/** Longer ones are nobody's question; browsers cut addresses, too. */
const MAX_INSTRUCTION_CHARACTERS = 500;

/**
 * What the address asks for.
 *
 * @param search - The page's query string, with or without `?`.
 */
export function readAddress(search: string): Address {
  const parameters = new URLSearchParams(search);
  const mode = (Object.keys(MODES) as SearchMode[]).find((name) => MODES[name] === parameters.get("mode"));
  const instruction = parameters.get("as")?.trim().slice(0, MAX_INSTRUCTION_CHARACTERS);
  return {
    question: {
      query: parameters.get("q") ?? "",
      like: readLike(parameters.get("like")),
      mode: mode ?? NO_QUESTION.mode,
      instruction: instruction ? instruction : null,
      filters: readFilters(parameters),
      bestOnly: parameters.get("best") === "1",
    },
    view: parameters.get("view") === "map" ? "map" : "results",
    place: readPlace(parameters),
  };
}

/**
 * The query string of an address; defaults are left out.
 *
 * @param search - The present one: parameters that are not of this file stay.
 * @returns With `?`, or `""`.
 */
export function writeAddress({ question, view, place }: Address, search: string): string {
  const parameters = new URLSearchParams(search);
  for (const name of OWN) parameters.delete(name);
  const { query, like, mode, instruction, filters, bestOnly } = question;
  if (query !== "") parameters.set("q", query);
  if (like !== null) parameters.set("like", `${like.documentId}:${like.passage}`);
  if (mode !== NO_QUESTION.mode) parameters.set("mode", MODES[mode]);
  if (instruction !== null) parameters.set("as", instruction);
  for (const facet of FACETS) for (const value of filters[facet] ?? []) parameters.append(facet, value);
  if (bestOnly) parameters.set("best", "1");
  if (view !== "results") parameters.set("view", view);
  if (place !== null) {
    parameters.set("doc", place.documentId);
    parameters.set("at", `${place.start}-${place.end}`);
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

function readLike(value: string | null): LikePassage | null {
  const [, documentId, passage] = /^(.+):(\d{1,9})$/s.exec(value ?? "") ?? [];
  return documentId === undefined ? null : { documentId, passage: Number(passage) };
}

function readFilters(parameters: URLSearchParams): Filters {
  const chosen = FACETS.map((facet) => [facet, [...new Set(parameters.getAll(facet))].filter(Boolean)] as const);
  return Object.fromEntries(chosen.filter(([, values]) => values.length > 0));
}

function readPlace(parameters: URLSearchParams): DocumentPlace | null {
  const documentId = parameters.get("doc");
  if (documentId === null || documentId === "") return null;
  const [, start = "0", end = "0"] = /^(\d{1,9})-(\d{1,9})$/.exec(parameters.get("at") ?? "") ?? [];
  return { documentId, start: Number(start), end: Math.max(Number(start), Number(end)) };
}
