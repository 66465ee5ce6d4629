import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VramBudget, budgetKey, openBudget, startBudget } from "./budget.ts";

const GIB = 2 ** 30;
const start = { bytes: 2 * GIB, ceiling: 4 * GIB };

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
    expect(openBudget({ callerBytes: 5, rememberedBytes: 7, start })).toMatchObject({ bytes: 5, source: "caller" });
    expect(openBudget({ rememberedBytes: 7, start })).toMatchObject({ bytes: 7, source: "remembered" });
    expect(openBudget({ start })).toMatchObject({ bytes: 2 * GIB, source: "adapter" });
    expect(openBudget({ rememberedBytes: 99 * GIB, start }).bytes).toBe(4 * GIB);
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

  it("grows by a twentieth after twenty passes that used it, and more slowly after each shrink", () => {
    const budget = new VramBudget(start, "adapter");
    const passesToGrow = (): number => {
      const before = budget.bytes;
      let passes = 0;
      while (budget.bytes === before) {
        budget.succeeded(budget.bytes);
        passes++;
      }
      expect(budget.bytes / before).toBeCloseTo(1.05, 6);
      return passes;
    };
    expect(passesToGrow()).toBe(20);
    budget.shrink();
    expect(passesToGrow()).toBe(40);
  });

  it("does not grow by passes that left most of it unused", () => {
    const budget = new VramBudget(start, "adapter");
    for (let i = 0; i < 100; i++) budget.succeeded(GIB);
    expect(budget.bytes).toBe(2 * GIB);
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
          else for (let i = 0; i < 50; i++) budget.succeeded(share * budget.bytes);
          expect(budget.bytes).toBeLessThanOrEqual(GIB);
        }
      }),
    );
  });
});

describe("budgetKey", () => {
  const adapter = {
    vendor: "acme",
    architecture: "one",
    description: "Acme One",
    software: false,
    shaderF16: true,
    subgroupMinSize: 32,
    maxBufferSize: GIB,
  };
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
