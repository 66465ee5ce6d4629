/** @file The texts of the parity table: languages, scripts, code and questions, with lengths as texts have them. Node only. */
import type { Role } from "../../src/pack.ts";
import type { TextTokenizer } from "../../src/tokenize/tokenizer.ts";
import { logNormalLengths } from "../harness/texts.ts";
import { wholeCollection } from "./labelled.ts";
import { CODE, LANGUAGES, NOTATION } from "./passages.ts";

export type TextKind = "english" | "question" | "language" | "code" | "notation";

export interface ParityText {
  readonly kind: TextKind;
  readonly text: string;
  readonly role: Role;
  /** Prompt and end token included. */
  readonly inputIds: Int32Array;
}

/** All there are. */
export const TEXT_COUNT = 200;

/** In turn, so that fewer texts have the same shares. */
const KINDS: readonly TextKind[] = [
  "english",
  "language",
  "english",
  "code",
  "language",
  "english",
  "question",
  "english",
  "language",
  "notation",
];

/**
 * Tokens: most texts are a sentence, one in thirty has more than a hundred. Enough for software WebGPU, which reads
 * about 60 tokens a second, and past the 32 where ONNX Runtime changes its attention kernel.
 */
const LENGTHS = { median: 18, sigma: 0.9, least: 2, most: 300 };

/** @param count - At most `TEXT_COUNT`; fewer are the first ones. Reads the sample library from the working folder. */
export async function parityTexts(
  tokenizer: Pick<TextTokenizer, "encode" | "countTokens">,
  count: number = TEXT_COUNT,
): Promise<ParityText[]> {
  const { passages, sets } = wholeCollection();
  const sources: Record<Exclude<TextKind, "question">, readonly string[]> = {
    english: passages.map(({ text }) => text),
    language: LANGUAGES,
    code: CODE,
    notation: NOTATION,
  };
  // Of all texts, so that fewer are the first of them.
  const lengths = logNormalLengths(TEXT_COUNT, LENGTHS);
  const places = new Map<TextKind, number>();
  const texts: ParityText[] = [];
  for (let i = 0; i < Math.min(count, TEXT_COUNT); i++) {
    const kind = KINDS[i % KINDS.length]!;
    const place = places.get(kind) ?? 0;
    places.set(kind, place + 1);
    const isQuestion = kind === "question";
    const text = isQuestion
      ? sets.questions![place]!.query
      : await cutTo(lengths[i]!, joinFrom(sources[kind], place, lengths[i]!), tokenizer);
    const role: Role = isQuestion ? "query" : "document";
    const { inputIds } = await tokenizer.encode(text, { role });
    texts.push({ kind, text, role, inputIds });
  }
  return texts;
}

/** More than any passage has, in the mean. */
const LETTERS_A_TOKEN = 8;

/** Passages from a place on; in another round through them each begins at a later word, so that no text comes twice. */
function joinFrom(passages: readonly string[], place: number, tokens: number): string {
  const [first, round] = [place % passages.length, Math.floor(place / passages.length)];
  let joined = withoutWords(passages[first]!, round);
  for (let i = first + 1; joined.length < tokens * LETTERS_A_TOKEN; i++) joined += ` ${passages[i % passages.length]!}`;
  return joined;
}

/** Of a text without spaces, letters are left out instead. */
function withoutWords(passage: string, words: number): string {
  const parts = passage.split(/(?<=\s)(?=\S)/u);
  return parts.length > words ? parts.slice(words).join("") : [...passage].slice(words).join("");
}

/** The longest beginning of at most so many tokens, a letter at least. */
async function cutTo(tokens: number, text: string, tokenizer: Pick<TextTokenizer, "countTokens">): Promise<string> {
  const letters = [...text];
  let [least, most] = [1, letters.length];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if ((await tokenizer.countTokens(letters.slice(0, middle).join(""))) <= tokens) least = middle;
    else most = middle - 1;
  }
  return letters.slice(0, least).join("");
}
