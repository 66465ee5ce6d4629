/** @file A visitor's files → passages that fit a result card, or the reason why not. Pure but for reading the file. */

import { cleanText } from "../src/index.ts";
import type { CleanOptions } from "../src/index.ts";

/** Files come from anywhere: what is shown and embedded is their prose, on one line. */
const CLEAN: CleanOptions = { stripHtml: true, collapseWhitespace: true, stripControls: true };

/** Half a page: long enough to carry its context, short enough to read in a list. */
export const MAX_PASSAGE_WORDS = 200;
/** Bounds scripts without spaces, where a paragraph is one "word". */
export const MAX_PASSAGE_CHARACTERS = 1500;
/** Shorter paragraphs are joined with the next, so that a list or a dialogue is not cut to crumbs. */
const MIN_PASSAGE_WORDS = 40;
/** About 300,000 words: minutes of indexing with the built-in model on WebAssembly. */
export const MAX_FILE_BYTES = 2 * 1024 * 1024;

/** What the file chooser offers; other files are refused by name before they are read. */
export const TEXT_EXTENSIONS = [".txt", ".text", ".md", ".markdown", ".html", ".htm"] as const;

const HTML_EXTENSION = /\.html?$/i;
/** A tag or the start of a comment. A `<` inside a tag ends it, so that no input makes the search quadratic. */
const TAG = /<!--|<(\/?)([a-z][a-z0-9]*)\b[^<>]*>/gi;
/** Elements whose content is not prose. */
const UNREAD = new Set(["head", "noscript", "script", "style", "svg", "template"]);
const BLOCKS = new Set(
  (
    "address article aside blockquote body dd div dl dt fieldset figcaption figure footer form header hr li main nav ol " +
    "p pre section table tbody td tfoot th thead tr ul"
  ).split(" "),
);
const HEADING = /^#{1,6}\s+(\S.*)$/;

/** A part of a file; `heading` is the last heading before it, if any. */
export interface ImportedPassage {
  readonly heading: string | null;
  readonly text: string;
}

export type RefusalReason = "not-a-text-type" | "too-large" | "unreadable" | "binary" | "not-utf8" | "empty";

export type ImportOutcome =
  | { readonly name: string; readonly passages: readonly ImportedPassage[] }
  | { readonly name: string; readonly refused: RefusalReason };

/** The part of `File` that is needed. */
export interface FileSource {
  readonly name: string;
  readonly size: number;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/**
 * Reads a file and splits it; never rejects.
 *
 * @param file - From a file chooser or a drop (a dropped folder is `unreadable`).
 */
export async function readImport(file: FileSource): Promise<ImportOutcome> {
  const { name } = file;
  if (!TEXT_EXTENSIONS.some((extension) => name.toLowerCase().endsWith(extension)))
    return { name, refused: "not-a-text-type" };
  if (file.size > MAX_FILE_BYTES) return { name, refused: "too-large" };
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(await file.arrayBuffer());
  } catch {
    return { name, refused: "unreadable" };
  }
  const decoded = decodeText(bytes);
  if ("refused" in decoded) return { name, refused: decoded.refused };
  const markdown = HTML_EXTENSION.test(name) ? htmlToParagraphs(decoded.text) : decoded.text;
  const passages = splitPassages(markdown);
  return passages.length > 0 ? { name, passages } : { name, refused: "empty" };
}

/**
 * Bytes as text: UTF-8, or UTF-16 with its byte order mark. Anything else is refused, since a wrong guess would be
 * indexed as noise.
 */
export function decodeText(bytes: Uint8Array): { readonly text: string } | { readonly refused: RefusalReason } {
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  const encoding = !utf16 ? "utf-8" : bytes[0] === 0xff ? "utf-16le" : "utf-16be";
  if (!utf16 && bytes.includes(0)) return { refused: "binary" };
  try {
    return { text: new TextDecoder(encoding, { fatal: true }).decode(bytes) };
  } catch {
    return { refused: "not-utf8" };
  }
}

