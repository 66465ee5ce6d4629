/** @file HTML → title and blocks of plain text. Nothing of it is ever run: tags are read, and only text is kept. */
import { Parser } from "htmlparser2";
import { importStrings } from "../import-strings.ts";
import { BlockWriter } from "./block-writer.ts";
import type { ReadText } from "./blocks.ts";
import { Refusal } from "./outcome.ts";

/** Elements whose content is no text of the document: code, fallbacks, pictures, controls, and menus. */
const SILENT = new Set(
  "audio button canvas embed iframe math nav noembed noframes noscript object script select style svg template textarea video".split(
    " ",
  ),
);
const BLOCKS = new Set(
  (
    "address article aside blockquote body caption details dialog div dl fieldset figcaption figure footer form header hgroup " +
    "hr legend main ol p pre section summary table tbody tfoot thead ul"
  ).split(" "),
);
const LISTS = new Set(["dl", "ol", "ul"]);
const ITEMS = new Set(["dd", "dt", "li"]);
const CELLS = new Set(["td", "th"]);
const HEADING = /^h([1-6])$/;

/** Deeper than any page: the parser's work grows with the depth at each tag. */
const MAX_DEPTH = 5_000;

/**
 * @returns `title` from `<title>`, else the first `h1`, else `null`.
 * @throws {Refusal} `damaged` where elements lie too deep in each other.
 */
export function htmlToText(html: string): ReadText {
  const reader = new HtmlReader();
  const parser = new Parser(
    {
      onopentag: (name) => reader.open(name),
      onclosetag: (name) => reader.close(name),
      ontext: (text) => reader.text(text),
    },
    { decodeEntities: true },
  );
  parser.end(html);
  return reader.finish();
}

/** Follows the tags of one document. */
class HtmlReader {
  readonly #writer = new BlockWriter();
  readonly #title: string[] = [];
  #depth = 0;
  /** Open elements of these kinds. */
  #silent = 0;
  #titles = 0;
  #preformatted = 0;
  #items = 0;
  /** Whether the row, table or list has had its first cell, row or item. */
  #cellBefore = false;
  #rowBefore = false;
  #itemBefore = false;

  open(name: string): void {
    if (++this.#depth > MAX_DEPTH) throw new Refusal("damaged", importStrings.details.tooDeep);
    if (SILENT.has(name)) this.#silent++;
    if (this.#silent > 0) return;
    const heading = HEADING.exec(name);
    if (heading) this.#writer.beginHeading(Number(heading[1]));
    else if (name === "title") this.#titles++;
    else if (name === "br") this.#writer.separate("line");
    else if (name === "tr") this.#openRow();
    else if (CELLS.has(name)) this.#openCell();
    else if (ITEMS.has(name)) this.#openItem();
    else if (BLOCKS.has(name)) this.#openBlock(name);
  }

  close(name: string): void {
    this.#depth--;
    const silent = this.#silent > 0;
    if (SILENT.has(name)) this.#silent--;
    if (silent) return;
    if (HEADING.test(name)) this.#writer.endHeading();
    else if (name === "title") this.#titles--;
    else if (ITEMS.has(name)) this.#items--;
    else if (BLOCKS.has(name)) this.#closeBlock(name);
  }

  text(text: string): void {
    if (this.#silent > 0) return;
    if (this.#titles > 0) this.#title.push(text);
    else if (this.#preformatted > 0) this.#writer.writePreformatted(text);
    else this.#writer.write(text);
  }

  finish(): ReadText {
    const blocks = this.#writer.finish();
    const title = this.#title.join("").trim();
    return { title: title || (blocks.find(({ level }) => level === 1)?.text ?? null), blocks };
  }

  #openRow(): void {
    this.#writer.beginItem(this.#rowBefore ? "line" : null);
    this.#rowBefore = true;
    this.#cellBefore = false;
  }

  #openCell(): void {
    this.#writer.beginItem(this.#cellBefore ? "cell" : null);
    this.#cellBefore = true;
  }

  #openItem(): void {
    this.#writer.beginItem(this.#itemBefore ? "line" : null);
    this.#itemBefore = true;
    this.#items++;
  }

  #openBlock(name: string): void {
    const inner = LISTS.has(name) && this.#items > 0;
    this.#writer.separate(inner ? "line" : "paragraph");
    if (LISTS.has(name)) this.#itemBefore = false;
    if (name === "table") this.#rowBefore = false;
    if (name === "pre") this.#preformatted++;
  }

  #closeBlock(name: string): void {
    const inner = LISTS.has(name) && this.#items > 0;
    this.#writer.separate(inner ? "line" : "paragraph");
    if (LISTS.has(name)) this.#itemBefore = true;
    if (name === "pre") this.#preformatted--;
  }
}
