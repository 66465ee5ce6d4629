/** @file Lines of PDF pages → paragraphs and headings. Pure. */
import type { Block } from "./blocks.ts";
import { median } from "./pdf-lines.ts";
import type { Line } from "./pdf-lines.ts";

/** An entry of the file's table of contents. */
export interface OutlineEntry {
  readonly title: string;
  /** 1 is the highest. */
  readonly level: number;
  /** From 0. */
  readonly page: number;
  /** Where it is on the page, from its lower edge, in points; `null`: at its top. */
  readonly top: number | null;
}

/** A line gap that much wider than the usual parts paragraphs. */
const WIDE_GAP = 1.35;
/** Usual line gaps are under that much of the font size: single lines far apart are no paragraph. */
const MAX_USUAL_GAP = 1.7;
const USUAL_GAP = 1.2;
/** Fonts that differ by more are of different paragraphs. */
const SAME_SIZE = 0.15;
/** First lines are indented by that much of the font size, and further than the other bound they are another column. */
const MIN_INDENT = 0.8;
const MAX_INDENT = 4;

/** Without a table of contents, short lines that much larger than the usual are headings. */
const HEADING_SIZE = 1.15;
const MAX_HEADING_CHARACTERS = 120;

const SENTENCE_END = /[.!?…:。！？][)\]"'”’»」』]*$/u;
const LIST_ITEM = /^(?:[•‣◦▪●○■·–—*-]|\(?\d{1,3}[.)]|\(?[a-z]\))\s/u;
/** Scripts that are written without spaces. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303F\uFF00-\uFFEF]/u;
const HYPHENATED = /[\p{L}\p{N}]+(?:[-\u2010][\p{L}\p{N}]+)+/gu;

/**
 * @param pages - Lines of each page.
 * @param outline - In the order of the file's table of contents. Its entries become headings where they stand; without
 *   any, each page gets one, and large short lines become headings under it.
 * @param pageHeading - Text of that.
 */
export function joinParagraphs(
  pages: readonly (readonly Line[])[],
  outline: readonly OutlineEntry[],
  pageHeading: (page: number) => string,
): Block[] {
  const compounds = new Set(pages.flat().flatMap(({ text }) => text.match(HYPHENATED) ?? []));
  const blocks: Block[] = [];
  let open: Line[] = [];
  const usualSize = median(
    pages.flat().map(({ size }) => size),
    0,
  );
  const end = (): void => {
    const text = joinText(open, compounds);
    const isLarge = (open[0]?.size ?? 0) > usualSize * HEADING_SIZE && text.length <= MAX_HEADING_CHARACTERS;
    if (text !== "") blocks.push({ text, level: outline.length === 0 && isLarge ? 2 : 0 });
    open = [];
  };
  for (const [page, lines] of pages.entries()) {
    const headings = placeHeadings(
      lines,
      outline.filter((entry) => entry.page === page),
    );
    const usualGap = usualLineGap(lines);
    if (outline.length === 0 && lines.length > 0) {
      end();
      blocks.push({ text: pageHeading(page + 1), level: 1 });
    }
    for (const [index, line] of lines.entries()) {
      for (const { text, level } of headings.before.get(index) ?? []) {
        end();
        blocks.push({ text, level });
      }
      if (headings.taken.has(index)) continue;
      const previous = open.at(-1);
      if (previous && isParted(previous, line, { usualGap, next: lines[index + 1], newPage: index === 0 })) end();
      open.push(line);
    }
  }
  end();
  return blocks;
}

interface PlacedHeadings {
  /** By the index of the line that they come before. */
  readonly before: ReadonlyMap<number, readonly Block[]>;
  /** Lines that are a heading's text. */
  readonly taken: ReadonlySet<number>;
}