/** HTML with its block elements turned to blank lines and its headings to `#` lines; inline tags and entities stay for `cleanText`. */
function htmlToParagraphs(html: string): string {
  const parts: string[] = [];
  let position = 0;
  let inHeading = false;
  for (const tag of html.matchAll(TAG)) {
    if (tag.index < position) continue;
    const text = html.slice(position, tag.index);
    parts.push(inHeading ? text.replace(/\s+/g, " ") : text);
    const closing = tag[1] === "/";
    const element = tag[2]?.toLowerCase() ?? "!--";
    position = tag.index + tag[0].length;
    if (element === "!--" || (UNREAD.has(element) && !closing)) {
      position = endOf(element, html, position);
      parts.push(" ");
    } else if (/^h[1-6]$/.test(element)) {
      inHeading = !closing;
      parts.push(closing ? "\n\n" : "\n\n# ");
    } else if (BLOCKS.has(element)) {
      parts.push(inHeading ? " " : "\n\n");
    } else {
      parts.push(element === "br" ? "\n" : tag[0]);
    }
  }
  parts.push(html.slice(position));
  return parts.join("");
}

/** Where a comment or an element that is not read ends; the end of the text when it is never closed. */
function endOf(element: string, html: string, from: number): number {
  const closer = element === "!--" ? /-->/g : new RegExp(`</${element}[^<>]*>`, "gi");
  closer.lastIndex = from;
  return closer.test(html) ? closer.lastIndex : html.length;
}

/**
 * Cleans text and splits it at headings and blank lines into passages of at most {@link MAX_PASSAGE_WORDS} words and
 * {@link MAX_PASSAGE_CHARACTERS} characters. Long paragraphs are cut at the end of a sentence, failing that between
 * words, failing that anywhere (never inside a character); short neighbours are joined.
 */
export function splitPassages(text: string): ImportedPassage[] {
  const passages: ImportedPassage[] = [];
  let heading: string | null = null;
  let open = "";
  const flush = (): void => {
    if (open !== "") passages.push({ heading, text: open });
    open = "";
  };
  for (const block of blocks(text)) {
    const title = HEADING.exec(block)?.[1];
    if (title !== undefined) {
      flush();
      heading = cleanText(title, CLEAN) || null;
      continue;
    }
    const paragraph = cleanText(block, CLEAN);
    for (const piece of fits(paragraph) ? [paragraph] : pieces(paragraph)) {
      const joined = open === "" ? piece : `${open} ${piece}`;
      if (fits(joined)) {
        open = joined;
        continue;
      }
      flush();
      open = piece;
    }
    if (countWords(open) >= MIN_PASSAGE_WORDS) flush();
  }
  flush();
  return passages;
}

/** Paragraphs, and heading lines on their own. */
function blocks(text: string): string[] {
  return text
    .split(/\r\n?|\n/)
    .map((line) => (HEADING.test(line) ? `\n${line}\n` : line))
    .join("\n")
    .split(/\n\s*\n/)
    .map((block) => block.trim())
    .filter((block) => block !== "");
}

/** A long paragraph as sentences, each of them short enough. */
function pieces(paragraph: string): string[] {
  const sentences = new Intl.Segmenter(undefined, { granularity: "sentence" }).segment(paragraph);
  return Array.from(sentences, ({ segment }) => segment.trim())
    .filter((sentence) => sentence !== "")
    .flatMap((sentence) => (fits(sentence) ? [sentence] : words(sentence)));
}

/** Words; one longer than a passage is cut between code points. */
function words(sentence: string): string[] {
  return sentence.match(new RegExp(`\\S{1,${MAX_PASSAGE_CHARACTERS / 2}}`, "gu")) ?? [];
}

function fits(text: string): boolean {
  return text.length <= MAX_PASSAGE_CHARACTERS && countWords(text) <= MAX_PASSAGE_WORDS;
}

function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}
