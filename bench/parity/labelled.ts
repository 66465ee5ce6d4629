/** @file Two labelled sets over the sample passages: one written for this bench, one picked by the model itself. Node only. */
import { readFileSync } from "node:fs";
import type { Grade } from "./ndcg.ts";

const PASSAGES = "public/samples/passages.json";
const QUESTIONS = "public/samples/questions.json";
const QUERIES = "bench/parity/labelled/queries.json";

/** Software WebGPU reads some 60 tokens a second: these take it minutes, the whole collection would take it ten a cell. */
const SMALL = { queries: 16, passages: 96 };

export interface Passage {
  readonly id: string;
  /** As it is embedded: `title + ". " + text`. */
  readonly text: string;
}

/** A query and which passages of the collection serve it. */
export interface LabelledQuery {
  readonly query: string;
  /** By the passage's index in the collection. */
  readonly grades: ReadonlyMap<number, Grade>;
}

/** `labelled`: see labelled/README.md. `questions`: one answer each, picked because the built-in model finds it. */
export type QuerySetName = "labelled" | "questions";

export interface Collection {
  readonly size: "whole" | "small";
  readonly passages: readonly Passage[];
  readonly sets: Readonly<Partial<Record<QuerySetName, readonly LabelledQuery[]>>>;
}

/** An entry of `labelled/queries.json`. */
export interface QueryEntry {
  readonly query: string;
  /** Ids of passages of grade 2. */
  readonly answers: readonly string[];
  /** Ids of passages of grade 1. */
  readonly onTopic: readonly string[];
}

/** Reads from the working folder. */
export function wholeCollection(): Collection {
  const { passages } = readJson<{ passages: { id: string; title: string; text: string }[] }>(PASSAGES);
  const collection = passages.map(({ id, title, text }) => ({ id, text: `${title}. ${text}` }));
  const indexById = indices(collection);
  const { questions } = readJson<{ questions: { query: string; answer: string }[] }>(QUESTIONS);
  return {
    size: "whole",
    passages: collection,
    sets: {
      labelled: readQueries().map((entry) => labelledQuery(entry, indexById)),
      questions: questions.map(({ query, answer }) =>
        labelledQuery({ query, answers: [answer], onTopic: [] }, indexById),
      ),
    },
  };
}

/** The first queries of the labelled set with the passages that they name, and some more. */
export function smallCollection(): Collection {
  const { passages } = wholeCollection();
  const entries = readQueries().slice(0, SMALL.queries);
  const named = new Set(entries.flatMap(({ answers, onTopic }) => [...answers, ...onTopic]));
  const others = passages.filter(({ id }) => !named.has(id)).slice(0, Math.max(0, SMALL.passages - named.size));
  const kept = new Set([...named, ...others.map(({ id }) => id)]);
  const collection = passages.filter(({ id }) => kept.has(id));
  const indexById = indices(collection);
  return {
    size: "small",
    passages: collection,
    sets: { labelled: entries.map((entry) => labelledQuery(entry, indexById)) },
  };
}

/** The file as it stands. */
export function readQueries(): readonly QueryEntry[] {
  return readJson<{ queries: QueryEntry[] }>(QUERIES).queries;
}

/** @throws {Error} For an id that no passage has. */
function labelledQuery({ query, answers, onTopic }: QueryEntry, indexById: ReadonlyMap<string, number>): LabelledQuery {
  const graded = (ids: readonly string[], grade: Grade): [number, Grade][] =>
    ids.map((id) => {
      const index = indexById.get(id);
      if (index === undefined) throw new Error(`the labels of ${JSON.stringify(query)} name ${id}, no such passage`);
      return [index, grade];
    });
  return { query, grades: new Map([...graded(onTopic, 1), ...graded(answers, 2)]) };
}

function indices(passages: readonly Passage[]): ReadonlyMap<string, number> {
  return new Map(passages.map(({ id }, i) => [id, i]));
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}
