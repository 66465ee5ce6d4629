/** @file Tests of when the page has what it needs. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { untilAtRest } from "./state.ts";
import type { PageState } from "./state.ts";
import { createStore } from "./store.ts";

const LOADING = { failure: null, status: null, index: null, sample: null, arriving: 0 } as unknown as PageState;
const READY = { status: { state: "ready" }, index: { indexing: { state: "idle" } }, sample: {} } as Partial<PageState>;

/** A page that loads, and whether the promise has been kept. */
function wait(mostMs = 5000) {
  const page = createStore<PageState>(LOADING);
  const seen = { atRest: false };
  void untilAtRest(page, mostMs).then(() => (seen.atRest = true));
  return { page, seen };
}

const turn = () => vi.advanceTimersByTimeAsync(0);

describe("untilAtRest", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("waits for the model, the library and the samples", async () => {
    const { page, seen } = wait();
    for (const part of ["status", "index"] as const) {
      page.update({ [part]: READY[part] });
      await turn();
      expect(seen.atRest).toBe(false);
    }
    page.update(READY);
    await turn();
    expect(seen.atRest).toBe(true);
  });

  it("does not wait for the indexing, nor for what has failed", async () => {
    const { page, seen } = wait();
    page.update({ ...READY, arriving: 1 });
    await turn();
    expect(seen.atRest).toBe(true);
    const failed = wait();
    failed.page.update({ failure: { code: null, message: "" } });
    await turn();
    expect(failed.seen.atRest).toBe(true);
  });

  it("waits no longer than it is told to", async () => {
    const { seen } = wait(5000);
    await vi.advanceTimersByTimeAsync(4999);
    expect(seen.atRest).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(seen.atRest).toBe(true);
  });
});
