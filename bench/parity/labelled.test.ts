/** @file The labelled queries hold together: names exist, grades are as stated, nothing stands twice. */
import { describe, expect, it } from "vitest";
import { readQueries, smallCollection, wholeCollection } from "./labelled.ts";

describe("readQueries", () => {
  const entries = readQueries();

  it("has the queries that the README counts, each once", () => {
    expect(entries).toHaveLength(84);
    expect(new Set(entries.map(({ query }) => query.toLowerCase())).size).toBe(entries.length);
  });

  it("names at least one answer each, and no passage twice", () => {
    for (const { query, answers, onTopic } of entries) {
      expect(answers.length, query).toBeGreaterThan(0);
      expect(new Set([...answers, ...onTopic]).size, query).toBe(answers.length + onTopic.length);
    }
  });
});

describe("wholeCollection", () => {
  const { passages, sets } = wholeCollection();

  it("finds every passage that labels and questions name", () => {
    expect(passages).toHaveLength(498);
    expect(new Set(passages.map(({ id }) => id)).size).toBe(498);
    expect([sets.labelled?.length, sets.questions?.length]).toEqual([84, 77]);
  });

  it("grades answers 2 and what is on topic 1", () => {
    const [first] = sets.labelled!;
    const { answers, onTopic } = readQueries()[0]!;
    const graded = (grade: number) => [...first!.grades].filter(([, g]) => g === grade).map(([i]) => passages[i]!.id);
    expect(graded(2)).toEqual(answers);
    expect(graded(1)).toEqual(onTopic);
  });
});

describe("smallCollection", () => {
  it("keeps what its queries name, by the same texts", () => {
    const small = smallCollection();
    expect(small.passages).toHaveLength(96);
    expect(small.sets.labelled).toHaveLength(16);
    const whole = new Map(wholeCollection().passages.map(({ id, text }) => [id, text]));
    for (const { id, text } of small.passages) expect(text).toBe(whole.get(id));
    for (const [i, { grades }] of small.sets.labelled!.entries()) {
      const { answers, onTopic } = readQueries()[i]!;
      expect(new Set([...grades.keys()].map((index) => small.passages[index]!.id))).toEqual(
        new Set([...answers, ...onTopic]),
      );
    }
  });
});
