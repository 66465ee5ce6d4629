/** @file Parts of texts: what is marked in them, and how long ones are divided for the screen. Pure. */

/** UTF-16 offsets, end exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Part {
  readonly text: string;
  readonly marked: boolean;
}

/**
 * A text divided at spans; put together the parts are the text again.
 *
 * @param spans - Ascending and apart; what lies outside of the text is cut off.
 */
export function cutAt(text: string, spans: readonly Span[]): Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (const span of spans) {
    const start = Math.max(at, span.start);
    const end = Math.min(text.length, span.end);
    if (end <= start) continue;
    if (start > at) parts.push({ text: text.slice(at, start), marked: false });
    parts.push({ text: text.slice(start, end), marked: true });
    at = end;
  }
  if (at < text.length) parts.push({ text: text.slice(at), marked: false });
  return parts;
}

/** Blocks that are laid out one by one: about a screen of text each. */
const BLOCK_CHARACTERS = 4000;

/**
 * A long text in blocks that end with a line, so that a browser can leave out those that are not on the screen.
 *
 * @returns Texts in order; put together they are the text again.
 */
export function toBlocks(text: string): string[] {
  const blocks: string[] = [];
  for (let start = 0; start < text.length;) {
    const line = text.indexOf("\n", start + BLOCK_CHARACTERS);
    const end = line < 0 ? text.length : line + 1;
    blocks.push(text.slice(start, end));
    start = end;
  }
  return blocks;
}

/** A document's text around a passage. */
export interface ReadingParts {
  readonly before: readonly string[];
  /** Of the passage's first line, what stands before it. */
  readonly lead: string;
  readonly passage: string;
  /** Of the passage's last line, what stands behind it. */
  readonly tail: string;
  readonly after: readonly string[];
}

/** A text divided so that the lines of the passage stay whole; put together the parts are the text again. */
export function toReadingParts(text: string, passage: Span): ReadingParts {
  const start = Math.min(passage.start, text.length);
  const end = Math.min(Math.max(passage.end, start), text.length);
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const newline = text.indexOf("\n", Math.max(end - 1, 0));
  const lineEnd = newline < 0 ? text.length : Math.max(newline + 1, end);
  return {
    before: toBlocks(text.slice(0, start === 0 ? 0 : lineStart)),
    lead: text.slice(start === 0 ? 0 : lineStart, start),
    passage: text.slice(start, end),
    tail: text.slice(end, lineEnd),
    after: toBlocks(text.slice(lineEnd)),
  };
}
