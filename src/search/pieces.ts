/** @file A section → the smallest pieces that passages are packed from: sentences, or parts of one that is too long. */
import { nextTask } from "../next-task.ts";
import { type Span, trimSpan } from "./outline.ts";
import { eachSegment, graphemeCut } from "./segments.ts";
import { isUnspaced } from "./words.ts";

/** Tokens of each text, in order. */
export type CountTokens = (texts: readonly string[]) => ArrayLike<number> | Promise<ArrayLike<number>>;

/** What is never taken apart again; at most the budget, if it is more than one code point. */
export interface Piece extends Span {
  readonly tokens: number;
  /** Whether a paragraph begins with it. */
  readonly opensParagraph: boolean;
  /** Whether it is a whole sentence. */
  readonly whole: boolean;
}

/** Longest stretch of work between two turns of the event loop. */
const TURN_MS = 8;
/** Of one call of the counter: enough for its set-up not to matter, little enough to be held at once. */
const BATCH_CHARACTERS = 1 << 18;
const BATCH_TEXTS = 4096;
/** A blank line, or Unicode's own separator. */
const PARAGRAPH_END = /(?:\r\n|\n|\r(?!\n))(?:[^\S\r\n]*(?:\r\n|\n|\r(?!\n)))+|\u2029/g;
const LINE_END = /\r\n|\n|\r/g;
const SPACES = /\s+/g;
/** Shorter lines were ended on purpose (lists, verse, code); text that was wrapped to a width has longer ones. */
const MIN_WRAPPED_LINE = 50;
/** What a wrapped line goes on with; not a list's mark, a table's bar or an indent. */
const GOES_ON = /^[\p{L}\p{N}("'“‘«]/u;
const NUMBERED = /^\p{N}+[.)]\s/u;

const sentences = new Intl.Segmenter("und", { granularity: "sentence" });
const words = new Intl.Segmenter("und", { granularity: "word" });

/** Counts tokens, gives way to other work, and knows the budget. */
export class TokenBudget {
  readonly maxTokens: number;
  readonly #countTokens: CountTokens;
  #turnEnds = performance.now() + TURN_MS;
  #empty: number | null = null;

  constructor(maxTokens: number, countTokens: CountTokens) {
    this.maxTokens = maxTokens;
    this.#countTokens = countTokens;
  }

  /** What the counter gives each text of its own accord, such as an end token. */
  async empty(): Promise<number> {
    return (this.#empty ??= (await this.#countTokens([""]))[0] ?? 0);
  }

  /** Lets other work have its turn when this one has been long. */
  async pause(): Promise<void> {
    if (performance.now() < this.#turnEnds) return;
    await nextTask();
    this.#turnEnds = performance.now() + TURN_MS;
  }

  async count(text: string, spans: readonly Span[]): Promise<number[]> {
    const counts: number[] = [];
    let batch: string[] = [];
    let characters = 0;
    const flush = async (): Promise<void> => {
      for (const count of Array.from(await this.#countTokens(batch))) counts.push(count);
      batch = [];
      characters = 0;
      await this.pause();
    };
    for (const { start, end } of spans) {
      batch.push(text.slice(start, end));
      characters += end - start;
      if (characters >= BATCH_CHARACTERS || batch.length >= BATCH_TEXTS) await flush();
    }
    if (batch.length > 0) await flush();
    return counts;
  }
}

/** @returns The sections' pieces, ascending; trimmed, and with all that is not white space. */
export async function piecesOf(text: string, sections: readonly Span[], budget: TokenBudget): Promise<Piece[][]> {
  const drafts: Draft[] = [];
  for (const [owner, section] of sections.entries()) {
    for (const paragraph of splitAt(text, section, PARAGRAPH_END)) {
      let opensParagraph = true;
      for (const sentence of sentencesOf(text, paragraph)) {
        drafts.push({ ...sentence, owner, opensParagraph, whole: true });
        opensParagraph = false;
      }
      await budget.pause();
    }
  }
  const pieces: Piece[][] = sections.map(() => []);
  for (const { owner, ...piece } of await withinBudget(text, drafts, budget)) pieces[owner]!.push(piece);
  return pieces;
}

/** A piece before its tokens are counted. */
interface Draft extends Omit<Piece, "tokens"> {
  /** Place of its section. */
  readonly owner: number;
}

interface Counted {
  readonly draft: Draft;
  readonly tokens: number;
}

type Divide = (text: string, span: Span, maxTokens: number) => Span[];

/** Ever finer: lines, what is between spaces, words of a dictionary, blocks. */
const DIVISIONS: readonly Divide[] = [
  (text, span) => splitAt(text, span, LINE_END),
  (text, span) => splitAt(text, span, SPACES),
  wordsOf,
  blocksOf,
];

async function withinBudget(text: string, drafts: readonly Draft[], budget: TokenBudget): Promise<(Draft & Piece)[]> {
  let counted = await countDrafts(text, drafts, budget);
  for (const divide of DIVISIONS) counted = (await divideLong(text, counted, { divide, budget })).counted;
  for (let divided = true; divided;) {
    ({ counted, divided } = await divideLong(text, counted, { divide: halvesOf, budget }));
  }
  const empty = await budget.empty();
  return counted.map(({ draft, tokens }) => ({ ...draft, tokens: Math.max(0, tokens - empty) }));
}

/** Puts parts in the place of every piece that is over the budget. */
async function divideLong(
  text: string,
  counted: readonly Counted[],
  { divide, budget }: { divide: Divide; budget: TokenBudget },
): Promise<{ counted: Counted[]; divided: boolean }> {
  const divided = counted.map(({ draft, tokens }) => {
    const parts = tokens > budget.maxTokens ? divide(text, draft, budget.maxTokens) : [];
    return parts.length > 1 ? partsOf(draft, parts) : null;
  });
  const fresh = await countDrafts(
    text,
    divided.flatMap((parts) => parts ?? []),
    budget,
  );
  let next = 0;
  const merged = counted.flatMap((piece, index) => {
    const parts = divided[index];
    return parts ? fresh.slice(next, (next += parts.length)) : [piece];
  });
  return { counted: merged, divided: fresh.length > 0 };
}

function partsOf(draft: Draft, parts: readonly Span[]): Draft[] {
  return parts.map((part, index) => ({
    ...draft,
    ...part,
    opensParagraph: draft.opensParagraph && index === 0,
    whole: false,
  }));
}

async function countDrafts(text: string, drafts: readonly Draft[], budget: TokenBudget): Promise<Counted[]> {
  const counts = await budget.count(text, drafts);
  return drafts.map((draft, index) => ({ draft, tokens: counts[index] ?? 0 }));
}

/** @returns What is between the matches of `separator`, trimmed, without what is empty. */
function splitAt(text: string, span: Span, separator: RegExp): Span[] {
  const spans: Span[] = [];
  let from = span.start;
  const close = (end: number): void => {
    const part = trimSpan(text, { start: from, end });
    if (part.end > part.start) spans.push(part);
  };
  for (const match of text.slice(span.start, span.end).matchAll(separator)) {
    close(span.start + match.index);
    from = span.start + match.index + match[0].length;
  }
  close(span.end);
  return spans;
}

function sentencesOf(text: string, paragraph: Span): Span[] {
  const content = unwrapped(text.slice(paragraph.start, paragraph.end));
  return segmentsOf(text, paragraph, { by: sentences, content });
}

/**
 * The segmenter ends a sentence at every line break. Those of text that was wrapped to a width become spaces, as many
 * as there were characters.
 */
function unwrapped(paragraph: string): string {
  let result = "";
  let from = 0;
  for (const match of paragraph.matchAll(LINE_END)) {
    const next = match.index + match[0].length;
    const following = paragraph.slice(next, next + 8);
    const wrapped = match.index - from >= MIN_WRAPPED_LINE && GOES_ON.test(following) && !NUMBERED.test(following);
    result += paragraph.slice(from, match.index) + (wrapped ? " ".repeat(match[0].length) : match[0]);
    from = next;
  }
  return result + paragraph.slice(from);
}

/** @param content - The span's text, or what is segmented in place of it; of the same length. */
function segmentsOf(text: string, { start }: Span, segmenting: { by: Intl.Segmenter; content: string }): Span[] {
  const spans: Span[] = [];
  eachSegment(segmenting.by, segmenting.content, (from, to) => {
    const part = trimSpan(text, { start: start + from, end: start + to });
    if (part.end > part.start) spans.push(part);
  });
  return spans;
}

function wordsOf(text: string, span: Span): Span[] {
  const content = text.slice(span.start, span.end);
  return isUnspaced(content) ? segmentsOf(text, span, { by: words, content }) : [span];
}

/** Stretches of about as many UTF-16 units as the budget has tokens: near what fits, so that little is counted twice. */
function blocksOf(text: string, { start, end }: Span, maxTokens: number): Span[] {
  const spans: Span[] = [];
  for (let from = start; from < end;) {
    const to = from + graphemeCut(text.slice(from, end), maxTokens);
    spans.push({ start: from, end: to });
    from = to;
  }
  return spans;
}

/** Cut between graphemes; in a single one, which is long beyond reason, between code points. */
function halvesOf(text: string, { start, end }: Span): Span[] {
  const content = text.slice(start, end);
  const middle = content.length >> 1;
  let cut = middle > 0 ? graphemeCut(content, middle) : content.length;
  if (cut === content.length) cut = isLowSurrogate(content, middle) ? middle - 1 : middle;
  if (cut === 0) return [{ start, end }];
  return [
    { start, end: start + cut },
    { start: start + cut, end },
  ];
}

function isLowSurrogate(text: string, index: number): boolean {
  return index > 0 && (text.codePointAt(index - 1) ?? 0) > 0xffff;
}
