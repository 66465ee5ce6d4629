/** @file The sample libraries that come with the page: what is in them, and what is said about them. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { SearchDocument } from "../../src/search-types.ts";
import { BOOKS, chapterDocuments } from "./books.ts";
import { passageDocuments } from "./passages.ts";

/** Where the libraries are served from, and where `libraries.json` lists them. */
export const SHIPPED = new URL("../../public/samples/", import.meta.url);
const TEXTS = new URL("texts/", import.meta.url);

/** What is written by hand. */
export interface LibrarySource {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly licence: string;
  /** Whether the page has it from the first visit on. */
  readonly builtIn: boolean;
  /** What the built-in model finds good answers to. */
  readonly questions: readonly string[];
  /** All that goes into its documents. */
  readonly sources: readonly URL[];
  /** Made of the contents of `sources`, in their order. */
  documents(contents: readonly string[]): SearchDocument[];
}

/** An entry of `libraries.json`. */
export interface ShippedLibrary extends Pick<
  LibrarySource,
  "id" | "title" | "description" | "licence" | "builtIn" | "questions"
> {
  /** Name of the index file, beside `libraries.json`. */
  readonly file: string;
  readonly bytes: number;
  readonly documents: number;
  readonly passages: number;
  /** Embedding-space id of its vectors. */
  readonly space: string;
  /** SHA-256 of the documents that it was built from, in hexadecimal. */
  readonly sourceSha256: string;
}

const QUESTIONS = JSON.parse(readFileSync(new URL("questions.json", SHIPPED), "utf8")) as {
  readonly questions: readonly { readonly query: string; readonly suggested: boolean }[];
};

/** Two rows of chips on a wide screen. */
export const QUESTION_COUNT = 6;

const GENERAL = "General knowledge";
const CLASSICS = "Classics";

export const LIBRARIES: readonly LibrarySource[] = [
  {
    id: "general",
    title: GENERAL,
    description:
      "498 short passages on animals, history, science, cooking, the law and much else, written for this page.",
    licence: "CC0-1.0",
    builtIn: true,
    questions: QUESTIONS.questions
      .filter(({ suggested }) => suggested)
      .slice(0, QUESTION_COUNT)
      .map(({ query }) => query),
    sources: [new URL("passages.json", SHIPPED)],
    documents: ([passages]) => passageDocuments(passages!, GENERAL),
  },
  {
    id: "classics",
    title: CLASSICS,
    description:
      "Four books, chapter by chapter: Darwin's voyage on the Beagle, the Adventures of Sherlock Holmes, Slocum alone around the world, the Meditations of Marcus Aurelius.",
    licence: "Public domain",
    builtIn: false,
    questions: [
      "Why are the birds so tame on the Galapagos Islands?",
      "A precious stone found in a goose",
      "Meeting a whale at sea",
      "How do we forgive those who do us wrong?",
      "Which towns were destroyed by the earthquake?",
      "Is it worth seeking fame?",
    ],
    sources: BOOKS.map(({ id }) => new URL(`${id}.txt`, TEXTS)),
    documents: (texts) => BOOKS.flatMap((book, at) => chapterDocuments(book, texts[at]!, CLASSICS)),
  },
];

/** A library's documents, in their order. */
export function readDocuments({ sources, documents }: LibrarySource): SearchDocument[] {
  return documents(sources.map((source) => readFileSync(source, "utf8")));
}

/** @returns SHA-256 of what is embedded and kept, in hexadecimal. */
export function fingerprint(documents: readonly SearchDocument[]): string {
  return createHash("sha256").update(JSON.stringify(documents)).digest("hex");
}

/** Entries of `libraries.json`. */
export function readShipped(): ShippedLibrary[] {
  return JSON.parse(readFileSync(new URL("libraries.json", SHIPPED), "utf8")) as ShippedLibrary[];
}
