import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ACME } from "../fixtures/adapter.ts";
import { VramBudget, budgetKey, openBudget, startBudget } from "./budget.ts";

const GIB = 2 ** 30;
const start = { bytes: 2 * GIB, ceiling: 4 * GIB };

/** A pass that went well and used this share of the budget. */
function succeed(budget: VramBudget, share = 1): void {
  budget.succeeded({ usedBytes: share * budget.bytes, streamed: false });
}

/** Passes that use a share of the budget, on a GPU that refuses what is above a size. */
function refusalsIn(
  passes: number,
  budget: VramBudget,
  { bearsBytes, used }: { readonly bearsBytes: number; readonly used: number },
): number {
  let refusals = 0;
  for (let pass = 0; pass < passes; pass++) {
    const usedBytes = used * Math.min(budget.bytes, 32 * GIB);
    if (usedBytes <= bearsBytes) {
      succeed(budget, used);
      continue;
    }
    budget.shrink(usedBytes);
    refusals++;
  }
  return refusals;
}

describe("startBudget", () => {
  it("takes less than the GPUs of each tier of buffer sizes have", () => {
    const bytes = [0.25, 1, 2, 4].map((gib) => startBudget({ maxBufferSize: gib * GIB, software: false }).bytes / GIB);
    expect(bytes).toEqual([0.5, 1, 2, 4]);
  });

  it("takes limits that are some bytes below a power of two for it", () => {
    expect(startBudget({ maxBufferSize: 2 * GIB - 4, software: false }).bytes).toBe(2 * GIB);
  });

  it("leaves a software adapter and a small computer their memory", () => {
    expect(startBudget({ maxBufferSize: 4 * GIB, software: true }).bytes).toBe(GIB);
    expect(startBudget({ maxBufferSize: 4 * GIB, software: false, deviceMemoryGiB: 4 }).bytes).toBe(GIB);
  });
});

describe("openBudget", () => {
  it("prefers the caller's number, then what was remembered, then the start value", () => {
    expect(openBudget({ callerBytes: 5, rememberedBytes: GIB, start })).toMatchObject({ bytes: 5, source: "caller" });
    expect(openBudget({ rememberedBytes: GIB, start })).toMatchObject({ bytes: GIB, source: "remembered" });
    expect(openBudget({ start })).toMatchObject({ bytes: 2 * GIB, source: "adapter" });
    expect(openBudget({ rememberedBytes: 99 * GIB, start }).bytes).toBe(4 * GIB);
  });

  it("starts from no remembered number below an eighth of the start value, nor below the least", () => {
    expect(openBudget({ rememberedBytes: 7, start }).bytes).toBe(GIB / 4);
    expect(openBudget({ rememberedBytes: 7, start, leastBytes: GIB }).bytes).toBe(GIB);
  });

  it("starts with a share of what it would start with, at least the least, and has the whole within reach", () => {
    const caller = openBudget({ callerBytes: 8 * GIB, start, share: 1 / 2 });
    expect(caller).toMatchObject({ bytes: 4 * GIB, ceiling: 8 * GIB, source: "caller" });
    expect(caller.reach(8 * GIB)).toBe(true);
    for (const callerBytes of [Infinity, Number.MAX_SAFE_INTEGER]) {
      const unbounded = openBudget({ callerBytes, start, share: 1 / 4 });
      expect(unbounded).toMatchObject({ bytes: GIB / 2, ceiling: callerBytes });
      expect(unbounded.reach(50 * GIB)).toBe(true);
    }
    for (const rememberedBytes of [undefined, 2 * GIB]) {
      const budget = openBudget({ rememberedBytes, start, share: 1 / 2 });
      expect(budget).toMatchObject({ bytes: GIB, ceiling: 4 * GIB });
      expect(budget.reach(2 * GIB)).toBe(true);
    }
    expect(openBudget({ callerBytes: GIB, start, share: 1 / 64, leastBytes: GIB / 2 }).bytes).toBe(GIB / 2);
    expect(openBudget({ callerBytes: 5, start, share: 1 / 64, leastBytes: GIB / 2 }).bytes).toBe(5);
  });

  it("refuses a number that is not above 0", () => {
    for (const callerBytes of [0, -1, NaN]) {
      expect(() => openBudget({ callerBytes, start })).toThrow(expect.objectContaining({ code: "invalid-input" }));
    }
  });
});

