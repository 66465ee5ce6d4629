/** @file Tests of search as you type, with a clock and an index of the test's own; with the real one: page.browser.test.ts. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EmbedError } from "../src/index.ts";
import type { SearchHit, SearchIndex, SearchMode, SearchOptions, SearchQuery, SearchResult } from "../src/index.ts";
import { NO_QUESTION } from "./question.ts";
import type { Question } from "./question.ts";
import { SearchSession } from "./search-session.ts";
import { INITIAL_STATE } from "./state.ts";
import type { PageState } from "./state.ts";
import { createStore } from "./store.ts";

const TIMINGS = { embedMs: 1, scanMs: 1, lexicalMs: 1, readMs: 1, totalMs: 4 };

const HIT: SearchHit = {
  passageId: 1,
  documentId: "talc",
  passage: 0,
  title: "Talc",
  metadata: {},
  section: [],
  text: "Soft.",
  start: 0,
  end: 5,
  score: 1,
  cosine: 1,
  bm25: null,
  terms: [],
};

interface Asked {
  readonly query: SearchQuery;
  readonly options: SearchOptions;
  answer(mode?: SearchMode): Promise<void>;
  fail(error: Error): Promise<void>;
}

/** An index that answers when the test says so. */
function makeIndex(hits: readonly SearchHit[]) {
  const asked: Asked[] = [];
  const search = (query: SearchQuery, options: SearchOptions = {}) =>
    new Promise<SearchResult>((resolve, reject) => {
      options.signal?.addEventListener("abort", () => reject(new EmbedError("aborted", "cancelled")));
      asked.push({
        query,
        options,
        async answer(mode = options.mode ?? "hybrid") {
          resolve({ mode, hits, considered: asked.length, timings: TIMINGS });
          await vi.advanceTimersByTimeAsync(0);
        },
        async fail(error) {
          reject(error);
          await vi.advanceTimersByTimeAsync(0);
        },
      });
    });
  return { asked, index: { search } as unknown as SearchIndex };
}

function makeSession({ hasModel = true, isOpen = true, hits = [HIT] as readonly SearchHit[] } = {}) {
  const store = createStore<PageState>(INITIAL_STATE);
  const { asked, index } = makeIndex(hits);
  const failures: unknown[] = [];
  const now = { hasModel, isOpen };
  const session = new SearchSession(store, {
    index: () => (now.isOpen ? index : null),
    hasModel: () => now.hasModel,
    onFailure: (error) => failures.push(error),
  });
  return { asked, store, session, failures, now, answer: () => store.get().search.answer };
}

