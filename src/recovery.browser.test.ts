/** @file Injected faults under the real engine: every text gets the undisturbed run's vector, or its caller a typed error. */
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { openEmbedder, type Embedder, type EmbedderOptions } from "./embedder.ts";
import { EmbedError } from "./errors.ts";
import { mixedLengths, packUrl, randomIds } from "./fixtures/browser-packs.ts";
import { FAULT_CHANNEL, type FaultOrder } from "./fixtures/device-probe.ts";
import type { Priority } from "./types.ts";

declare const __STRATA_FAULTS__: number;

/** Faults a test injects; `STRATA_FAULTS=20` has as many as the published figures. */
const FAULTS = __STRATA_FAULTS__;

/** 100 texts in three requests, one of each priority: what shares a run, and so each bit, is the same every time. */
const TEXTS = mixedLengths(100, 60).map(randomIds);
const PRIORITIES = ["bulk", "normal", "interactive"] as const;

afterEach(() => localStorage.clear());

async function open(options: Partial<EmbedderOptions>) {
  const workers: Worker[] = [];
  const startWorker = (): Worker => {
    const worker = new Worker(new URL("./fixtures/fault.worker.ts", import.meta.url), { type: "module" });
    workers.push(worker);
    return worker;
  };
  // Neither time nor pace makes a plan differ from the undisturbed one.
  const all = { model: packUrl("stress-q8"), maxRunMs: Infinity, chunkTokens: 1024, ...options };
  const embedder = await openEmbedder(all, startWorker);
  const faults = new BroadcastChannel(FAULT_CHANNEL);
  onTestFinished(() => {
    faults.close();
    embedder.dispose();
  });
  return { embedder, workers, order: (fault: FaultOrder) => faults.postMessage(fault) };
}

/** All requests are sent before the first is answered. @returns Their vectors, or the code of their error. */
function runJob(embedder: Embedder, job = TEXTS): Promise<readonly (readonly number[] | string)[]> {
  const ask = async (priority: Priority, i: number): Promise<readonly number[] | string> => {
    try {
      const texts = job.filter((_, text) => text % PRIORITIES.length === i);
      return [...(await embedder.embed(texts, { priority })).data];
    } catch (error) {
      if (error instanceof EmbedError) return error.code;
      throw error;
    }
  };
  return Promise.all(PRIORITIES.map(ask));
}

function largestDifference(actual: readonly (readonly number[] | string)[], expected: typeof actual): number {
  const differences = actual.flatMap((row, i) =>
    typeof row === "string" ? [] : row.map((value, j) => Math.abs(value - (expected[i] as readonly number[])[j]!)),
  );
  return differences.reduce((most, value) => Math.max(most, value), 0);
}

/** The same in each run of the tests. */
function* randomShares(seed: number): Generator<number> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.each([
  { fault: "the device is destroyed", device: "webgpu" },
  { fault: "the worker is terminated", device: "wasm" },
] as const)("when $fault on $device at a random moment of 100 texts", ({ fault, device }) => {
  it("answers every request once, with the vectors of the undisturbed run", async () => {
    const { embedder, workers, order } = await open({ device, watchdog: { pingMs: 1000 } });
    const expected = await runJob(embedder);
    const started = performance.now();
    expect(await runJob(embedder)).toEqual(expected);
    const undisturbedMs = performance.now() - started;
    const moments = randomShares(3);
    for (let n = 0; n < FAULTS; n++) {
      const job = runJob(embedder);
      await after(moments.next().value! * undisturbedMs);
      if (fault === "the device is destroyed") order({ kind: "destroy" });
      else workers.at(-1)!.terminate();
      expect(largestDifference(await job, expected)).toBe(0);
      expect((await job).filter((answer) => typeof answer === "string")).toEqual([]);
    }
    const { recoveries } = embedder.status.recovery;
    console.log(`${fault}: ${FAULTS} times, ${recoveries} recoveries, every vector identical`);
    expect(workers).toHaveLength(recoveries + 1);
    expect(recoveries).toBeGreaterThan(0);
  });
});

describe("when every k-th buffer is refused", () => {
  it("gives each request its vectors or out-of-memory, and all of them afterwards", async () => {
    // Few and short: with what memory is thought to be left, plans get small, and many.
    const texts = TEXTS.filter(({ length }) => length < 20).slice(0, 12);
    const { embedder, order } = await open({ device: "webgpu" });
    const expected = await runJob(embedder, texts);
    let [answered, refused] = [0, 0];
    for (const k of [150, 40, 10].slice(0, FAULTS)) {
      order({ kind: "refuse-every", k });
      const answers = await runJob(embedder, texts);
      order({ kind: "refuse-every", k: 0 });
      const codes = answers.filter((answer) => typeof answer === "string");
      expect(new Set(codes)).toEqual(new Set(codes.length > 0 ? ["out-of-memory"] : []));
      expect(largestDifference(answers, expected)).toBeLessThanOrEqual(2e-5);
      refused += codes.length;
      answered += answers.length - codes.length;
    }
    console.log(
      `every k-th buffer refused: ${answered} requests answered rightly, ${refused} rejected as out-of-memory`,
    );
    expect(largestDifference(await runJob(embedder, texts), expected)).toBeLessThanOrEqual(2e-5);
    expect(embedder.status).toMatchObject({ state: "ready", recovery: { recoveries: 0 } });
  });
});
