/** @file Tests of how documents are to be split. */
import { describe, expect, it } from "vitest";
import {
  DEFAULT_PASSAGES,
  libraryNameFor,
  OVERLAPS,
  PASSAGE_SIZES,
  recallPassages,
  rememberPassages,
} from "./passage-choice.ts";

function makeMemory(entries: Record<string, string> = {}): Pick<Storage, "getItem" | "setItem"> {
  const kept = new Map(Object.entries(entries));
  return { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => void kept.set(name, value) };
}

const choices = PASSAGE_SIZES.flatMap((maxTokens) => OVERLAPS.map((overlapTokens) => ({ maxTokens, overlapTokens })));

describe("the choice of passages", () => {
  it("comes back in the next visit", () => {
    for (const choice of choices) {
      const memory = makeMemory();
      rememberPassages(choice, memory);
      expect(recallPassages(memory)).toEqual(choice);
    }
  });

  it.each(["", "256", "7/32", "256/7", "NaN/0"])("is the default where %j is remembered", (value) => {
    expect(recallPassages(makeMemory({ "strata-demo:passages": value }))).toEqual(DEFAULT_PASSAGES);
  });

  it("is the default where nothing can be remembered", () => {
    const forbidden = {
      getItem: () => {
        throw new Error("forbidden");
      },
      setItem: () => {
        throw new Error("full");
      },
    };
    rememberPassages({ maxTokens: 512, overlapTokens: 0 }, forbidden);
    expect([recallPassages(forbidden), recallPassages(null)]).toEqual([DEFAULT_PASSAGES, DEFAULT_PASSAGES]);
  });

  it("has a library of its own for each way of splitting", () => {
    const names = choices.map((choice) => libraryNameFor("library", choice));
    expect(new Set(names).size).toBe(choices.length);
    expect(libraryNameFor("library", DEFAULT_PASSAGES)).toBe("library");
    // What names an index can have.
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9._-]+$/);
  });
});
