/** @file Words of a text and the form they are compared in: one rule for the lexical index, its queries and highlights. Pure. */
import { eachSegment } from "./segments.ts";

/**
 * A letter or digit with what may follow inside a word: marks, soft hyphens, joiners. All else separates words, the
 * apostrophe too: "l'homme" is found by "homme", "John's" by "John".
 */
const WORD = /[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}\u00ad]|\u200c|\u200d)*/gu;
/** Scripts that are written without spaces between words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const NOT_ASCII = /[^\0-\x7f]/;

/**
 * Diacritics, Hebrew points, Arabic vowel signs and tatweel, soft hyphens and joiners. Vowel signs of Indic scripts and
 * Japanese voicing marks tell words apart and stay, as does the breve of й and ў.
 */
const FOLDED_AWAY =
  /(?<![иу])\u0306|\p{Script=Inherited}(?<!\u0306|\u3099|\u309a)|\u00ad|\u0640|[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]/gu;
/** Letters with a stroke or joined in one: Unicode does not take them apart. */
const PLAIN_LETTERS: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  ł: "l",
  đ: "d",
  ı: "i",
  ς: "σ",
};
const NOT_PLAIN = /[ßæœøłđıς]/g;

const dictionary = new Intl.Segmenter("und", { granularity: "word" });

/** Whether words of the text must be looked up in a dictionary, which is about ten times slower. */
export function isUnspaced(text: string): boolean {
  return UNSPACED.test(text);
}

/** A word in the form in which words are equal: compatibility forms, case and diacritics gone ("Café" → "cafe"). */
export function foldWord(word: string): string {
  if (!NOT_ASCII.test(word)) return word.toLowerCase();
  const bare = word.normalize("NFKD").toLowerCase().replace(FOLDED_AWAY, "");
  return bare.replace(NOT_PLAIN, (letter) => PLAIN_LETTERS[letter] ?? letter).normalize("NFC");
}

/** Calls `visit` with the UTF-16 offsets of each word, ascending, end exclusive. */
export function eachWord(text: string, visit: (start: number, end: number) => void): void {
  for (const match of text.matchAll(WORD)) {
    const run = match[0];
    if (!NOT_ASCII.test(run) || !isUnspaced(run)) visit(match.index, match.index + run.length);
    else eachSegment(dictionary, run, (start, end) => visit(match.index + start, match.index + end));
  }
}

/** @returns The folded words, in order, as often as they occur. */
export function foldedWords(text: string): string[] {
  const words: string[] = [];
  eachWord(text, (start, end) => {
    const folded = foldWord(text.slice(start, end));
    if (folded !== "") words.push(folded);
  });
  return words;
}
