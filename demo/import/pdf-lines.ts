/** @file Pieces of text as a PDF page places them → lines. Pure. */

/** What pdf.js gives for a piece of text. */
export interface PlacedText {
  readonly str: string;
  /** The last two are where its baseline begins, from the page's lower left corner, in points. */
  readonly transform: readonly number[];
  /** Font size, in points; 0 for a mere space or line end. */
  readonly height: number;
  /** Whether the line ends after it. */
  readonly hasEOL: boolean;
}

export interface Line {
  readonly text: string;
  /** Where its baseline begins, from the page's lower left corner, in points. */
  readonly x: number;
  readonly y: number;
  /** Of its largest font, in points. */
  readonly size: number;
}

/** Dots between a title and its page number. */
const DOT_LEADER = /(?:[ \u00A0]?[.\u2024]){5,}[ \u00A0]?/g;
/** Where a font size is not given. */
const USUAL_SIZE = 10;
/** Headers and footers stand on at least as many pages, and on that share of those from the first to the last: a chapter's. */
const MIN_RUNNING_PAGES = 3;
const RUNNING_SHARE = 0.5;
/** Longer lines are text. */
const MAX_RUNNING_CHARACTERS = 120;
/** A line that much larger than the usual is a heading, even if all pages begin with one such as "Chapter 1". */
const HEADING_SIZE = 1.15;

/** Lines of a page in the order of its content, which is the order of reading but for odd files. */
export function joinLines(pieces: readonly PlacedText[]): Line[] {
  const lines: Line[] = [];
  let open: PlacedText[] = [];
  const end = (): void => {
    const text = open
      .map(({ str }) => str)
      .join("")
      .replace(DOT_LEADER, " … ")
      .trim();
    const first = open.find(({ str }) => str.trim() !== "");
    const size = open.reduce((largest, { height }) => Math.max(largest, height), 0) || USUAL_SIZE;
    if (first) lines.push({ text, x: first.transform[4] ?? 0, y: first.transform[5] ?? 0, size });
    open = [];
  };
  for (const piece of pieces) {
    const before = open.findLast(({ str }) => str.trim() !== "");
    if (before && piece.str.trim() !== "" && isApart(before, piece)) end();
    open.push(piece);
    if (piece.hasEOL) end();
  }
  end();
  return lines;
}

/** Further up or down than a superscript. */
function isApart(before: PlacedText, after: PlacedText): boolean {
  const size = Math.max(before.height, after.height) || USUAL_SIZE;
  return Math.abs((before.transform[5] ?? 0) - (after.transform[5] ?? 0)) > size;
}

/** Takes out page headers, footers and page numbers: first and last lines that are the same on many pages but for their numbers. */
export function dropRunningLines(pages: readonly (readonly Line[])[]): Line[][] {
  const usual = median(
    pages.flatMap((lines) => lines.map(({ size }) => size)),
    USUAL_SIZE,
  );
  const pattern = (line: Line | undefined): string | null => {
    const isText = line === undefined || line.size > usual * HEADING_SIZE || line.text.length > MAX_RUNNING_CHARACTERS;
    return isText ? null : line.text.replace(/\d+/g, "#").toLowerCase();
  };
  const seen = new Map<string, number[]>();
  for (const [page, lines] of pages.entries()) {
    for (const edge of new Set([pattern(lines[0]), pattern(lines.at(-1))]))
      if (edge !== null) seen.set(edge, [...(seen.get(edge) ?? []), page]);
  }
  const running = new Set([...seen].filter(([, on]) => isRunning(on)).map(([edge]) => edge));
  const isDropped = (line: Line | undefined): boolean => running.has(pattern(line) ?? "");
  return pages.map((lines) => lines.slice(isDropped(lines[0]) ? 1 : 0, isDropped(lines.at(-1)) ? -1 : undefined));
}

/** @param on - Indexes of the pages that have the line, ascending. */
function isRunning(on: readonly number[]): boolean {
  const span = (on.at(-1) ?? 0) - (on[0] ?? 0) + 1;
  return on.length >= MIN_RUNNING_PAGES && on.length >= span * RUNNING_SHARE;
}

/** @param otherwise - Of no values at all. */
export function median(values: readonly number[], otherwise: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? otherwise;
}
