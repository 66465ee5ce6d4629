/** @file Running text with breaks between → blocks, as HTML's layout would part them. Pure. */
import type { Block } from "./blocks.ts";

/** What parts two pieces of text; a later one is stronger. */
const STRENGTHS = ["none", "space", "line", "paragraph"] as const;
type Break = (typeof STRENGTHS)[number];

const CELL_SEPARATOR = " | ";

/** Takes pieces of text and the breaks between them; a break is written when text follows. */
export class BlockWriter {
  readonly #blocks: Block[] = [];
  #parts: string[] = [];
  #level = 0;
  #pending: Break | "cell" = "none";
  /** At the start of a list item or cell: blocks that open there part nothing. */
  #fresh = false;

  /** Text whose white space means no more than a space. */
  write(text: string): void {
    const words = text.trim();
    if (words === "" || text[0] !== words[0]) this.separate("space");
    if (words === "") return;
    this.#join();
    this.#parts.push(words.replace(/\s+/g, " "));
    if (text.at(-1) !== words.at(-1)) this.separate("space");
  }

  /** Text whose lines stay as they are. */
  writePreformatted(text: string): void {
    if (text === "") return;
    this.#join();
    this.#parts.push(text);
  }

  /** Parts what was written from what will be; the strongest of several counts. */
  separate(by: Break): void {
    if (this.#pending === "cell" || (this.#fresh && by !== "space")) return;
    if (STRENGTHS.indexOf(by) > STRENGTHS.indexOf(this.#pending)) this.#pending = by;
  }

  /** Begins a list item, row or cell: it is parted from the one before it by this alone. */
  beginItem(by: "line" | "cell" | null): void {
    if (by !== null) this.#pending = by;
    this.#fresh = true;
  }

  /** @param level - 1 is the highest. */
  beginHeading(level: number): void {
    this.#flush();
    this.#level = level;
  }

  endHeading(): void {
    this.#flush();
    this.#level = 0;
  }

  /** @returns All blocks; nothing is to be written after. */
  finish(): Block[] {
    this.#flush();
    return this.#blocks;
  }

  #join(): void {
    const by = this.#pending;
    this.#pending = "none";
    this.#fresh = false;
    if (this.#parts.length === 0) return;
    if (this.#level > 0) this.#parts.push(by === "none" ? "" : " ");
    else if (by === "paragraph") this.#flush();
    else if (by !== "none") this.#parts.push(by === "cell" ? CELL_SEPARATOR : by === "line" ? "\n" : " ");
  }

  #flush(): void {
    if (this.#parts.length > 0) this.#blocks.push({ text: this.#parts.join(""), level: this.#level });
    this.#parts = [];
    this.#pending = "none";
  }
}
