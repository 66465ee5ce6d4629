/** @file Where words stand in a text, for highlighting. Pure. */
import { type Span, trimSpan } from "./outline.ts";
import { eachSegment, graphemeCut } from "./segments.ts";
import { eachWord, foldWord } from "./words.ts";

/** How far beyond its limits an excerpt is looked at, so that a word which they cut is seen whole. */
const WORD_REACH = 256;
const words = new Intl.Segmenter("und", { granularity: "word" });

/**
 * @param terms - As in `SearchHit.terms`; compared without case and diacritics.
 * @returns Words of the text that are one of the terms, ascending, not overlapping.
 */
export function findMatches(text: string, terms: readonly string[]): { start: number; end: number }[] {
  const wanted = new Set(terms.map(foldWord));
  wanted.delete("");
  const matches: Span[] = [];
  if (wanted.size === 0) return matches;
  eachWord(text, (start, end) => {
    if (wanted.has(foldWord(text.slice(start, end)))) matches.push({ start, end });
  });
  return matches;
}

/**
 * The stretch of a text that shows most of what matched: different terms before the same one again, then the earliest.
 * It begins and ends between words, or between graphemes where a word alone is longer.
 *
 * @param maxCharacters - UTF-16 units; an integer ≥ 1.
 * @returns Without white space at its ends. Longer than `maxCharacters` only where a single grapheme is.
 */
export function bestExcerpt(
  text: string,
  terms: readonly string[],
  maxCharacters: number,
): { start: number; end: number } {
  const all = trimSpan(text, { start: 0, end: text.length });
  if (all.end - all.start <= maxCharacters) return all;
  const matched = bestStretch(text, findMatches(text, terms), maxCharacters) ?? { start: all.start, end: all.start };
  // Of the room that is left, a third goes before the first match.
  const before = Math.floor((maxCharacters - (matched.end - matched.start)) / 3);
  const begin = Math.max(all.start, Math.min(matched.start - before, all.end - maxCharacters));
  return cutAtWords(text, matched, { start: begin, end: begin + maxCharacters });
}

/** @returns From the first to the last match of the best stretch; `null` where none fits. */
function bestStretch(text: string, matches: readonly Span[], maxCharacters: number): Span | null {
  const terms = matches.map(({ start, end }) => foldWord(text.slice(start, end)));
  const counts = new Map<string, number>();
  let best: { range: Span; distinct: number; total: number } | null = null;
  let first = 0;
  for (const [last, { end }] of matches.entries()) {
    counts.set(terms[last]!, (counts.get(terms[last]!) ?? 0) + 1);
    for (; first <= last && end - matches[first]!.start > maxCharacters; first++) {
      const left = counts.get(terms[first]!)! - 1;
      if (left > 0) counts.set(terms[first]!, left);
      else counts.delete(terms[first]!);
    }
    const [distinct, total] = [counts.size, last - first + 1];
    if (total === 0 || (best && (distinct - best.distinct || total - best.total) <= 0)) continue;
    best = { range: { start: matches[first]!.start, end }, distinct, total };
  }
  return best?.range ?? null;
}

/** The most of `limits` that begins and ends at a bound of words and has all of `matched` in it. */
function cutAtWords(text: string, matched: Span, limits: Span): Span {
  const from = Math.max(0, limits.start - WORD_REACH);
  const bounds = [0, matched.start, matched.end, text.length];
  eachSegment(words, text.slice(from, limits.end + WORD_REACH), (_, end) => bounds.push(from + end));
  bounds.sort((a, b) => a - b);
  const start = bounds.find((bound) => bound >= limits.start && bound <= matched.start) ?? matched.start;
  const end = bounds.findLast((bound) => bound <= limits.end && bound >= matched.end && bound > start);
  return trimSpan(text, { start, end: end ?? start + graphemeCut(text.slice(start), limits.end - limits.start) });
}
