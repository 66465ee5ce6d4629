import { describe, expect, it, vi } from "vitest";
import type { Priority } from "../types.ts";
import { FakeDevice, IDLE, afterRuns, expectRows, outcomeOf, schedulerOn, textsOf } from "./fixtures/fake-device.ts";
import type { PassEvent } from "./scheduler.ts";

describe("Scheduler.submit", () => {
  it("gives rows in input order, whatever order they were run in", async () => {
    const { scheduler } = schedulerOn(new FakeDevice());
    const texts = textsOf([90, 3, 500, 3, 64, 65, 1]);
    expectRows(await scheduler.submit(texts, { priority: "normal" }), texts);
    expect(scheduler.depth).toEqual(IDLE);
  });

  it("resolves an empty list at once", async () => {
    const device = new FakeDevice();
    expect(await schedulerOn(device).scheduler.submit([], { priority: "bulk" })).toEqual({
      rows: [],
      queueMs: 0,
      runMs: 0,
    });
    expect(device.passes).toBe(0);
  });

  it("batches 1,000 requests of one text each", async () => {
    const device = new FakeDevice();
    const { scheduler } = schedulerOn(device);
    const texts = textsOf(Array<number>(1000).fill(8));
    const results = await Promise.all(texts.map((text) => scheduler.submit([text], { priority: "normal" })));
    results.forEach((result, i) => expectRows(result, [texts[i]!]));
    expect(device.passes).toBe(1000 / (64 / 8));
  });

  it("serves a small request beside a huge one in the next window", async () => {
    const device = new FakeDevice();
    const { scheduler } = schedulerOn(device);
    const huge = scheduler.submit(textsOf(Array<number>(2000).fill(32)), { priority: "normal" });
    await afterRuns(device, 10);
    await scheduler.submit(textsOf([20, 30]), { priority: "normal" });
    expect(device.runs.length).toBeLessThan(4 * 2 * 16 * 2 + 20);
    expect(scheduler.depth.normal.requests).toBe(1);
    await huge;
  });

  it("reports progress that never goes back and ends at all texts and tokens", async () => {
    const { scheduler } = schedulerOn(new FakeDevice());
    const seen: [number, number][] = [];
    const onProgress = (...progress: [number, number]): void => void seen.push(progress);
    await scheduler.submit(textsOf([10, 200, 30]), { priority: "normal", onProgress });
    expect(seen.at(-1)).toEqual([3, 240]);
    expect(seen.length).toBeGreaterThan(10);
    for (const [i, [texts, tokens]] of seen.entries()) {
      expect(texts).toBeGreaterThanOrEqual(seen[i - 1]?.[0] ?? 0);
      expect(tokens).toBeGreaterThanOrEqual(seen[i - 1]?.[1] ?? 0);
    }
  });

  it("tells waiting from running", async () => {
    const device = new FakeDevice();
    const { scheduler } = schedulerOn(device);
    const first = scheduler.submit(textsOf([64]), { priority: "normal" });
    const second = scheduler.submit(textsOf([60]), { priority: "normal" });
    expect(await second).toMatchObject({ queueMs: 0, runMs: 40 });
    expect(await first).toMatchObject({ queueMs: 40, runMs: 40 });
  });

  it("runs with the fewest chunk tokens that a request of the window wishes", async () => {
    const device = new FakeDevice();
    const { scheduler } = schedulerOn(device);
    await scheduler.submit(textsOf([64]), { priority: "normal", chunkTokens: 16 });
    expect(device.runs).toHaveLength(4 * 4);
  });

  it("tells of each pass and of each wait, and when it has nothing left to do", async () => {
    const device = new FakeDevice();
    const [passes, waits, onIdle] = [[] as PassEvent[], [] as number[], vi.fn()];
    const { scheduler } = schedulerOn(device, {
      onPass: (pass) => passes.push(pass),
      onWait: (_, ms) => waits.push(ms),
      onIdle,
    });
    await scheduler.submit(textsOf([20, 30]), { priority: "bulk" });
    expect(passes).toEqual([{ priority: "bulk", sequences: 2, tokens: 50, cells: 60, ms: 40 }]);
    expect(waits).toEqual([0]);
    await Promise.resolve();
    expect(onIdle).toHaveBeenCalledTimes(1);
  });
});

