import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EmbedError } from "../errors.ts";
import type { Priority } from "../types.ts";
import {
  FakeDevice,
  IDLE,
  afterRuns,
  expectRows,
  outOfMemory,
  outcomeOf,
  schedulerOn,
  textsOf,
} from "./fixtures/fake-device.ts";
import { cost4b } from "./fixtures/shapes.ts";
import type { PassEvent } from "./scheduler.ts";

describe("Scheduler cancellation", () => {
  it("rejects waiting work at once and never runs it", async () => {
    const device = new FakeDevice();
    const { scheduler } = schedulerOn(device);
    const controller = new AbortController();
    const first = scheduler.submit(textsOf(Array<number>(100).fill(64)), { priority: "bulk" });
    await afterRuns(device, 2);
    const waiting = scheduler.submit(textsOf([7]), { priority: "bulk", signal: controller.signal });
    const runs = device.runs.length;
    controller.abort("no longer needed");
    await expect(waiting).rejects.toMatchObject({ code: "aborted", cause: "no longer needed" });
    expect(device.runs.length).toBeLessThanOrEqual(runs + 1);
    await first;
    expect(device.runs).toHaveLength(400);
  });

  it("ends a pass before its next run when nobody waits for it any more", async () => {
    const device = new FakeDevice();
    const { scheduler } = schedulerOn(device);
    const controller = new AbortController();
    const only = scheduler.submit(textsOf([1000]), { priority: "normal", signal: controller.signal });
    await afterRuns(device, 5);
    controller.abort();
    expect(await outcomeOf(only)).toBe("aborted");
    const texts = textsOf([5]);
    expectRows(await scheduler.submit(texts, { priority: "normal" }), texts);
    expect(device.runs.length).toBeLessThanOrEqual(5 + 1 + 4);
  });

  it("goes on with a pass that another request shares, and drops the cancelled one's rows", async () => {
    const device = new FakeDevice();
    const { scheduler } = schedulerOn(device);
    const controller = new AbortController();
    const cancelled = scheduler.submit(textsOf([10]), { priority: "normal", signal: controller.signal });
    const texts = textsOf([12]);
    const kept = scheduler.submit(texts, { priority: "normal" });
    await afterRuns(device, 2);
    controller.abort();
    expect(await outcomeOf(cancelled)).toBe("aborted");
    expectRows(await kept, texts);
    expect(device.runs).toHaveLength(4);
  });

  it("refuses a request whose signal has fired", async () => {
    const { scheduler } = schedulerOn(new FakeDevice());
    expect(await outcomeOf(scheduler.submit(textsOf([3]), { priority: "bulk", signal: AbortSignal.abort() }))).toBe(
      "aborted",
    );
  });

  it("has nothing left after a storm of 1,000 requests of which half are cancelled at any moment", async () => {
    const device = new FakeDevice();
    const { scheduler, planner } = schedulerOn(device);
    const random = generator(7);
    const waiting = new Set<AbortController>();
    device.beforeRun = () => {
      for (const controller of waiting) if (random() < 0.05) controller.abort();
    };
    const outcomes = await Promise.all(
      Array.from({ length: 1000 }, async (_, i) => {
        const controller = new AbortController();
        if (i % 2 === 0) waiting.add(controller);
        const priority = (["interactive", "normal", "bulk"] as const)[i % 3]!;
        const texts = textsOf(
          Array.from({ length: 1 + Math.floor(random() * 4) }, () => 1 + Math.floor(random() * 90)),
        );
        const result = scheduler.submit(texts, { priority, signal: controller.signal });
        return result.then(
          (done) => {
            expectRows(done, texts);
            return "done";
          },
          (error: unknown) => (error as EmbedError).code,
        );
      }),
    );
    expect(outcomes.filter((outcome) => outcome === "done").length).toBeGreaterThanOrEqual(500);
    expect(outcomes.filter((outcome) => outcome === "aborted").length).toBeGreaterThan(200);
    expect(outcomes.every((outcome) => outcome === "done" || outcome === "aborted")).toBe(true);
    expect(scheduler.depth).toEqual(IDLE);
    const texts = textsOf([4]);
    expectRows(await scheduler.submit(texts, { priority: "bulk" }), texts);
    expect(planner.plan([10], "bulk").passes).toHaveLength(1);
  });
});