const of = (query: string, change: Partial<Question> = {}): Question => ({ ...NO_QUESTION, query, ...change });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("SearchSession", () => {
  it("searches at once, and after a burst for its last word alone", async () => {
    const { session, asked, answer } = makeSession();
    session.ask(of("b"));
    expect(asked.map(({ query }) => query)).toEqual(["b"]);
    await vi.advanceTimersByTimeAsync(10);
    session.ask(of("br"));
    await vi.advanceTimersByTimeAsync(10);
    session.ask(of("bre"));
    expect(asked[0]!.options.signal?.aborted).toBe(true);
    await vi.advanceTimersByTimeAsync(40);
    expect(asked.map(({ query }) => query)).toEqual(["b", "bre"]);
    await asked[1]!.answer();
    expect(answer()).toMatchObject({ question: { query: "bre" }, isFinal: true });
    expect(answer()!.askedAtMs).not.toBe(null);
  });

  it("lets words stand in for a meaning that takes its time, and not for one that is quick", async () => {
    const { session, asked, answer } = makeSession();
    session.ask(of("quick"));
    await asked[0]!.answer();
    await vi.advanceTimersByTimeAsync(500);
    expect(asked).toHaveLength(1);
    session.ask(of("slow", { instruction: "Find code" }));
    await vi.advanceTimersByTimeAsync(149);
    expect(asked).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked[2]!.options).toMatchObject({ mode: "lexical" });
    expect(asked[2]!.options).not.toHaveProperty("instruction");
    await asked[2]!.answer();
    expect(answer()).toMatchObject({ question: { query: "slow" }, isFinal: false });
    await asked[1]!.answer();
    expect(answer()).toMatchObject({ isFinal: true, result: { mode: "hybrid" } });
  });

  it("passes over words that come after the meaning", async () => {
    const { session, asked, answer } = makeSession();
    session.ask(of("slow"));
    await vi.advanceTimersByTimeAsync(150);
    await asked[0]!.answer();
    await asked[1]!.answer();
    expect(answer()).toMatchObject({ isFinal: true, result: { mode: "hybrid" } });
  });

  it("answers by words without a model, and by meaning once there is one", async () => {
    const { session, asked, answer, now } = makeSession({ hasModel: false });
    session.ask(of("talc"));
    await asked[0]!.answer("lexical");
    expect(answer()).toMatchObject({ isFinal: true, result: { mode: "lexical" } });
    now.hasModel = true;
    session.refreshNow();
    await asked[1]!.answer("hybrid");
    expect(answer()).toMatchObject({ result: { mode: "hybrid" }, askedAtMs: null });
  });

  it("waits for a model when meaning alone is asked for, and shows no other answer meanwhile", async () => {
    const { session, asked, answer, now } = makeSession({ hasModel: false });
    session.ask(of("talc"));
    await asked[0]!.answer("lexical");
    session.ask(of("talc", { mode: "semantic" }));
    expect([asked.length, answer()]).toEqual([1, null]);
    session.ask(of("talc", { mode: "semantic", like: { documentId: "talc", passage: 3 } }));
    expect(asked[1]!.query).toEqual({ documentId: "talc", passage: 3 });
    session.ask(of("talc", { mode: "semantic" }));
    now.hasModel = true;
    session.refreshNow();
    expect(asked[2]).toMatchObject({ query: "talc", options: { mode: "semantic" } });
  });

  it("asks when the library is open, and again as it grows, but not more than once a second", async () => {
    const { session, asked, now } = makeSession({ isOpen: false });
    session.ask(of("talc"));
    expect(asked).toHaveLength(0);
    now.isOpen = true;
    session.refreshNow();
    await asked[0]!.answer();
    for (let growth = 0; growth < 5; growth++) session.refresh();
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toHaveLength(2);
    // One that is under way is not overtaken.
    session.refresh();
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toHaveLength(2);
    await asked[1]!.answer();
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toHaveLength(3);
  });

  it("asks again soon where nothing was found yet", async () => {
    const { session, asked } = makeSession({ hits: [] });
    session.ask(of("talc"));
    await asked[0]!.answer();
    session.refresh();
    await vi.advanceTimersByTimeAsync(100);
    expect(asked).toHaveLength(2);
  });

  it("empties when the question is emptied", async () => {
    const { session, asked, store } = makeSession();
    session.ask(of("talc"));
    await asked[0]!.answer();
    session.ask(of(" "));
    expect(store.get().search).toMatchObject({ answer: null, failure: null });
  });

  it("tells of failures, and passes on those that the model does not survive", async () => {
    const { session, asked, store, failures } = makeSession();
    session.ask(of("one"));
    await asked[0]!.fail(new EmbedError("queue-full", "too much"));
    expect(store.get().search.failure).toMatchObject({ code: "queue-full" });
    await vi.advanceTimersByTimeAsync(100);
    session.ask(of("two"));
    await asked[1]!.answer();
    expect(store.get().search.failure).toBe(null);
    await vi.advanceTimersByTimeAsync(100);
    session.ask(of("three"));
    const lost = new EmbedError("device-lost", "gone");
    await asked[2]!.fail(lost);
    expect(failures).toEqual([lost]);
  });
});
