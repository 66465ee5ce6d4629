/** @file Budgets that planners of a pack start with. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ACME } from "./fixtures/adapter.ts";
import { makeTinyPack } from "./model/fixtures/tiny-pack.ts";
import { openPlanner } from "./open-planner.ts";
import type { LoadRequest } from "./types.ts";

const GIB = 2 ** 30;
const { manifest } = makeTinyPack();

type Request = Parameters<typeof openPlanner>[0];

function open(request: Request, kind: "webgpu" | "wasm" = "webgpu") {
  return openPlanner(request, { execution: { kind, activations: "f32", subgroups: false }, adapter: ACME }, manifest);
}

describe("openPlanner", () => {
  beforeEach(() => void vi.stubGlobal("navigator", {}));
  afterEach(() => void vi.unstubAllGlobals());

  it("starts with the caller's budget, what was remembered under its key, or what the adapter suggests", () => {
    const { planner, budgetKey } = open({});
    expect(planner.budget).toMatchObject({ bytes: 2 * GIB, source: "adapter" });
    const rememberedBudgets: LoadRequest["rememberedBudgets"] = { [budgetKey]: GIB };
    expect(open({ rememberedBudgets }).planner.budget).toMatchObject({ bytes: GIB, source: "remembered" });
    const all = { rememberedBudgets, vramBudgetBytes: 3 * GIB };
    expect(open(all).planner.budget).toMatchObject({ bytes: 3 * GIB, source: "caller" });
  });

  it("refuses no text after one bad visit, and has all layers resident", () => {
    const { budgetKey } = open({});
    const { planner } = open({ rememberedBudgets: { [budgetKey]: 3 } });
    expect(planner.residentAtStart()).toBe(planner.layers);
    expect(planner.plan([32768], "bulk").passes).toHaveLength(1);
  });

  it("starts with a share of the budget after a crash, and still runs what the whole bears", () => {
    const needed = open({}).planner.neededBytes(100_000);
    for (const vramBudgetBytes of [needed, Infinity, Number.MAX_SAFE_INTEGER]) {
      const { planner } = open({ vramBudgetBytes, budgetShare: 1 / 256 });
      expect(planner.budget.bytes).toBeLessThan(needed);
      expect(planner.budget.bytes).toBeGreaterThanOrEqual(planner.neededBytes(1));
      expect(planner.plan([100_000], "bulk").passes).toHaveLength(1);
    }
    expect(open({ budgetShare: 1 / 4 }).planner.budget.bytes).toBe(GIB / 2);
  });

  it("keeps within WebAssembly's memory on WASM, whatever is asked for of the GPU's", () => {
    expect(open({ vramBudgetBytes: 1, budgetShare: 1 / 2 }, "wasm").planner.budget.bytes).toBe(1.5 * GIB);
  });
});
