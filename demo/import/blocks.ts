/** @file Blocks → a document's text with the exact places of its headings. Pure. */
import type { Heading } from "../../src/index.ts";
import { cleanLine, cleanLines } from "./clean.ts";
import { MAX_DOCUMENT_CHARACTERS } from "./limits.ts";
import { Refusal } from "./outcome.ts";
import { importStrings } from "../import-strings.ts";

/** Paragraphs, or a heading; `level` 0 is no heading, 1 the highest. Not yet cleaned. */
export interface Block {
  readonly text: string;
  readonly level: number;
}

/** What a reader makes of a file that is one document. */
export interface ReadText {
  /** `null` where the file names none: then its name serves. */
  readonly title: string | null;
  readonly blocks: readonly Block[];
  /** Beyond source, folder and type. */
  readonly metadata?: Readonly<Record<string, string | number | boolean>>;
}

/** Cleans blocks and joins what is left of them with blank lines; a heading is a line of its own. */
export function assembleText(blocks: readonly Block[]): { readonly text: string; readonly headings: Heading[] } {
  const headings: Heading[] = [];
  const pieces: string[] = [];
  let length = 0;
  for (const { text, level } of blocks) {
    const piece = level > 0 ? cleanLine(text) : cleanLines(text);
    if (piece === "") continue;
    const start = length === 0 ? 0 : length + SEPARATOR.length;
    if (level > 0) headings.push({ start, end: start + piece.length, level });
    length = start + piece.length;
    if (length > MAX_DOCUMENT_CHARACTERS) throw new Refusal("too-large", importStrings.details.tooLong);
    pieces.push(piece);
  }
  return { text: pieces.join(SEPARATOR), headings };
}

const SEPARATOR = "\n\n";
