/** @file What is taken out of imported text: what cannot be seen, and space that says nothing. Pure, linear in the text. */

/** Orders the reader's eye but not the text: with them a text can read differently from what it holds. */
const BIDI_CONTROLS = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g;

/** Scripts in which zero-width characters shape letters or end words. */
const SHAPED =
  "\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Mongolian}\\p{Script=Devanagari}\\p{Script=Bengali}\\p{Script=Gurmukhi}" +
  "\\p{Script=Gujarati}\\p{Script=Oriya}\\p{Script=Tamil}\\p{Script=Telugu}\\p{Script=Kannada}\\p{Script=Malayalam}" +
  "\\p{Script=Sinhala}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}";

/** Zero-width space, joiner and non-joiner, but for those scripts and for emoji of several parts. */
const IDLE_JOINERS = new RegExp(
  `(?<![${SHAPED}\\p{Extended_Pictographic}\\p{Emoji_Modifier}\\uFE0F])[\\u200B-\\u200D]+`,
  "gu",
);

/** Soft hyphen, word joiner and invisible operators, byte order mark, annotation marks, Mongolian vowel separator. */
const INVISIBLE = /[\u00AD\u180E\u2060-\u2064\u206A-\u206F\uFEFF\uFFF9-\uFFFB]/g;

/** Tag characters: an invisible copy of ASCII. Only flags of regions are written with them. */
const TAG_CHARACTERS = /(\u{1F3F4}[\u{E0020}-\u{E007E}]{1,6}\u{E007F})|[\u{E0000}-\u{E007F}]+/gu;

/** Control characters that are no white space. */
const CONTROLS = /(?![\t\n\v\f\r\u0085])\p{Cc}/gu;

/** Halves of surrogate pairs, which no encoding can hold. */
const LONE_SURROGATES = /\p{Surrogate}/gu;

const PARAGRAPH_ENDS = /[\f\u2029]/g;
const LINE_ENDS = /\r\n?|[\v\u0085\u2028]/g;
const SPACES = /[\t\p{Zs}]+/gu;

/**
 * Text of several lines: line ends become `\n`, blank lines stay one blank line, spaces become one, and controls, bidi
 * controls and idle zero-width characters go. NFC.
 */
export function cleanLines(text: string): string {
  return (
    text
      .replace(BIDI_CONTROLS, "")
      .replace(INVISIBLE, "")
      .replace(TAG_CHARACTERS, "$1")
      .replace(IDLE_JOINERS, "")
      .replace(CONTROLS, " ")
      .replace(PARAGRAPH_ENDS, "\n\n")
      .replace(LINE_ENDS, "\n")
      .replace(SPACES, " ")
      .replace(LONE_SURROGATES, "\uFFFD")
      .normalize("NFC")
      // Split rather than matched: ` *\n` would try every run of spaces from each of its characters.
      .split("\n")
      .map((line) => line.trim())
      .join("\n")
      .replace(/\n{3,}/g, "\n\n")
      .trim()
  );
}

/** As {@link cleanLines}, all on one line. */
export function cleanLine(text: string): string {
  return cleanLines(text).replace(/\n+/g, " ");
}
