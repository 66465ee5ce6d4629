/** @file Tests of what is remembered between visits. */
import { describe, expect, it } from "vitest";
import type { Memory } from "./library-memory.ts";
import {
  recallView,
  rememberSampled,
  rememberStopped,
  rememberView,
  wasSampled,
  wasStopped,
} from "./library-memory.ts";

function makeMemory(entries: Record<string, string> = {}): Memory {
  const kept = new Map(Object.entries(entries));
  return {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    removeItem: (name) => void kept.delete(name),
  };
}

const forbidden: Memory = {
  getItem: () => {
    throw new Error("forbidden");
  },
  setItem: () => {
    throw new Error("full");
  },
  removeItem: () => {
    throw new Error("forbidden");
  },
};

describe("what is remembered of the library", () => {
  it("comes back in the next visit", () => {
    const memory = makeMemory();
    expect([wasSampled(memory), wasStopped(memory), recallView(memory)]).toEqual([false, false, {}]);
    rememberSampled(memory);
    rememberStopped(true, memory);
    rememberView({ dimensions: 64, precision: "binary", rescore: false }, memory);
    expect([wasSampled(memory), wasStopped(memory)]).toEqual([true, true]);
    expect(recallView(memory)).toEqual({ dimensions: 64, precision: "binary", rescore: false });
    rememberStopped(false, memory);
    rememberView({}, memory);
    expect([wasStopped(memory), recallView(memory)]).toEqual([false, {}]);
  });

  it("is nothing where the browser forbids it or has none", () => {
    for (const memory of [forbidden, null]) {
      rememberSampled(memory);
      rememberView({ dimensions: 64 }, memory);
      expect([wasSampled(memory), wasStopped(memory), recallView(memory)]).toEqual([false, false, {}]);
    }
  });

  it("leaves out what it does not understand", () => {
    const memory = makeMemory({ "strata-demo:view": '{"dimensions":0.5,"precision":"int4","rescore":"no"}' });
    expect(recallView(memory)).toEqual({});
    expect(recallView(makeMemory({ "strata-demo:view": "{" }))).toEqual({});
  });
});
