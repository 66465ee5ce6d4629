/** @file Texts of exact token counts from passages, wherever these and the tokenizer come from. Runs in browsers and in Node. */
import type { TextTokenizer } from "../../src/tokenize/tokenizer.ts";

/** A text, and what a model reads of it. */
export interface BenchText {
  readonly text: string;
  /** End token included; cut where the model's limit is lower. */
  readonly inputIds: readonly number[];
  /** Without a cut. */
  readonly tokens: number;
}

export interface Corpus {
  /** A text of so many tokens, another one for each `place`. */
  textOf(tokens: number, place: number): Promise<BenchText>;
  /** As it stands. */
  plain(text: string): Promise<BenchText>;
  readonly questions: readonly string[];
}

/** What texts are made of: the sample library. */
export interface Sources {
  readonly passages: readonly { readonly title: string; readonly text: string }[];
  readonly questions: readonly { readonly query: string }[];
}

export function makeCorpus({ passages, questions }: Sources, tokenizer: TextTokenizer): Corpus {
  const sentences = passages.map(({ title, text }) => `${title}. ${text}`);
  const plain = async (text: string): Promise<BenchText> => {
    const { inputIds } = await tokenizer.encode(text, { overflow: "truncate" });
    return { text, inputIds: [...inputIds], tokens: await tokenizer.countTokens(text) };
  };
  return {
    questions: questions.map(({ query }) => query),
    plain,
    textOf: async (tokens, place) => plain(await cutTo(tokens, joinFrom(sentences, place, tokens), tokenizer)),
  };
}

/**
 * The beginning of a text that has so many tokens.
 *
 * @throws {RangeError} When no beginning has.
 */
export async function cutTo(
  tokens: number,
  text: string,
  tokenizer: Pick<TextTokenizer, "countTokens">,
): Promise<string> {
  let [least, most] = [0, text.length];
  while (least < most) {
    const middle = (least + most) >> 1;
    if ((await tokenizer.countTokens(text.slice(0, middle))) < tokens) least = middle + 1;
    else most = middle;
  }
  // Counts nearly always rise by one at a time; where two letters merge into fewer tokens, the next place does.
  for (let end = least; end <= Math.min(text.length, least + SEARCHED_LETTERS); end++) {
    const cut = text.slice(0, end);
    if ((await tokenizer.countTokens(cut)) === tokens) return cut;
  }
  throw new RangeError(`no beginning of a text of ${text.length} letters has ${tokens} tokens`);
}

/** Of English, a word and the next. */
const SEARCHED_LETTERS = 32;
/** No English token is longer in the mean, by far. */
const LETTERS_A_TOKEN = 8;

/** Passages one after the other from a place on, again from the first after the last. */
function joinFrom(sentences: readonly string[], place: number, tokens: number): string {
  const parts: string[] = [];
  let letters = 0;
  for (let i = place; letters < tokens * LETTERS_A_TOKEN; i++) {
    const part = sentences[i % sentences.length]!;
    parts.push(part);
    letters += part.length + 1;
  }
  return parts.join(" ");
}