/** Each entry takes the place of the lines that say the same, or else stands before the first line below it. */
function placeHeadings(lines: readonly Line[], entries: readonly OutlineEntry[]): PlacedHeadings {
  const before = new Map<number, Block[]>();
  const taken = new Set<number>();
  let from = 0;
  for (const { title, level, top } of entries) {
    const match = findTitle(lines, title, from);
    const below = lines.findIndex(({ y, size }, index) => index >= from && (top === null || y < top + size / 4));
    const at = match?.at ?? (below === -1 ? Math.max(0, lines.length - 1) : below);
    for (let line = at; line < at + (match?.count ?? 0); line++) taken.add(line);
    before.set(at, [...(before.get(at) ?? []), { text: title, level }]);
    from = at + (match?.count ?? 0);
  }
  return { before, taken };
}

/** One to three lines that together are the title, spaces and case apart. */
function findTitle(lines: readonly Line[], title: string, from: number): { at: number; count: number } | null {
  const wanted = squeeze(title);
  if (wanted === "") return null;
  for (let at = from; at < lines.length; at++) {
    for (let count = 1; count <= 3 && at + count <= lines.length; count++) {
      if (
        squeeze(
          lines
            .slice(at, at + count)
            .map(({ text }) => text)
            .join(""),
        ) === wanted
      )
        return { at, count };
    }
  }
  return null;
}

function squeeze(text: string): string {
  return text.replace(/\s+/g, "").toLowerCase();
}

function usualLineGap(lines: readonly Line[]): number {
  const size = median(
    lines.map((line) => line.size),
    0,
  );
  const gaps = lines.slice(1).map((line, index) => (lines[index]?.y ?? 0) - line.y);
  return Math.min(
    median(
      gaps.filter((gap) => gap > 0),
      size * USUAL_GAP,
    ),
    size * MAX_USUAL_GAP,
  );
}

interface Surroundings {
  readonly usualGap: number;
  readonly next: Line | undefined;
  readonly newPage: boolean;
}

/** Whether a paragraph ends between two lines. */
function isParted(before: Line, line: Line, { usualGap, next, newPage }: Surroundings): boolean {
  if (Math.abs(line.size - before.size) > SAME_SIZE * Math.max(line.size, before.size)) return true;
  const gap = before.y - line.y;
  // A new page or column: only the text tells.
  if (newPage || gap <= 0) return SENTENCE_END.test(before.text);
  if (gap > usualGap * WIDE_GAP) return true;
  const indent = line.x - before.x;
  const isIndented = indent > line.size * MIN_INDENT && indent < line.size * MAX_INDENT;
  return isIndented && SENTENCE_END.test(before.text) && next !== undefined && line.x - next.x > line.size * MIN_INDENT;
}

/** One line of text; items of a list stay on lines of their own. */
function joinText(lines: readonly Line[], compounds: ReadonlySet<string>): string {
  return lines.reduce((text, line) => (text === "" ? line.text : joinPair(text, line.text, compounds)), "");
}

/** A hyphen at the end of a line goes where a word was broken, and stays where the text has the word with it elsewhere. */
function joinPair(text: string, line: string, compounds: ReadonlySet<string>): string {
  if (LIST_ITEM.test(line)) return `${text}\n${line}`;
  // Of the last word alone: the whole text would be searched anew for each line.
  const head = /(\p{L}[\p{L}\p{N}]*)[-\u2010\u00AD]$/u.exec(text.slice(-MAX_WORD_CHARACTERS))?.[1];
  const tail = /^\p{Ll}[\p{L}\p{N}]*/u.exec(line)?.[0];
  if (head !== undefined && tail !== undefined) {
    const keeps = compounds.has(`${head}-${tail}`) || compounds.has(`${head}\u2010${tail}`);
    return (keeps ? text : text.slice(0, -1)) + line;
  }
  // "Anglo-" and "Saxon".
  if (head !== undefined && /^[\p{L}\p{N}]/u.test(line)) return text + line;
  return UNSPACED.test(text.slice(-1)) && UNSPACED.test(line[0] ?? "") ? text + line : `${text} ${line}`;
}

const MAX_WORD_CHARACTERS = 60;
