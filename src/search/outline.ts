/** @file Headings of a document → the sections between them. Pure. */
import type { Heading, SearchDocument } from "../search-types.ts";

/** A stretch of a text: UTF-16 offsets, end exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A heading and what is below it, up to the next heading of any level. */
export interface Section {
  /** Of the heading's line; `null` before the first heading. */
  readonly heading: Span | null;
  /** What is below, outer white space left out; empty where there is nothing. */
  readonly body: Span;
  /** Place in the list of the section whose heading is one level above; −1: none. */
  readonly parent: number;
  /** Texts of the headings above the body, its own last. */
  readonly trail: readonly string[];
}

/** Deeper ones count as this deep, so that a trail stays readable. */
const MAX_LEVEL = 16;
/** CommonMark's ATX heading, on one line. */
const ATX_HEADING = /^ {0,3}(#{1,6})(?:[ \t]+|$)/;
const ATX_MARKS = /^\s*#{1,6}(?=\s|$)|(?:^|\s)#+\s*$/g;
const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/;
const LINE = /[^\r\n]*(?:\r\n|\n|\r|$)/g;

/** @returns Sections in the order of the text; together they cover all of it. */
export function outlineOf(document: SearchDocument): Section[] {
  const { text, format } = document;
  const headings = document.headings ?? (format === "markdown" ? markdownHeadings(text) : []);
  const sections: Section[] = [];
  const open: { level: number; place: number }[] = [];
  const first = trimSpan(text, { start: 0, end: headings[0]?.start ?? text.length });
  if (headings.length === 0 || first.end > first.start) {
    sections.push({ heading: null, body: first, parent: -1, trail: [] });
  }
  for (const [index, heading] of headings.entries()) {
    const level = Math.min(heading.level, MAX_LEVEL);
    while ((open.at(-1)?.level ?? 0) >= level) open.pop();
    const parent = open.at(-1)?.place ?? -1;
    const own = headingText(text, heading, format);
    const above = sections[parent]?.trail ?? [];
    open.push({ level, place: sections.length });
    sections.push({
      heading: trimSpan(text, heading),
      body: trimSpan(text, { start: heading.end, end: headings[index + 1]?.start ?? text.length }),
      parent,
      trail: own === "" ? above : [...above, own],
    });
  }
  return sections;
}

/** @returns The span without white space at its ends; an empty one where there is nothing else. */
export function trimSpan(text: string, { start, end }: Span): Span {
  const slice = text.slice(start, end);
  const bare = slice.trimStart();
  if (bare === "") return { start, end: start };
  const first = end - bare.length;
  return { start: first, end: first + bare.trimEnd().length };
}

/** Lines of one to six `#` and a space, where they stand in no fenced code. */
export function markdownHeadings(text: string): Heading[] {
  const headings: Heading[] = [];
  let fence: string | null = null;
  for (const match of text.matchAll(LINE)) {
    const line = match[0].trimEnd();
    const mark = FENCE.exec(line)?.[1];
    if (fence !== null) {
      if (closes(line, fence)) fence = null;
    } else if (mark !== undefined) {
      fence = mark;
    } else {
      const level = ATX_HEADING.exec(line)?.[1]?.length;
      if (level !== undefined) headings.push({ start: match.index, end: match.index + line.length, level });
    }
  }
  return headings;
}

/** A fence is closed by a line of the same mark alone, at least as long. */
function closes(line: string, fence: string): boolean {
  const bare = line.trim();
  return bare.length >= fence.length && bare === fence.charAt(0).repeat(bare.length);
}

function headingText(text: string, { start, end }: Heading, format: SearchDocument["format"]): string {
  const line = text.slice(start, end);
  return (format === "markdown" ? line.replace(ATX_MARKS, "") : line).replace(/\s+/g, " ").trim();
}
