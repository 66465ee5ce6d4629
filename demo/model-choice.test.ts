/** @file Tests of what the page opens with. */
import { describe, expect, it } from "vitest";
import {
  BUILT_IN,
  diedLoading,
  firstChoice,
  loadOptions,
  noteLoad,
  rememberChoice,
  withoutModel,
} from "./model-choice.ts";

function makeMemory(entries: Iterable<[string, string]> = []) {
  const map = new Map(entries);
  return {
    map,
    getItem: (key: string) => map.get(key) ?? null,
    setItem: (key: string, value: string) => void map.set(key, value),
    removeItem: (key: string) => void map.delete(key),
  };
}

const STORED = { kind: "stored", id: "big-0123", name: "big" } as const;

describe("firstChoice", () => {
  it("is the built-in pack until another was remembered, and the address before both", () => {
    const memory = makeMemory();
    expect(firstChoice(null, memory)).toEqual(BUILT_IN);
    rememberChoice(STORED, memory);
    expect(firstChoice(null, memory)).toEqual(STORED);
    expect(firstChoice("https://a.example/", memory)).toEqual({ kind: "address", url: "https://a.example/" });
    rememberChoice({ kind: "address", url: "https://a.example/" }, memory);
    expect(firstChoice(null, memory)).toEqual(STORED);
    rememberChoice(BUILT_IN, memory);
    expect(firstChoice(null, memory)).toEqual(BUILT_IN);
  });

  it.each(["", "{", "null", "7", '{"id":1,"name":"a"}', '{"id":"a"}'])("does not trust a memory of %j", (text) => {
    const memory = { ...makeMemory(), getItem: () => text };
    expect(firstChoice(null, memory)).toEqual(BUILT_IN);
  });

  it("does without a memory", () => {
    const refusing = {
      ...makeMemory(),
      setItem: () => {
        throw new DOMException("full", "QuotaExceededError");
      },
    };
    rememberChoice(STORED, refusing);
    rememberChoice(STORED, null);
    expect(firstChoice(null, null)).toEqual(BUILT_IN);
  });
});

describe("noteLoad", () => {
  it("keeps the next visit from a model that this one dies of", () => {
    const memory = makeMemory();
    rememberChoice(STORED, memory);
    noteLoad(STORED, memory);
    expect([firstChoice(null, memory), diedLoading(memory)]).toEqual([BUILT_IN, "big"]);
    expect(firstChoice("https://a.example/", memory)).toMatchObject({ kind: "address" });
    rememberChoice(STORED, memory);
    expect([firstChoice(null, memory), diedLoading(memory)]).toEqual([STORED, null]);
  });

  it("leaves what was remembered when the load fails or the visitor leaves", () => {
    const memory = makeMemory();
    noteLoad(STORED, memory)();
    expect([firstChoice(null, memory), diedLoading(memory)]).toEqual([BUILT_IN, null]);
    rememberChoice(STORED, memory);
    noteLoad({ ...STORED, name: "other" }, memory)();
    expect(firstChoice(null, memory)).toEqual(STORED);
    noteLoad(STORED, memory);
    noteLoad(STORED, memory)();
    expect([firstChoice(null, memory), diedLoading(memory)]).toEqual([BUILT_IN, null]);
  });

  it("notes nothing of what is not remembered", () => {
    const memory = makeMemory();
    noteLoad(BUILT_IN, memory);
    expect(memory.map.size).toBe(0);
  });
});

describe("loadOptions", () => {
  it("keeps what is not built in", () => {
    const base = "https://strata.example/demo/";
    const options = [BUILT_IN, STORED, { kind: "address", url: "https://a.example/" } as const];
    expect(options.map((choice) => loadOptions(choice, base))).toEqual([
      { model: "https://strata.example/demo/models/nano-q4/", storage: "none" },
      { model: { stored: "big-0123" }, storage: "auto" },
      { model: "https://a.example/", storage: "auto" },
    ]);
  });
});

describe("withoutModel", () => {
  it("leaves the other parameters", () => {
    expect(withoutModel("https://a.example/?model=x&device=wasm#models")).toBe("https://a.example/?device=wasm#models");
  });
});