describe("Scheduler failures", () => {
  it("plans anew what ran out of memory: nothing is lost and nothing is done twice, at any moments", async () => {
    const failures = fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 6 });
    const lengths = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(lengths, failures, async (all, gaps) => {
        const device = new FakeDevice();
        const done: number[] = [];
        const onPass = ({ sequences }: PassEvent): void => void done.push(sequences);
        const { scheduler, planner } = schedulerOn(device, { onPass, shape: cost4b, budgetBytes: 8 * 2 ** 30 });
        let untilFailure = gaps.shift() ?? Infinity;
        device.beforeRun = () => {
          if (--untilFailure > 0) return;
          untilFailure = gaps.shift() ?? Infinity;
          throw outOfMemory();
        };
        const [texts, query] = [textsOf(all), textsOf([9], 2)];
        const results = await Promise.all([
          scheduler.submit(texts, { priority: "bulk" }),
          scheduler.submit(query, { priority: "interactive" }),
        ]);
        expectRows(results[0], texts);
        expectRows(results[1], query);
        expect(done.reduce((sum, count) => sum + count, 0)).toBe(all.length + 1);
        expect(planner.budget.bytes).toBeLessThanOrEqual(8 * 2 ** 30);
      }),
      { numRuns: 40 },
    );
  });

  it("gives up with out-of-memory when the smallest plan does not fit either, and serves the next request", async () => {
    const device = new FakeDevice();
    const { scheduler } = schedulerOn(device);
    device.beforeRun = (pass) => {
      if (pass.tokenCount >= 300) throw outOfMemory();
    };
    expect(await outcomeOf(scheduler.submit(textsOf([300]), { priority: "normal" }))).toBe("out-of-memory");
    const texts = textsOf([20]);
    expectRows(await scheduler.submit(texts, { priority: "normal" }), texts);
    expect(scheduler.depth).toEqual(IDLE);
  });

  it("refuses only the request whose text fits no budget, by its index and the smallest budget that would do", async () => {
    const device = new FakeDevice();
    const { planner } = schedulerOn(device);
    const budgetBytes = planner.neededBytes(300);
    const { scheduler } = schedulerOn(device, { budgetBytes });
    const texts = textsOf([10, 40]);
    const fine = scheduler.submit(texts, { priority: "normal" });
    const tooLong = scheduler.submit(textsOf([5, 20000, 6]), { priority: "normal" });
    await expect(tooLong).rejects.toMatchObject({
      code: "out-of-memory",
      details: { index: 1, tokens: 20000, budgetBytes, neededBytes: planner.neededBytes(20000) },
    });
    expectRows(await fine, texts);
  });

  it("lets a text wait for memory that another class holds, without keeping shorter ones from running", async () => {
    const device = new FakeDevice();
    const { planner } = schedulerOn(device);
    const { scheduler } = schedulerOn(device, { budgetBytes: planner.neededBytes(20000) + 3 * 2 ** 20 });
    const long = textsOf([20000]);
    const bulk = scheduler.submit(long, { priority: "bulk" });
    await afterRuns(device, 3);
    const texts = textsOf([19000]);
    const waits = scheduler.submit(texts, { priority: "normal" });
    const query = textsOf([5]);
    expectRows(await scheduler.submit(query, { priority: "interactive" }), query);
    const urgent = scheduler.submit(textsOf([19500]), { priority: "interactive" });
    expect(scheduler.depth.bulk.requests).toBe(1);
    expectRows(await bulk, long);
    expectRows(await waits, texts);
    await urgent;
  });

  it("rejects the requests of a pass that failed, and goes on with the others", async () => {
    const device = new FakeDevice();
    const { scheduler } = schedulerOn(device);
    const bad = textsOf([64]);
    device.beforeRun = (pass) => {
      if (pass.tokenCount === 64) throw new Error("a broken kernel");
    };
    const failing = scheduler.submit(bad, { priority: "normal" });
    const texts = textsOf([20]);
    const fine = scheduler.submit(texts, { priority: "normal" });
    await expect(failing).rejects.toThrow("a broken kernel");
    expectRows(await fine, texts);
  });

  it("rejects everything when the device is lost", async () => {
    const device = new FakeDevice();
    const { scheduler } = schedulerOn(device);
    device.beforeRun = () => {
      if (device.runs.length >= 6) throw new EmbedError("device-lost", "gone");
    };
    const submit = (priority: Priority): Promise<string> =>
      outcomeOf(scheduler.submit(textsOf(Array<number>(20).fill(60)), { priority }));
    expect(await Promise.all([submit("bulk"), submit("normal"), submit("interactive"), submit("bulk")])).toEqual(
      Array<string>(4).fill("device-lost"),
    );
    expect(scheduler.depth).toEqual(IDLE);
  });

  it("rejects all that waits and runs when it is told to", async () => {
    const device = new FakeDevice();
    const { scheduler } = schedulerOn(device);
    const all = (["bulk", "normal"] as const).map((priority) =>
      outcomeOf(scheduler.submit(textsOf([500, 600]), { priority })),
    );
    await afterRuns(device, 3);
    scheduler.rejectAll(new EmbedError("disposed", "no more"));
    expect(await Promise.all(all)).toEqual(["disposed", "disposed"]);
    expect(device.runs.length).toBeLessThanOrEqual(4);
  });
});

