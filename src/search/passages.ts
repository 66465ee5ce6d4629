/** @file A document → passages under a token budget, cut where its structure allows. */
import type { Passage, PassageOptions, SearchDocument } from "../search-types.ts";
import { outlineOf, type Section, type Span } from "./outline.ts";
import { type CountTokens, type Piece, piecesOf, TokenBudget } from "./pieces.ts";

export { estimateTokens } from "./estimate-tokens.ts";
export type { CountTokens } from "./pieces.ts";

/**
 * A section of fewer tokens says too little to be found by: it goes on with what follows under the same heading, and
 * the headings in between are then part of the text.
 */
const MIN_SECTION_TOKENS = 24;
/** Longer ones are not counted as a whole first: no usual text has this many characters a token. */
const MAX_CHARACTERS_PER_TOKEN = 16;
/** A blank line between two paragraphs. */
const PARAGRAPH_GAP_TOKENS = 1;
/** What the model reads of a title or heading: a line that was taken for one by mistake must not crowd out the text. */
const FIRST_CHARACTERS = /^[^]{0,200}/u;

/**
 * Splits a document at headings, then packs paragraphs and sentences up to the budget; a sentence that is longer is cut
 * at lines, words or graphemes. A passage ends with a paragraph where the next one would not fit and half the budget is
 * used. A heading with text below it is in the section trail; one with nothing below it is text.
 *
 * @param options - With `maxTokens: Infinity` the document stays whole.
 * @param countTokens - No passage counts more than `maxTokens` by it, unless a single code point does.
 * @returns Ascending by offset, trimmed. A document without text has one empty passage, if it has a title.
 */
export async function splitDocument(
  document: SearchDocument,
  options: Required<PassageOptions>,
  countTokens: CountTokens,
): Promise<Passage[]> {
  const { text, title } = document;
  const whole = outlineOf({ id: "", text })[0]!.body;
  if (whole.end === whole.start) return title ? [{ start: 0, end: 0, text: "", section: [] }] : [];
  if (options.maxTokens === Infinity) return [passageOf(text, whole, [])];
  const budget = new TokenBudget(options.maxTokens, countTokens);
  const blocks = await blocksOf(text, outlineOf(document), budget);
  const long = blocks.filter(({ tokens }) => tokens > options.maxTokens);
  const pieces = await piecesOf(
    text,
    long.map(({ body }) => body),
    budget,
  );
  const limits = { maxTokens: options.maxTokens - (await budget.empty()), overlapTokens: options.overlapTokens };
  const packed = new Map<Block, Run[]>();
  for (const [index, block] of long.entries()) packed.set(block, pack(pieces[index]!, limits));
  await shrinkLong(text, packed, budget);
  return blocks.flatMap((block) =>
    (packed.get(block)?.map(spanOf) ?? [block.body]).map((span) => passageOf(text, span, block.trail)),
  );
}

/**
 * What the model reads: title and section trail on the first line, the text below.
 *
 * @returns `"Title — Section › Subsection\ntext"`; a title that the trail begins with anyway is left out.
 */
export function passageInput(document: Pick<SearchDocument, "title">, passage: Passage): string {
  const trail = passage.section.map(oneLine);
  const title = oneLine(document.title ?? "");
  const head = [title === trail[0] ? "" : title, trail.join(" › ")].filter((part) => part !== "").join(" — ");
  return [head, passage.text].filter((part) => part !== "").join("\n");
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim().match(FIRST_CHARACTERS)?.[0] ?? "";
}

function passageOf(text: string, { start, end }: Span, section: readonly string[]): Passage {
  return { start, end, text: text.slice(start, end), section };
}

// ── Sections ───────────────────────────────────────────────────────────────────────────────────────────

/** What is packed by itself. */
interface Block {
  readonly body: Span;
  readonly trail: readonly string[];
  /** By the counter; `Infinity` where it is long beyond doubt. */
  readonly tokens: number;
}

/** A section that has text, with where it stands in the outline. */
interface Candidate extends Block {
  /** Heading and body. */
  readonly all: Span;
  /** Place of its section in the outline. */
  readonly place: number;
}

async function blocksOf(text: string, sections: readonly Section[], budget: TokenBudget): Promise<Block[]> {
  const bodies = candidatesOf(sections);
  const short = bodies.filter(({ body }) => body.end - body.start <= budget.maxTokens * MAX_CHARACTERS_PER_TOKEN);
  const counts = await budget.count(
    text,
    short.map(({ body }) => body),
  );
  const tokens = new Map(short.map((candidate, index) => [candidate, counts[index] ?? 0]));
  const counted = bodies.map((candidate) => ({ ...candidate, tokens: tokens.get(candidate) ?? Infinity }));
  const groups = groupsOf(counted, sections, budget.maxTokens);
  const spans = groups.map((group) => ({ start: group[0]!.all.start, end: group.at(-1)!.all.end }));
  const joined = groups.flatMap((group, index) => (group.length > 1 ? [index] : []));
  const joinedCounts = await budget.count(
    text,
    joined.map((index) => spans[index]!),
  );
  const joinedTokens = new Map(joined.map((index, nth) => [index, joinedCounts[nth] ?? 0]));
  return groups.flatMap((group, index): readonly Block[] => {
    const together = joinedTokens.get(index);
    if (together === undefined || together > budget.maxTokens) return group;
    return [{ body: spans[index]!, trail: trailAbove(sections, group[0]!.place), tokens: together }];
  });
}

