/** @file HTML or XML → its text. Pure; one pass, so that hostile markup costs no more than any other. */
import { decodeEntities } from "./entities.ts";

/**
 * Where markup may begin. Anything else after `<` (a space, a digit, the end) leaves it a plain "less than".
 */
const MARKUP = /<(?:!--|!\[CDATA\[|[!?][a-z]|\/?([a-z][\w:-]*))/gi;

/** Elements whose content is no text. */
const SILENT = new Set(["script", "style"]);

/**
 * Elements inside a line of text: their tags vanish. Those of every other element, unknown ones of XML included,
 * become line breaks, or the words on both sides would grow together.
 */
const INLINE = new Set(
  (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark nobr output q rb rp rt ruby s " +
    "samp small span strike strong sub sup svg time tt u var wbr"
  ).split(" "),
);

/** A piece of markup: where it ends, and what it leaves in the text. */
interface Markup {
  readonly end: number;
  readonly text?: string;
  readonly lineBreak?: boolean;
}

/**
 * Drops tags, comments and the contents of scripts and styles; decodes entities; block elements become line breaks.
 *
 * As in a browser, a comment, script or style that is never closed goes to the end. Unlike there, a tag that is never
 * closed is text.
 */
export function stripHtml(html: string): string {
  const read = createMarkupReader(html);
  const pieces: string[] = [];
  let lineBreak = false;
  const write = (text: string): void => {
    // White space at the start of a line is the source's indentation.
    const line = lineBreak ? text.trimStart() : text;
    if (line === "") return;
    if (lineBreak && pieces.length > 0) pieces.push("\n");
    lineBreak = false;
    pieces.push(line);
  };
  const begins = new RegExp(MARKUP);
  let at = 0;
  for (let found; (found = begins.exec(html)) !== null; begins.lastIndex = at) {
    const markup = read(found);
    if (markup === null) break;
    write(decodeEntities(html.slice(at, found.index)));
    lineBreak ||= markup.lineBreak ?? false;
    write(markup.text ?? "");
    at = markup.end;
  }
  write(decodeEntities(html.slice(at)));
  return pieces.join("");
}

/** @returns A reader of one piece of markup; it gives `null` when no more markup can end, so that the rest is text. */
function createMarkupReader(html: string): (begin: RegExpExecArray) => Markup | null {
  const tagEnd = createTagEndFinder(html);
  /** Up to and with `close`, or the end. */
  const section = (from: number, close: string): { inner: string; end: number } => {
    const at = html.indexOf(close, from);
    return at === -1
      ? { inner: html.slice(from), end: html.length }
      : { inner: html.slice(from, at), end: at + close.length };
  };
  return (begin) => {
    const after = begin.index + begin[0].length;
    if (begin[0] === "<!--") return { end: section(begin.index + 2, "-->").end };
    if (begin[0].startsWith("<![")) {
      const { inner, end } = section(after, "]]>");
      return { end, text: inner };
    }
    const end = tagEnd(after);
    if (end === 0) return null;
    const name = begin[1]?.toLowerCase() ?? "";
    const silent = SILENT.has(name) && begin[0][1] !== "/";
    return { end: silent ? closingTag(html, name, end) : end, lineBreak: name !== "" && !INLINE.has(name) };
  };
}

/** Start of the next closing tag of that name, or the end. */
function closingTag(html: string, name: string, from: number): number {
  const closing = new RegExp(`</${name}(?![\\w:-])`, "gi");
  closing.lastIndex = from;
  return closing.exec(html)?.index ?? html.length;
}

/**
 * @returns Finds the end of a tag, past any `>` in quoted attribute values; 0 where there is none. After the first
 *   tag whose quotes never close, quotes mean nothing any more: looking to the end once per tag would be quadratic.
 */
function createTagEndFinder(html: string): (from: number) => number {
  let quotes = true;
  const closed = (from: number): number => {
    const stops = />|=\s*(["'])/g;
    stops.lastIndex = from;
    for (let stop; (stop = stops.exec(html)) !== null;) {
      if (stop[1] === undefined) return stops.lastIndex;
      const close = html.indexOf(stop[1], stops.lastIndex);
      if (close === -1) break;
      stops.lastIndex = close + 1;
    }
    return 0;
  };
  return (from) => {
    const end = quotes ? closed(from) : 0;
    if (end > 0) return end;
    quotes = false;
    return html.indexOf(">", from) + 1;
  };
}
