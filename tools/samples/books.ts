/** @file The books of the sample library "classics", and their chapters as documents. Pure. */
import type { Heading, Metadata, SearchDocument } from "../../src/search-types.ts";

/** A book whose text lies in `tools/samples/texts`. */
export interface Book {
  /** Name of the text's file without its ending, and start of its documents' ids. */
  readonly id: string;
  readonly work: string;
  readonly author: string;
  /** Year in which the original was first published, or written. */
  readonly year: number;
  readonly subject: string;
}

/** Read and proved on the most different matters: travel and nature, crime, the sea, how to live. */
export const BOOKS: readonly Book[] = [
  {
    id: "the-voyage-of-the-beagle",
    work: "The Voyage of the Beagle",
    author: "Charles Darwin",
    year: 1839,
    subject: "natural history",
  },
  {
    id: "the-adventures-of-sherlock-holmes",
    work: "The Adventures of Sherlock Holmes",
    author: "Arthur Conan Doyle",
    year: 1892,
    subject: "detective stories",
  },
  {
    id: "sailing-alone-around-the-world",
    work: "Sailing Alone Around the World",
    author: "Joshua Slocum",
    year: 1900,
    subject: "seafaring",
  },
  { id: "meditations", work: "Meditations", author: "Marcus Aurelius", year: 180, subject: "philosophy" },
];

/** A number before a title that says more. */
const NUMBERED = /^[IVXL]+: /;

/** Titles that say nothing without the work's. */
const BARE = /^(Book )?[IVXL]+$|^Appendix$/;

/** At the beginning of a line: a chapter begins. */
const CHAPTER = /^# /m;

/**
 * One document for each chapter.
 *
 * @param text - `# ` begins the line of a chapter's title, `## ` that of a section's; paragraphs are an empty line apart.
 * @param library - Into `metadata.library`.
 */
export function chapterDocuments(book: Book, text: string, library: string): SearchDocument[] {
  const [, ...chapters] = text.split(CHAPTER);
  return chapters.map((chapter, at) => {
    const lineEnd = chapter.indexOf("\n");
    const { author, work, year, subject } = book;
    const metadata: Metadata = { library, author, work, year, subject, chapter: at + 1 };
    const title = chapterTitle(work, chapter.slice(0, lineEnd));
    return { id: `${book.id}/${at + 1}`, title, metadata, ...withHeadings(chapter.slice(lineEnd).trim()) };
  });
}

function chapterTitle(work: string, printed: string): string {
  return BARE.test(printed) ? `${work}: ${printed}` : printed.replace(NUMBERED, "");
}

/** Takes the marks off section titles, and says where they stand. */
function withHeadings(marked: string): { text: string; headings: Heading[] } {
  const headings: Heading[] = [];
  let text = "";
  for (const paragraph of marked.split("\n\n")) {
    if (text !== "") text += "\n\n";
    const isHeading = paragraph.startsWith("## ");
    const shown = isHeading ? paragraph.slice(3) : paragraph;
    if (isHeading) headings.push({ start: text.length, end: text.length + shown.length, level: 1 });
    text += shown;
  }
  return { text, headings };
}