function candidatesOf(sections: readonly Section[]): Candidate[] {
  return sections.flatMap(({ heading, body, trail }, place) => {
    const [tokens, all] = [Infinity, { start: (heading ?? body).start, end: body.end }];
    if (body.end > body.start) return [{ body, trail, all, place, tokens }];
    // A heading that is in the trail of what is below it, or is blank.
    if (!heading || heading.end === heading.start || sections[place + 1]?.parent === place) return [];
    return [{ body: heading, trail: trailAbove(sections, place), all: heading, place, tokens }];
  });
}

/** Sections that are too small to stand alone, each with those after it that fit and are below the same heading. */
function groupsOf(candidates: readonly Candidate[], sections: readonly Section[], maxTokens: number): Candidate[][] {
  const groups: Candidate[][] = [];
  let tokens = Infinity;
  for (const candidate of candidates) {
    const group = groups.at(-1);
    const parent = group ? sections[group[0]!.place]!.parent : -1;
    const fits = tokens < MIN_SECTION_TOKENS && tokens + candidate.tokens <= maxTokens;
    if (group && fits && isBelow(sections, candidate.place, parent)) {
      group.push(candidate);
      tokens += candidate.tokens;
    } else {
      groups.push([candidate]);
      tokens = candidate.tokens;
    }
  }
  return groups;
}

function isBelow(sections: readonly Section[], place: number, heading: number): boolean {
  let above = sections[place]!.parent;
  while (above > heading) above = sections[above]!.parent;
  return above === heading;
}

function trailAbove(sections: readonly Section[], place: number): readonly string[] {
  return sections[sections[place]!.parent]?.trail ?? [];
}

// ── Packing ────────────────────────────────────────────────────────────────────────────────────────────

/** What becomes one passage: pieces that the one before ends with, then new ones. */
interface Run {
  readonly overlap: readonly Piece[];
  readonly fresh: readonly Piece[];
}

function pack(pieces: readonly Piece[], limits: Required<PassageOptions>): Run[] {
  const runs: Run[] = [];
  const paragraphs = paragraphTokens(pieces);
  let [overlap, first, tokens] = [[] as readonly Piece[], 0, 0];
  for (const [index, piece] of pieces.entries()) {
    const full = tokens + costOf(piece) > limits.maxTokens;
    const nextFits = tokens + paragraphs[index]! <= limits.maxTokens;
    if (index > first && (full || (piece.opensParagraph && !nextFits && tokens >= limits.maxTokens / 2))) {
      const run = { overlap, fresh: pieces.slice(first, index) };
      runs.push(run);
      [overlap, first] = [overlapOf(run, piece, limits), index];
      tokens = sum(overlap);
    }
    tokens += costOf(piece);
  }
  if (first < pieces.length) runs.push({ overlap, fresh: pieces.slice(first) });
  return runs;
}

/** Whole sentences at the end of a run, but never all of it: each passage begins later than the one before. */
function overlapOf({ overlap, fresh }: Run, next: Piece, { maxTokens, overlapTokens }: Required<PassageOptions>) {
  const all = [...overlap, ...fresh];
  let tokens = 0;
  let from = all.length;
  while (from > 1 && all[from - 1]!.whole) {
    tokens += costOf(all[from - 1]!);
    if (tokens > overlapTokens || tokens + costOf(next) > maxTokens) break;
    from--;
  }
  return all.slice(from);
}

/** @returns At each piece that opens a paragraph, tokens up to the next such; elsewhere 0. */
function paragraphTokens(pieces: readonly Piece[]): number[] {
  const totals = pieces.map(() => 0);
  let opening = 0;
  for (const [index, piece] of pieces.entries()) {
    if (piece.opensParagraph) opening = index;
    totals[opening]! += costOf(piece);
  }
  return totals;
}

function costOf({ tokens, opensParagraph }: Piece): number {
  return tokens + (opensParagraph ? PARAGRAPH_GAP_TOKENS : 0);
}

function sum(pieces: readonly Piece[]): number {
  return pieces.reduce((total, piece) => total + costOf(piece), 0);
}

function spanOf({ overlap, fresh }: Run): Span {
  return { start: (overlap[0] ?? fresh[0]!).start, end: fresh.at(-1)!.end };
}

/** Pieces together can count more than the sum of each. Counts what was packed, and packs less where it is too much. */
async function shrinkLong(text: string, packed: Map<Block, Run[]>, budget: TokenBudget): Promise<void> {
  let unsure = new Set([...packed.values()].flat());
  while (unsure.size > 0) {
    const runs = [...unsure];
    const counts = await budget.count(text, runs.map(spanOf));
    const long = new Set(runs.filter((_, index) => (counts[index] ?? 0) > budget.maxTokens));
    unsure = new Set();
    for (const [block, blockRuns] of packed) {
      const next = blockRuns.flatMap((run, index) => {
        // What a run after a smaller one would begin with may lie before where that one begins now.
        const apart = run.overlap.length > 0 && index > 0 && long.has(blockRuns[index - 1]!);
        const parts = long.has(run) || apart ? smaller(run) : [run];
        if (parts[0] !== run) for (const part of parts) unsure.add(part);
        return parts;
      });
      packed.set(block, next);
    }
  }
}

function smaller(run: Run): Run[] {
  const { overlap, fresh } = run;
  if (overlap.length > 0) return [{ overlap: [], fresh }];
  if (fresh.length === 1) return [run];
  const middle = fresh.length >> 1;
  return [
    { overlap: [], fresh: fresh.slice(0, middle) },
    { overlap: [], fresh: fresh.slice(middle) },
  ];
}