describe("Scheduler and texts that never fit", () => {
  it("refuses them before it runs the others", async () => {
    const device = new FakeDevice();
    const budgetBytes = 0.6 * 2 ** 30;
    const { scheduler } = schedulerOn(device, { shape: cost4b, budgetBytes });
    const call = scheduler.submit(textsOf([100, 32768, 100]), { priority: "bulk" });
    await expect(call).rejects.toMatchObject({ code: "out-of-memory", details: { index: 1, budgetBytes } });
    expect(device.runs).toHaveLength(0);
  });
});

describe("Scheduler and weights", () => {
  it("tells the weights how many layers may stay before a pass takes its memory, with the run lock held", async () => {
    const device = new FakeDevice();
    const kept: number[] = [];
    const weights = { residentLayers: 36, refused: false, keep: (layers: number) => void kept.push(layers) };
    const runsBefore: number[] = [];
    const runPass: typeof device.runPass = (pass, context) => {
      runsBefore.push(kept.length);
      return device.runPass(pass, context);
    };
    const { scheduler, planner } = schedulerOn(device, { weights, runPass, shape: cost4b, budgetBytes: 2.6 * 2 ** 30 });
    expect(planner.residentAtStart()).toBe(36);
    await scheduler.submit(textsOf([32]), { priority: "normal" });
    await scheduler.submit(textsOf([32768]), { priority: "normal" });
    await scheduler.submit(textsOf([32]), { priority: "normal" });
    expect(kept).toHaveLength(2);
    expect(kept[0]).toBeLessThan(36);
    expect(kept[1]).toBe(36);
    expect(runsBefore).toEqual([0, 1, 2]);
  });

  it("shrinks the budget when memory for a layer was refused", async () => {
    const device = new FakeDevice();
    const weights = { residentLayers: 20, refused: true, keep: () => void (weights.refused = false) };
    const { scheduler, planner } = schedulerOn(device, { weights, shape: cost4b, budgetBytes: 4 * 2 ** 30 });
    await scheduler.submit(textsOf([32]), { priority: "normal" });
    expect(planner.budget.bytes).toBeLessThan(3 * 2 ** 30);
    expect(planner.residentLayers).toBeLessThanOrEqual(20);
    await scheduler.submit(textsOf([32]), { priority: "normal" });
    expect(weights.refused).toBe(false);
  });
});

/** Numbers in [0, 1), the same in every run of the test. */
function generator(state: number): () => number {
  return () => (state = (state * 16807) % 2147483647) / 2147483647;
}
