/** @file Tests of the questions to begin with. */
import { describe, expect, it } from "vitest";
import { suggestedQuestions, type SampleLibrary } from "./sample.ts";

const library = (title: string, builtIn: boolean, ...questions: string[]): SampleLibrary =>
  ({ title, builtIn, questions }) as unknown as SampleLibrary;

const LIBRARIES = [library("General", true, "a", "b", "c", "d"), library("Classics", false, "x", "y", "z", "w")];

describe("suggestedQuestions", () => {
  it("begins with the library that comes by itself", () => {
    expect(suggestedQuestions(LIBRARIES, new Set())).toEqual(["a", "b", "c", "d"]);
  });

  it("takes of each library that is there in turn, six in all", () => {
    expect(suggestedQuestions(LIBRARIES, new Set(["Classics", "General", "Mine"]))).toEqual([
      "a",
      "x",
      "b",
      "y",
      "c",
      "z",
    ]);
    expect(suggestedQuestions(LIBRARIES, new Set(["Classics"]))).toEqual(["x", "y", "z", "w"]);
    expect(suggestedQuestions(LIBRARIES, new Set(["Mine"]))).toEqual([]);
  });
});
