import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkSamples, sharedWords } from "./check-samples.ts";

function readSample(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../public/samples/${name}`, import.meta.url), "utf8"));
}

/** 30 words, "passage" and "word" among them. */
const passage = { id: "a-passage", title: "Title", subject: "tests", text: "passage " + "word ".repeat(29).trim() };
const question = { query: "What is unlike it?", answer: "a-passage", suggested: false };

function problemsOf(changes: { passage?: object; question?: object; passages?: unknown }): string[] {
  const passages = changes.passages ?? [{ ...passage, ...changes.passage }];
  return checkSamples({ licence: "CC0-1.0", passages }, { questions: [{ ...question, ...changes.question }] });
}

describe("sharedWords", () => {
  it("finds inflected forms and words that begin one another", () => {
    expect(sharedWords("Who runs a garden?", "The gardener was running")).toEqual(["runs~running", "garden~gardener"]);
  });
  it("ignores function words and contractions", () => {
    expect(sharedWords("why can't it be me", "It can be what you want, and that's why")).toEqual([]);
  });
});

describe("checkSamples", () => {
  it("accepts the shipped library", () => {
    expect(checkSamples(readSample("passages.json"), readSample("questions.json"))).toEqual([]);
  });
  it("names a question that shares a word with its answer", () => {
    expect(problemsOf({ question: { query: "Which words?" } })).toEqual([
      '"Which words?" shares words~word with "a-passage"',
    ]);
  });
  it("names an answer that does not exist", () => {
    expect(problemsOf({ question: { answer: "gone" } })).toEqual([
      '"What is unlike it?" names an unknown passage "gone"',
    ]);
  });
  it("names repeated ids, ids that are not kebab-case and passages of the wrong length", () => {
    expect(problemsOf({ passages: [passage, passage] })).toEqual(['"a-passage" occurs twice']);
    expect(problemsOf({ passages: [passage, { ...passage, id: "B" }] })).toEqual(['passage id "B" is not kebab-case']);
    expect(problemsOf({ passage: { text: "too short" } })).toEqual(['passage "a-passage" has 2 words']);
  });
  it("names missing lists, missing fields and a missing licence", () => {
    expect(problemsOf({ passages: [passage, { ...passage, id: "b", title: "" }] })).toEqual([
      "passages[1] is malformed",
    ]);
    expect(checkSamples({}, null)).toEqual([
      "there are no passages",
      "there are no questions",
      "the library's licence is not CC0-1.0",
    ]);
  });
});

describe("questions.json", () => {
  it("offers enough questions, a dozen of them for the page to suggest", () => {
    const { questions } = readSample("questions.json") as { questions: { suggested: boolean }[] };
    expect(questions.length).toBeGreaterThanOrEqual(40);
    expect(questions.filter(({ suggested }) => suggested)).toHaveLength(12);
  });
});
