import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Chunk, Pass, Priority } from "../types.ts";
import { VramBudget, WASM_HEAP_BYTES, openBudget } from "./budget.ts";
import { CostModel, runFlops, type CostShape } from "./cost.ts";
import { QWEN_4B, cost4b, nanoCost } from "./fixtures/shapes.ts";
import { RunPace, type PaceKind } from "./pace.ts";
import { longestOf, passBytes, peakBytes } from "./plan.ts";
import { Planner } from "./planner.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

interface Some {
  readonly shape?: CostShape;
  readonly chunkTokens?: number;
  readonly kind?: PaceKind;
}

function plannerWithin(budget: VramBudget, { shape = cost4b, chunkTokens = 4096, kind = "gpu" }: Some = {}): Planner {
  return new Planner({ cost: new CostModel(shape), budget, pace: new RunPace(kind), chunkTokens, maxRunMs: 250 });
}

function plannerOf(shape: CostShape, bytes: number, some: Some = {}): Planner {
  return plannerWithin(new VramBudget({ bytes, ceiling: bytes }, "caller"), { shape, ...some });
}

/** Bytes of weights as resident now, tables and these passes. */
function bytesInUse(shape: CostShape, planner: Planner, passes: readonly Pass[]): number {
  const cost = new CostModel(shape);
  const { residentLayers, layers } = planner;
  const weights = cost.weights({ residentLayers, slots: Math.min(2, layers - residentLayers) });
  const parts = passes.map(({ chunks }) => passBytes(cost, chunks));
  const held = parts.reduce((sum, { heldBytes, readbackBytes }) => sum + heldBytes + readbackBytes, 0);
  const peak = parts.length === 1 ? peakBytes(parts[0]!) : held + Math.max(...parts.map((p) => p.runtimeBytes));
  return weights + cost.tables(longestOf(passes.flatMap(({ chunks }) => chunks))) + peak;
}

const chunkOf = (tokens: number): Chunk => ({
  slices: [{ sequence: 0, start: 0, length: tokens }],
  tokenCount: tokens,
  sliced: false,
});

