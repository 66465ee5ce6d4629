/** @file Recovery with real workers in a real browser: no request is lost, hung or answered wrongly. */
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { openEmbedder, type EmbedderOptions } from "../embedder.ts";
import type { EmbedderStatus } from "../types.ts";
import { MapStorage } from "./fixtures/map-storage.ts";
import { pageRecall } from "./recall.ts";

/** What a page that may be slow itself still answers in time, most of the time. */
const PING_MS = 500;

afterEach(() => localStorage.clear());

async function openLetters(options: Partial<EmbedderOptions> = {}, storage: Storage = new MapStorage()) {
  const workers: Worker[] = [];
  const startWorker = (): Worker => {
    const worker = new Worker(new URL("./fixtures/letter.worker.ts", import.meta.url), { type: "module" });
    workers.push(worker);
    return worker;
  };
  const all = { model: "letters", watchdog: { pingMs: PING_MS }, ...options };
  const embedder = await openEmbedder(all, startWorker, { recall: pageRecall(() => storage) });
  onTestFinished(() => embedder.dispose());
  return { embedder, workers };
}

/** From 0 up to `limit`, the same in each run of the tests. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

describe("a worker that is lost", () => {
  it("is replaced when it is terminated from outside at 20 random moments of 100 calls", async () => {
    const { embedder, workers } = await openLetters();
    const random = randomNumbers(7);
    for (let round = 0; round < 20; round++) {
      const worker = workers.at(-1)!;
      let left = random(95);
      const calls = Array.from({ length: 100 }, async (_, call) => {
        const { data } = await embedder.embed(["a".repeat(call), ...Array<string>(call % 9).fill("work")]);
        if (left-- === 0) worker.terminate();
        return [...data];
      });
      const expected = calls.map((_, call) => [call, 0, ...Array.from({ length: call % 9 }, (_, row) => [4, row + 1])]);
      expect(await Promise.all(calls)).toEqual(expected.map((rows) => rows.flat()));
    }
    expect(embedder.status.recovery.recoveries).toBe(workers.length - 1);
    expect(workers.length).toBeGreaterThan(20);
  });

  it("is replaced when it closes itself, which fires no event", async () => {
    const { embedder } = await openLetters();
    const { data } = await embedder.embed(["first close", "ab"]);
    expect([...data]).toEqual([11, 0, 2, 1]);
    expect(embedder.status.recovery).toMatchObject({ recoveries: 1, lastLoss: expect.stringContaining("frozen") });
  });

  it("is replaced when it is busy for seconds, and has not said that it runs", async () => {
    const { embedder } = await openLetters();
    expect((await embedder.embed(["first be busy", "ab"])).rows).toBe(2);
    expect(embedder.status.recovery).toMatchObject({ recoveries: 1, lastLoss: expect.stringContaining("frozen") });
  });

  it("is left alone when a run on WebAssembly keeps it busy as long", async () => {
    const { embedder, workers } = await openLetters({ device: "wasm" });
    expect((await embedder.embed("first be busy in a run")).rows).toBe(1);
    expect(workers).toHaveLength(1);
  });

  it("is replaced when it throws outside a call, with 100 calls under way", async () => {
    const states: EmbedderStatus["state"][] = [];
    const { embedder, workers } = await openLetters({ onStatus: ({ state }) => states.push(state) });
    const calls = Array.from({ length: 100 }, (_, row) => embedder.embed(["first freeze", "a".repeat(row)]));
    const crash = embedder.embed("first crash");
    const answers = await Promise.all(calls);
    expect(answers.map(({ data }) => [...data])).toEqual(answers.map((_, row) => [12, 0, row, 1]));
    await crash;
    expect(workers).toHaveLength(2);
    expect(states.filter((state) => state === "recovering")).toHaveLength(1);
  });

  it("leaves half its budget to the next one, in the page's storage", async () => {
    const { embedder } = await openLetters({}, localStorage);
    const before = embedder.status.vram.budgetBytes!;
    await embedder.embed("first crash gpu");
    expect(embedder.status.vram).toMatchObject({ budgetBytes: before / 2, budgetSource: "remembered" });
    const { embedder: later } = await openLetters({}, localStorage);
    expect(later.status.vram).toMatchObject({ budgetBytes: before / 2, budgetSource: "remembered" });
  });
});
