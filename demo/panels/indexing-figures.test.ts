/** @file Tests of what the indexing view says. */
import { describe, expect, it } from "vitest";
import type { SearchIndexStatus } from "../../src/index.ts";
import { announcedPercent, formatRate, kindOf, ratesOf } from "./indexing-figures.ts";
import type { IndexingFacts, IndexingKind } from "./indexing-figures.ts";

type State = SearchIndexStatus["indexing"]["state"];

function makeIndex(passages: number, vectors: number, state: State = "idle"): SearchIndexStatus {
  const indexing = {
    state,
    current: null,
    passages: 0,
    tokens: 0,
    elapsedMs: 0,
    remainingMs: null,
    failure: null,
    refused: 0,
  };
  return {
    name: "library",
    readOnly: false,
    lexicalReady: true,
    view: null,
    indexing,
    documents: 1,
    passages,
    vectors,
    vectorBytes: 0,
    space: null,
    dimensions: null,
  };
}

const withRefused = (index: SearchIndexStatus, refused: number): SearchIndexStatus => ({
  ...index,
  indexing: { ...index.indexing, refused },
});

const calm = { hasModel: true, arriving: 0, stopped: false, mismatch: false };

describe("kindOf", () => {
  it.each<[IndexingKind, IndexingFacts]>([
    ["empty", { ...calm, index: makeIndex(0, 0) }],
    ["splitting", { ...calm, arriving: 2, index: makeIndex(0, 0) }],
    ["working", { ...calm, arriving: 2, index: makeIndex(9, 1, "working") }],
    ["waiting", { ...calm, hasModel: false, index: makeIndex(9, 1) }],
    ["waiting", { ...calm, hasModel: false, index: makeIndex(9, 1, "paused") }],
    ["starting", { ...calm, index: makeIndex(9, 1) }],
    ["paused", { ...calm, index: makeIndex(9, 1, "paused") }],
    ["stopped", { ...calm, stopped: true, index: makeIndex(9, 1, "paused") }],
    ["failed", { ...calm, index: makeIndex(9, 1, "failed") }],
    ["mismatch", { ...calm, mismatch: true, index: makeIndex(9, 9) }],
    ["read-only", { ...calm, index: { ...makeIndex(9, 1), readOnly: true } }],
    ["done", { ...calm, index: withRefused(makeIndex(9, 7), 2) }],
    ["done", { ...calm, stopped: true, index: makeIndex(9, 9, "paused") }],
  ])("says %s", (kind, facts) => expect(kindOf(facts)).toBe(kind));
});

describe("ratesOf", () => {
  it("divides what this stretch has done by its time", () => {
    const { indexing } = makeIndex(9, 1);
    expect(ratesOf({ ...indexing, passages: 30, tokens: 3000, elapsedMs: 2000 })).toEqual({
      passages: 15,
      tokens: 1500,
    });
  });

  it("says nothing of the first moment", () => {
    const { indexing } = makeIndex(9, 1);
    expect(ratesOf({ ...indexing, passages: 1, tokens: 9, elapsedMs: 1 })).toBeNull();
    expect(ratesOf({ ...indexing, elapsedMs: 1000 })).toBeNull();
  });
});

describe("formatRate", () => {
  it.each([
    [0.42, "0.4"],
    [7.5, "7.5"],
    [1240.4, "1,240"],
  ])("writes %d as %s", (rate, text) => expect(formatRate(rate)).toBe(text));
});

describe("announcedPercent", () => {
  it("moves in quarters", () => {
    const steps = Array.from({ length: 101 }, (_, at) => announcedPercent(at, 100));
    expect([...new Set(steps)]).toEqual([0, 25, 50, 75, 100]);
    expect(announcedPercent(0, 0)).toBe(0);
  });
});
