/** @file Tests of questions: what the index is asked, and what can be filtered by. */
import { describe, expect, it } from "vitest";
import { countFacets, isBlank, keyOf, NO_QUESTION, toggleFilter, toQuery, toSearchOptions } from "./question.ts";

const like = { documentId: "rocks", passage: 7 };

describe("toSearchOptions", () => {
  it("leaves out what is the default", () => {
    expect(toSearchOptions(NO_QUESTION)).toEqual({ topK: 10, mode: "hybrid" });
  });

  it("asks for filters, instruction and one passage per document", () => {
    const filters = { subject: ["animals", "rocks"], source: [] };
    expect(toSearchOptions({ ...NO_QUESTION, filters, instruction: "Find code", bestOnly: true })).toEqual({
      topK: 10,
      mode: "hybrid",
      filter: { metadata: { subject: ["animals", "rocks"] } },
      perDocument: 1,
      instruction: "Find code",
    });
  });

  it("gives no instruction where nothing is embedded", () => {
    expect(toSearchOptions({ ...NO_QUESTION, mode: "lexical", instruction: "x" })).toEqual({
      topK: 10,
      mode: "lexical",
    });
    expect(toSearchOptions({ ...NO_QUESTION, like, instruction: "x" })).toEqual({ topK: 10, mode: "semantic" });
  });
});

describe("toQuery", () => {
  it("takes the passage in place of the words", () => {
    expect(toQuery({ ...NO_QUESTION, query: "talc" })).toBe("talc");
    expect(toQuery({ ...NO_QUESTION, query: "talc", like })).toEqual({ documentId: "rocks", passage: 7 });
  });
});

describe("isBlank", () => {
  it("holds as long as neither words nor a passage are given", () => {
    expect(isBlank({ ...NO_QUESTION, query: " \n" })).toBe(true);
    expect(isBlank({ ...NO_QUESTION, like })).toBe(false);
  });
});

describe("keyOf", () => {
  it("is the same whatever order filters were chosen in, and differs with each of them", () => {
    const one = { ...NO_QUESTION, filters: { subject: ["a"], type: ["b"] } };
    expect(keyOf(one)).toBe(keyOf({ ...NO_QUESTION, filters: { type: ["b"], subject: ["a"] } }));
    expect(keyOf(one)).not.toBe(keyOf(NO_QUESTION));
    expect(keyOf({ ...NO_QUESTION, bestOnly: true })).not.toBe(keyOf(NO_QUESTION));
  });
});

describe("toggleFilter", () => {
  it("adds a value, adds another, and leaves no empty field behind", () => {
    const one = toggleFilter({}, "subject", "animals");
    expect(toggleFilter(one, "subject", "rocks")).toEqual({ subject: ["animals", "rocks"] });
    expect(toggleFilter(one, "subject", "animals")).toEqual({});
  });
});

describe("countFacets", () => {
  const of = (...metadata: Record<string, string | number>[]) =>
    countFacets(metadata.map((entry) => ({ metadata: entry })));

  it("counts documents by value, most frequent first", () => {
    expect(of({ subject: "b" }, { subject: "a" }, { subject: "b" })).toEqual([
      {
        facet: "subject",
        values: [
          { value: "b", documents: 2 },
          { value: "a", documents: 1 },
        ],
      },
    ]);
  });

  it("offers a value that only some have, and none that all have", () => {
    expect(of({ type: "pdf" }, { type: "pdf" })).toEqual([]);
    expect(of({ type: "pdf" }, {})).toHaveLength(1);
  });

  it("leaves out other fields, numbers, and fields with too many values", () => {
    expect(of({ colour: "x" }, { colour: "y" }, { type: 1 }, { type: 2 })).toEqual([]);
    expect(of(...Array.from({ length: 101 }, (_, index) => ({ source: `file ${index}` })))).toEqual([]);
  });
});
