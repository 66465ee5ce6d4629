/** @file Checks the sample library: structure, unique ids, passage lengths, no word shared by a question and its answer. */

import { readFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";

/** Long enough to stand alone, short enough to be read at a glance. */
const MIN_WORDS = 25;
const MAX_WORDS = 60;

/** The page downloads it before it can index anything. */
const MAX_LIBRARY_BYTES = 250_000;

/** From this length on, a word that begins another counts as the same word (`garden`, `gardener`). */
const MIN_SHARED_PREFIX = 4;

const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** Words that say how a sentence is built rather than what it is about. */
const FUNCTION_WORDS = new Set(
  `a an the this that these those some any each every all both either neither no none one ones other others another
  such same own i me my mine myself we us our ours you your yours he him his himself she her hers herself it its itself
  they them their theirs themselves someone somebody anyone anybody everyone everybody something anything everything
  nothing who whom whose which what when where why how whether and or but nor so yet if then than as because since
  while until till unless although though whereas of in on at by to from for with without about against between among
  into onto through during before after above below over under up down out off across along around behind beside
  besides beyond near toward towards upon within per via like is am are was were be been being do does did doing done
  have has had having can could may might must shall should will would cannot not don doesn didn isn aren wasn won
  couldn shouldn wouldn very too also just only even still again ever never always often here there now already more
  most much many few less least`.split(/\s+/),
);

interface Passage {
  readonly id: string;
  readonly title: string;
  readonly subject: string;
  readonly text: string;
}

interface Question {
  readonly query: string;
  readonly answer: string;
  readonly suggested: boolean;
}

/**
 * Words of both texts that a reader would call the same, function words left out.
 *
 * @returns Pairs such as `flower~flowers`; empty when nothing is shared.
 */
export function sharedWords(query: string, passage: string): string[] {
  const passageWords = contentWords(passage);
  return contentWords(query).flatMap((word) =>
    passageWords.filter((other) => isSameWord(word, other)).map((other) => `${word}~${other}`),
  );
}

/**
 * Everything that is wrong with the two parsed sample files.
 *
 * @returns One sentence for each problem; empty when they are sound.
 */
export function checkSamples(library: unknown, quiz: unknown): string[] {
  const { items: passages, problems } = listOf(library, "passages", isPassage);
  const { items: questions, problems: malformed } = listOf(quiz, "questions", isQuestion);
  problems.push(...malformed);
  if (!isRecord(library) || library["licence"] !== "CC0-1.0") problems.push("the library's licence is not CC0-1.0");
  problems.push(...passages.flatMap(passageProblems), ...repeated(passages.map(({ id }) => id)));
  const byId = new Map(passages.map((passage) => [passage.id, passage]));
  problems.push(...questions.flatMap((question) => questionProblems(question, byId.get(question.answer))));
  problems.push(...repeated(questions.map(({ query }) => query.toLowerCase())));
  return problems;
}

function passageProblems({ id, text }: Passage): string[] {
  const words = text.split(/\s+/).length;
  const problems = KEBAB_CASE.test(id) ? [] : [`passage id "${id}" is not kebab-case`];
  if (words < MIN_WORDS || words > MAX_WORDS) problems.push(`passage "${id}" has ${words} words`);
  return problems;
}

function questionProblems({ query, answer }: Question, passage: Passage | undefined): string[] {
  if (passage === undefined) return [`"${query}" names an unknown passage "${answer}"`];
  const shared = sharedWords(query, `${passage.title} ${passage.text}`);
  return shared.length === 0 ? [] : [`"${query}" shares ${shared.join(", ")} with "${answer}"`];
}

function repeated(values: readonly string[]): string[] {
  return values.filter((value, at) => values.indexOf(value) !== at).map((value) => `"${value}" occurs twice`);
}

function contentWords(text: string): string[] {
  const words =
    text
      .toLowerCase()
      .replace(/['’]\p{L}{1,2}(?!\p{L})/gu, "")
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  return [...new Set(words)].filter((word) => !FUNCTION_WORDS.has(word));
}

function isSameWord(a: string, b: string): boolean {
  const [stemA, stemB] = [stem(a), stem(b)];
  return stemA === stemB || begins(stemA, stemB) || begins(a, b);
}

function begins(a: string, b: string): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  return short.length >= MIN_SHARED_PREFIX && long.startsWith(short);
}

/** Cuts the commonest English endings and the doubled consonant they leave (`running` → `run`). */
function stem(word: string): string {
  const cut = word.replace(/(?<=\w{3})(?:ings?|ed|ers?|ors?|ies|es|ly|s|e|y)$/, "");
  return cut.replace(/([^aeiou])\1$/, "$1");
}

function listOf<T>(
  file: unknown,
  key: string,
  isItem: (value: unknown) => value is T,
): { items: T[]; problems: string[] } {
  const list: unknown = isRecord(file) ? file[key] : undefined;
  if (!Array.isArray(list) || list.length === 0) return { items: [], problems: [`there are no ${key}`] };
  const problems = list.flatMap((item, at) => (isItem(item) ? [] : [`${key}[${at}] is malformed`]));
  return { items: list.filter(isItem), problems };
}

function isPassage(value: unknown): value is Passage {
  return isRecord(value) && ["id", "title", "subject", "text"].every((key) => isFilled(value[key]));
}

function isQuestion(value: unknown): value is Question {
  return (
    isRecord(value) && isFilled(value["query"]) && isFilled(value["answer"]) && typeof value["suggested"] === "boolean"
  );
}

function isFilled(value: unknown): boolean {
  return typeof value === "string" && value !== "" && value === value.trim();
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function main(): void {
  const folder = new URL("../public/samples/", import.meta.url);
  const [passages, questions] = ["passages.json", "questions.json"].map((name) => readFileSync(new URL(name, folder)));
  const problems = checkSamples(JSON.parse(`${passages}`), JSON.parse(`${questions}`));
  if (passages!.byteLength > MAX_LIBRARY_BYTES) problems.push(`passages.json has ${passages!.byteLength} bytes`);
  console.log(problems.length === 0 ? "samples: sound" : problems.join("\n"));
  process.exitCode = problems.length === 0 ? 0 : 1;
}

if (argv[1] === fileURLToPath(import.meta.url)) main();
