/** @file The sample texts that come with the page. */
import type { Entry } from "./library.ts";
import type { Passage, SampleState } from "./state.ts";

const PASSAGES = "samples/passages.json";
const QUESTIONS = "samples/questions.json";

/** Two rows of chips on a wide screen. */
const MAX_SUGGESTIONS = 6;

interface PassagesFile {
  readonly licence: string;
  readonly passages: readonly Passage[];
}

interface QuestionsFile {
  readonly questions: readonly { readonly query: string; readonly suggested: boolean }[];
}

export interface Sample {
  readonly entries: readonly Entry[];
  readonly state: SampleState;
}

/** Fetches passages and suggested questions; never rejects: without them the page still takes files. */
export async function fetchSample(baseUrl: string): Promise<Sample> {
  try {
    const [texts, asked] = await Promise.all([
      fetchJson<PassagesFile>(PASSAGES, baseUrl),
      fetchJson<QuestionsFile>(QUESTIONS, baseUrl),
    ]);
    const questions = asked.questions
      .filter((question) => question.suggested)
      .map((question) => question.query)
      .slice(0, MAX_SUGGESTIONS);
    const entries = texts.passages.map((passage) => ({ passage, input: `${passage.title}\n${passage.text}` }));
    return { entries, state: { licence: texts.licence, questions, failure: null } };
  } catch (error) {
    return { entries: [], state: { licence: null, questions: [], failure: String(error) } };
  }
}

async function fetchJson<T>(path: string, baseUrl: string): Promise<T> {
  const response = await fetch(new URL(path, baseUrl));
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`);
  return (await response.json()) as T;
}