describe("Planner", () => {
  it("keeps all layers where they fit, and fewer the less there is", () => {
    const resident = [8, 2, 1, 0.5].map((gib) => plannerOf(cost4b, gib * GIB).residentAtStart());
    expect(resident[0]).toBe(36);
    expect(resident).toEqual(resident.toSorted((a, b) => b - a));
    expect(resident[3]).toBeLessThan(8);
    expect(plannerOf(nanoCost, 512 * MIB).residentAtStart()).toBe(4);
  });

  it("runs 32,768 tokens of the 4B shape in 1 GiB, and in 3 GiB with all layers resident in f16", () => {
    const streamed = plannerOf(cost4b, GIB);
    const [pass] = streamed.plan([32768], "bulk").passes;
    streamed.begin(pass!, "bulk");
    expect(streamed.predictedBytes).toBeLessThanOrEqual(GIB);
    const f16 = { ...cost4b, activations: "f16", layerBytes: 56_842_000 } as const;
    const resident = plannerOf(f16, 3 * GIB);
    resident.begin(resident.plan([32768], "normal").passes[0]!, "normal");
    expect(resident.residentLayers).toBe(36);
    expect(resident.predictedBytes).toBeLessThanOrEqual(3 * GIB);
  });

  it("makes one chunk a pass while weights are resident, and gathers chunks when they are streamed", () => {
    const lengths = Array<number>(200).fill(90);
    const firstPass = (bytes: number, tokensPerSecond: number): Pass => {
      const planner = plannerOf(cost4b, bytes);
      planner.pace.observePass(tokensPerSecond, 1000);
      return planner.plan(lengths, "bulk").passes[0]!;
    };
    expect(firstPass(8 * GIB, 1000).chunks).toHaveLength(1);
    expect(firstPass(GIB, 1000).chunks.length).toBeGreaterThan(8);
    // Slow: a pass of 10 s, or one chunk.
    expect(firstPass(GIB, 100).tokenCount).toBeLessThanOrEqual(1000);
    expect(firstPass(GIB, 1).chunks).toHaveLength(1);
  });

  it("gives layers up for a long text and takes them back after it", () => {
    const planner = plannerOf(cost4b, 2.6 * GIB);
    const [short] = planner.plan([300], "normal").passes;
    expect(planner.begin(short!, "normal")).toBe(36);
    planner.end(short!, 10);
    const [long] = planner.plan([32768], "normal").passes;
    expect(planner.begin(long!, "normal")).toBeLessThan(30);
    planner.end(long!, 10);
    expect(planner.begin(planner.plan([300], "normal").passes[0]!, "normal")).toBe(36);
  });

  it("leaves room for a query of 512 tokens beside a bulk pass, without giving up more layers for it", () => {
    for (const bytes of [0.7 * GIB, GIB, 2 * GIB, 8 * GIB]) {
      const planner = plannerOf(cost4b, bytes);
      const [bulk] = planner.plan([...Array<number>(300).fill(200), 9000], "bulk").passes;
      const during = planner.begin(bulk!, "bulk");
      const { passes } = planner.plan([512], "interactive");
      expect(passes).toHaveLength(1);
      expect(planner.begin(passes[0]!, "interactive")).toBe(during);
      expect(bytesInUse(cost4b, planner, [bulk!, passes[0]!])).toBeLessThanOrEqual(bytes);
    }
  });

  it("lets a text wait whose room another class holds", () => {
    const planner = plannerOf(nanoCost, plannerOf(nanoCost, GIB).neededBytes(20000) + MIB);
    const [bulk] = planner.plan([20000], "bulk").passes;
    planner.begin(bulk!, "bulk");
    expect(planner.plan([20000], "normal")).toEqual({ passes: [], impossible: null });
    planner.end(bulk!, 1);
    expect(planner.plan([20000], "normal").passes).toHaveLength(1);
  });

  it("names the smallest budget when a text fits none, and that budget does", () => {
    const shapes = fc.constantFrom(nanoCost, cost4b, { ...nanoCost, kind: "wasm" as const });
    const lengths = fc.oneof(fc.integer({ min: 1, max: 600 }), fc.constantFrom(3000, 10000));
    fc.assert(
      fc.property(shapes, lengths, fc.constantFrom(16, 512, 4096), (shape, length, chunkTokens) => {
        const { passes, impossible } = plannerOf(shape, 1000, { chunkTokens }).plan([length], "bulk");
        expect(passes).toEqual([]);
        expect(impossible?.error).toMatchObject({ code: "out-of-memory", details: { budgetBytes: 1000 } });
        const neededBytes = impossible!.error.details.neededBytes as number;
        const inBudget = plannerOf(shape, neededBytes, { chunkTokens });
        const [pass] = inBudget.plan([length], "bulk").passes;
        inBudget.begin(pass!, "bulk");
        expect(inBudget.predictedBytes).toBeLessThanOrEqual(neededBytes);
        expect(plannerOf(shape, neededBytes - 1, { chunkTokens }).plan([length], "bulk").passes).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });

  it("never plans beyond the budget, whatever runs at once", () => {
    const work = fc.record({
      bytes: fc.integer({ min: 400, max: 4000 }).map((mib) => mib * MIB),
      lengths: fc.array(
        fc.array(fc.oneof(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 20000 })), {
          minLength: 1,
          maxLength: 20,
        }),
        { minLength: 3, maxLength: 3 },
      ),
      order: fc.constantFrom<Priority[]>(["bulk", "normal", "interactive"], ["interactive", "bulk", "normal"]),
    });
    fc.assert(
      fc.property(work, ({ bytes, lengths, order }) => {
        const planner = plannerOf(cost4b, bytes);
        const under: Pass[] = [];
        for (const [i, priority] of order.entries()) {
          const [pass] = planner.plan(lengths[i]!, priority).passes;
          if (!pass) continue;
          planner.begin(pass, priority);
          under.push(pass);
          expect(bytesInUse(cost4b, planner, under)).toBeLessThanOrEqual(bytes);
        }
        expect(planner.predictedBytes).toBeLessThanOrEqual(bytes);
      }),
      { numRuns: 40 },
    );
  });

  it("shrinks for a pass that ran out of memory until its plan is the smallest, then gives up", () => {
    const planner = plannerOf(cost4b, 4 * GIB);
    let tries = 0;
    for (;;) {
      const [pass] = planner.plan([4000], "normal").passes;
      planner.begin(pass!, "normal");
      const again = planner.outOfMemory(pass!);
      planner.end(pass!, null);
      if (!again) break;
      expect(++tries).toBeLessThan(30);
    }
    expect(tries).toBeGreaterThan(2);
    expect(planner.budget.bytes).toBe(planner.neededBytes(4000));
  });

  it("tries a text again that had fit before the budget shrank", () => {
    const planner = plannerOf(cost4b, GIB);
    planner.budget.shrink(0, planner.neededBytes(10));
    expect(planner.plan([32768], "bulk").passes).toHaveLength(1);
    expect(planner.budget.bytes).toBe(planner.neededBytes(32768));
  });

  it("refuses no text that the whole budget bears after a start with a part of it", () => {
    const whole = plannerOf(cost4b, GIB).neededBytes(32768);
    for (const from of [
      { rememberedBytes: 1 },
      { callerBytes: whole, share: 1 / 4 },
      { callerBytes: Infinity, share: 1 / 8 },
    ]) {
      const planner = plannerWithin(openBudget({ ...from, start: { bytes: whole, ceiling: 2 * whole } }));
      expect(planner.budget.bytes).toBeLessThan(whole);
      expect(planner.plan([32768], "bulk").passes).toHaveLength(1);
      expect(planner.budget.bytes).toBe(whole);
    }
  });

  it("has all layers resident again soon after a query was refused memory", () => {
    const planner = plannerWithin(new VramBudget({ bytes: 2 * GIB, ceiling: 4 * GIB }, "adapter"), { shape: nanoCost });
    const query = (fail: boolean): void => {
      const [pass] = planner.plan([64], "interactive").passes;
      planner.begin(pass!, "interactive");
      if (fail) planner.outOfMemory(pass!);
      planner.end(pass!, fail ? null : 1);
    };
    query(true);
    expect(planner.residentAtStart()).toBe(0);
    for (let passes = 0; passes < 60; passes++) query(false);
    expect(planner.residentAtStart()).toBe(4);
    expect(planner.residentLayers).toBe(4);
  });

  it("gives layers up for bytes that are reserved, also for those of passes under way, and takes them back", () => {
    const planner = plannerOf(cost4b, 2.6 * GIB);
    planner.reservedBytes = GIB;
    expect(planner.residentLayers).toBe(planner.residentAtStart());
    expect(planner.residentLayers).toBeLessThan(30);
    expect(planner.predictedBytes).toBeLessThanOrEqual(2.6 * GIB);
    const [pass] = planner.plan([300], "normal").passes;
    planner.begin(pass!, "normal");
    expect(bytesInUse(cost4b, planner, [pass!])).toBeLessThanOrEqual(1.6 * GIB);
    planner.reservedBytes = 0;
    expect(planner.residentLayers).toBe(36);
    planner.reservedBytes = 1.5 * GIB;
    expect(bytesInUse(cost4b, planner, [pass!])).toBeLessThanOrEqual(1.1 * GIB);
  });

  it("makes chunks smaller on a slower device, and larger as it learns that it is fast", () => {
    const longest = (planner: Planner): number => planner.plan([8000], "bulk").passes[0]!.chunks[0]!.tokenCount;
    const planner = plannerOf(cost4b, 8 * GIB);
    const assumed = longest(planner);
    for (let i = 0; i < 4; i++) planner.observe(chunkOf(256), (1000 * runFlops(QWEN_4B, chunkOf(256))) / 4e12);
    expect(longest(planner)).toBeGreaterThanOrEqual(4 * assumed);
    expect(longest(plannerOf(cost4b, 8 * GIB, { kind: "software" }))).toBe(32);
  });

  it("shrinks when runs become many times slower with most of the budget in use, and not else", () => {
    const bytesAfterCliff = (budget: number): number => {
      const planner = plannerOf(cost4b, budget);
      const [pass] = planner.plan([400], "bulk").passes;
      planner.begin(pass!, "bulk");
      for (let i = 0; i < 10; i++) planner.observe(pass!.chunks[0]!, 100);
      for (let i = 0; i < 8; i++) planner.observe(pass!.chunks[0]!, 900);
      return planner.budget.bytes;
    };
    expect(bytesAfterCliff(3 * GIB)).toBeLessThan(2.4 * GIB);
    expect(bytesAfterCliff(30 * GIB)).toBe(30 * GIB);
  });

  it("shares windows of five seconds' work, between two and sixteen chunks, and whole passes when it streams", () => {
    const planner = plannerOf(nanoCost, GIB, { chunkTokens: 512, kind: "wasm" });
    planner.observe(chunkOf(512), 5);
    planner.observe(chunkOf(512), 5);
    const windowAt = (tokensPerSecond: number): number => {
      for (let i = 0; i < 200; i++) planner.pace.observePass(tokensPerSecond, 1000);
      return planner.windowTokens;
    };
    expect(windowAt(10)).toBe(1024);
    expect(windowAt(1000)).toBeCloseTo(5000, -2);
    expect(windowAt(100_000)).toBe(8192);
    const streaming = plannerOf(cost4b, GIB);
    streaming.pace.observePass(1000, 1000);
    expect(streaming.windowTokens).toBe(8192);
    streaming.pace.observePass(0, 4000);
    expect(streaming.windowTokens).toBeLessThan(2500);
  });

  it("counts on WASM what a run takes of the heap, and keeps all layers", () => {
    const wasm = { ...cost4b, kind: "wasm" } as const;
    const planner = plannerOf(wasm, WASM_HEAP_BYTES, { chunkTokens: 512, kind: "wasm" });
    const [pass] = planner.plan([20000], "bulk").passes;
    expect(planner.begin(pass!, "bulk")).toBe(36);
    expect(planner.predictedBytes).toBe(passBytes(new CostModel(wasm), pass!.chunks).runtimeBytes);
  });
});