describe("VramBudget", () => {
  it("shrinks to three quarters of what was in use, not below the floor", () => {
    const budget = new VramBudget(start, "adapter");
    budget.shrink(GIB);
    expect(budget.bytes).toBe(0.75 * GIB);
    budget.shrink(2 * GIB, 0.7 * GIB);
    expect(budget.bytes).toBe(0.7 * GIB);
  });

  it("grows by a twentieth after twenty passes that used it, and more slowly after each refusal that followed", () => {
    const budget = new VramBudget(start, "adapter");
    const passesToGrow = (): number => {
      const before = budget.bytes;
      let passes = 0;
      for (; budget.bytes === before; passes++) succeed(budget);
      expect(budget.bytes / before).toBeCloseTo(1.05, 6);
      return passes;
    };
    expect(passesToGrow()).toBe(20);
    const refused = budget.bytes;
    budget.shrink();
    while (budget.bytes < Math.floor(0.9 * refused)) succeed(budget);
    expect(passesToGrow()).toBe(40);
  });

  it("comes back fast from a refusal that no growth led to", () => {
    const budget = new VramBudget(start, "adapter");
    budget.shrink(3 * 2 ** 20);
    let passes = 0;
    for (; budget.bytes < 2 * GIB; passes++) budget.succeeded({ usedBytes: 2 ** 20, streamed: true });
    expect(passes).toBeLessThan(80);
  });

  it("does not grow by passes that left most of it unused, unless layers had no room", () => {
    const budget = new VramBudget(start, "adapter");
    for (let i = 0; i < 100; i++) budget.succeeded({ usedBytes: 0.9 * GIB, streamed: false });
    expect(budget.bytes).toBe(2 * GIB);
    for (let i = 0; i < 20; i++) budget.succeeded({ usedBytes: 0.9 * GIB, streamed: true });
    expect(budget.bytes).toBeGreaterThan(2 * GIB);
  });

  it("goes back up as far as it ever was, for work that needs it", () => {
    const budget = new VramBudget(start, "adapter");
    budget.shrink();
    expect(budget.reach(2 * GIB + 1)).toBe(false);
    expect(budget.reach(1.9 * GIB)).toBe(true);
    expect(budget.bytes).toBe(1.9 * GIB);
    expect(budget.reach(1.8 * GIB)).toBe(false);
  });

  it("never exceeds its ceiling, whatever happens; the caller's number is the ceiling", () => {
    const steps = fc.array(
      fc.tuple(fc.constantFrom("shrink", "grow", "reach"), fc.double({ min: 0, max: 2, noNaN: true })),
    );
    fc.assert(
      fc.property(steps, (all) => {
        const budget = openBudget({ callerBytes: GIB, start });
        for (const [what, share] of all) {
          if (what === "shrink") budget.shrink(share * budget.bytes);
          else if (what === "reach") budget.reach(share * GIB);
          else for (let i = 0; i < 50; i++) succeed(budget, share);
          expect(budget.bytes).toBeLessThanOrEqual(GIB);
        }
      }),
    );
  });
});

describe("VramBudget on a GPU that bears so much", () => {
  const gpus = fc.record({
    bearsBytes: fc.double({ min: 1 / 16, max: 2, noNaN: true }).map((share) => Math.floor(share * start.bytes)),
    source: fc.constantFrom({}, { rememberedBytes: 1 }, { callerBytes: Infinity }, { share: 1 / 4 }),
    used: fc.constantFrom(1, 0.8, 0.6),
  });

  it("settles below it after few refusals, and comes back from a time when everything was refused", () => {
    fc.assert(
      fc.property(gpus, fc.integer({ min: 1, max: 40 }), ({ bearsBytes, source, used }, refusals) => {
        const budget = openBudget({ ...source, start });
        const first = refusalsIn(10_000, budget, { bearsBytes, used });
        expect(first).toBeLessThan(50);
        expect(refusalsIn(100, budget, { bearsBytes, used })).toBeLessThanOrEqual(5);
        const before = Math.min(bearsBytes, budget.ceiling);
        for (let i = 0; i < refusals; i++) budget.shrink(used * budget.bytes, 2 ** 20);
        refusalsIn(300, budget, { bearsBytes, used });
        expect(used * budget.bytes).toBeGreaterThanOrEqual(Math.min(0.8 * before, 0.7 * used * budget.ceiling));
      }),
      { numRuns: 60 },
    );
  });

  it("finds out within a thousand passes that others have given memory back", () => {
    const budget = openBudget({ start });
    refusalsIn(10_000, budget, { bearsBytes: start.bytes / 10, used: 1 });
    expect(budget.bytes).toBeLessThan(0.11 * start.bytes);
    refusalsIn(1500, budget, { bearsBytes: start.bytes, used: 1 });
    expect(budget.bytes).toBeGreaterThan(0.8 * start.bytes);
  });
});

describe("budgetKey", () => {
  const adapter = { ...ACME, maxBufferSize: GIB };
  const pack = { name: "p", revision: "1", bits: 4, activations: "f32" } as const;

  it("differs by adapter, pack and activations", () => {
    const keys = [
      budgetKey(adapter, pack),
      budgetKey({ ...adapter, architecture: "two" }, pack),
      budgetKey(null, pack),
      budgetKey(adapter, { ...pack, revision: "2" }),
      budgetKey(adapter, { ...pack, activations: "f16" }),
    ];
    expect(new Set(keys).size).toBe(5);
    expect(budgetKey({ ...adapter }, { ...pack })).toBe(keys[0]);
  });
});