describe("Scheduler priorities", () => {
  it("lets a query wait for one run of a bulk job, and no bulk run in between the query's own", async () => {
    const device = new FakeDevice();
    const { scheduler } = schedulerOn(device);
    const bulk = scheduler.submit(textsOf(Array<number>(300).fill(50)), { priority: "bulk" });
    for (let query = 0; query < 20; query++) {
      await afterRuns(device, device.runs.length + 3);
      const before = device.runs.length;
      const { queueMs } = await scheduler.submit(textsOf([130, 64, 20]), { priority: "interactive" });
      const log = device.runs.slice(before).map(({ priority }) => priority);
      expect(log.indexOf("interactive")).toBeLessThanOrEqual(1);
      expect(log.slice(log.indexOf("interactive"), log.lastIndexOf("interactive"))).not.toContain("bulk");
      expect(queueMs).toBeLessThanOrEqual(device.runMs);
    }
    await bulk;
  });

  it("serves three classes at once, each with one pass of its own, highest first", async () => {
    const device = new FakeDevice();
    const { scheduler } = schedulerOn(device);
    const order: string[] = [];
    const submit = (priority: Priority): Promise<unknown> =>
      scheduler.submit(textsOf(Array<number>(40).fill(40)), { priority }).then(() => order.push(priority));
    await Promise.all([submit("bulk"), submit("normal"), submit("interactive")]);
    expect(order).toEqual(["interactive", "normal", "bulk"]);
  });

  it("gives memory that a bulk pass frees to the query that waits for it", async () => {
    const device = new FakeDevice();
    const budgetBytes = schedulerOn(device).planner.neededBytes(16_000);
    const { scheduler } = schedulerOn(device, { budgetBytes });
    // Each of the long texts is a pass of its own, and holds what the query needs.
    const bulk = scheduler.submit(textsOf(Array<number>(6).fill(8000)), { priority: "bulk" });
    await afterRuns(device, 3);
    const query = scheduler.submit(textsOf([16_000]), { priority: "interactive" });
    await query;
    const passes = new Set(device.runs.filter(({ priority }) => priority === "bulk").map(({ pass }) => pass));
    expect(passes.size).toBe(1);
    await bulk;
  });

  it("goes on when one class waits for the memory of another, and a third for the first", async () => {
    const device = new FakeDevice();
    const budgetBytes = schedulerOn(device).planner.neededBytes(16_000);
    const { scheduler } = schedulerOn(device, { budgetBytes });
    const bulk = scheduler.submit(textsOf([8000, 8000]), { priority: "bulk" });
    await afterRuns(device, 3);
    const query = scheduler.submit(textsOf([16_000]), { priority: "interactive" });
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    const normal = scheduler.submit(textsOf([8000, 100]), { priority: "normal" });
    const done = await Promise.all([bulk, query, normal]);
    expect(done.map(({ rows }) => rows.length)).toEqual([2, 1, 2]);
  });

  it("asks the device whether it takes a run before it decides whose that is", async () => {
    const device = new FakeDevice();
    let release = (): void => undefined;
    let gate = Promise.resolve();
    const { scheduler } = schedulerOn(device, { ready: () => gate });
    gate = new Promise((resolve) => (release = resolve));
    const bulk = scheduler.submit(textsOf([40]), { priority: "bulk" });
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    const query = scheduler.submit(textsOf([5]), { priority: "interactive" });
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    release();
    await Promise.all([bulk, query]);
    expect(device.runs[0]!.priority).toBe("interactive");
  });
});

describe("Scheduler limits", () => {
  it("refuses what exceeds the queue, with how long to wait, but nothing while nothing waits", async () => {
    const device = new FakeDevice();
    const { scheduler, planner } = schedulerOn(device, { limits: { bulk: { maxQueuedTokens: 100 } } });
    const first = scheduler.submit(textsOf(Array<number>(50).fill(10)), { priority: "bulk" });
    const refused = scheduler.submit(textsOf([10]), { priority: "bulk" });
    const retryAfterMs = Math.ceil((410 * 1000) / planner.tokensPerSecond);
    await expect(refused).rejects.toMatchObject({
      code: "queue-full",
      details: { queuedTokens: 500, limit: 100, retryAfterMs },
    });
    const others = [
      scheduler.submit(textsOf([10]), { priority: "bulk", readmitted: true }),
      scheduler.submit(textsOf([10]), { priority: "normal" }),
    ];
    await Promise.all([first, ...others]);
    await scheduler.submit(textsOf([500]), { priority: "bulk" });
  });

  it("serves no more requests at once than allowed, in order of arrival", async () => {
    const device = new FakeDevice();
    const { scheduler } = schedulerOn(device, { limits: { normal: { maxConcurrentRequests: 2 } } });
    const order: number[] = [];
    const submit = (id: number): Promise<unknown> =>
      scheduler.submit(textsOf([64, 64, 64]), { priority: "normal" }).then(() => order.push(id));
    await Promise.all([0, 1, 2, 3, 4].map(submit));
    expect(order.slice(0, 2).sort()).toEqual([0, 1]);
    expect(order.at(-1)).toBe(4);
  });

  it("keeps to a rate of tokens, whatever the device could do", async () => {
    const device = new FakeDevice();
    device.runMs = 0.1;
    const { scheduler } = schedulerOn(device, { limits: { bulk: { maxTokensPerSecond: 1000 } } });
    const texts = textsOf(Array<number>(200).fill(50));
    expectRows(await scheduler.submit(texts, { priority: "bulk" }), texts);
    // 10,000 tokens, the first second's worth at once.
    expect(device.clock.ms).toBeGreaterThan(8800);
    expect(device.clock.ms).toBeLessThan(10_500);
  });

  it("stops waiting for the rate when the last request is cancelled", async () => {
    const device = new FakeDevice();
    const waits: AbortSignal[] = [];
    const clock = {
      now: () => device.clock.ms,
      wait: (_: number, signal: AbortSignal) => {
        waits.push(signal);
        return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      },
    };
    const { scheduler } = schedulerOn(device, { limits: { bulk: { maxTokensPerSecond: 10 } }, clock });
    const controller = new AbortController();
    const slow = scheduler.submit(textsOf([50, 50]), { priority: "bulk", signal: controller.signal });
    while (waits.length === 0) await new Promise(setImmediate);
    controller.abort();
    expect(await outcomeOf(slow)).toBe("aborted");
    for (let i = 0; i < 10; i++) await Promise.resolve();
    expect(waits[0]!.aborted).toBe(true);
  });
});
