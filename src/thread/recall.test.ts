/** @file Tests of what outlives a page. */
import { describe, expect, it } from "vitest";
import { BudgetKeeper } from "./budget-keeper.ts";
import { MapStorage } from "./fixtures/map-storage.ts";
import { BUDGETS, CHECKS, pageRecall, readNumbers, writeNumber } from "./recall.ts";

const recallOf = (storage: Storage) => pageRecall(() => storage);

describe("pageRecall", () => {
  it("keeps texts in the page's storage", () => {
    const storage = new MapStorage();
    recallOf(storage).write("a", "1");
    expect(recallOf(storage).read("a")).toBe("1");
    expect(recallOf(storage).read("b")).toBeNull();
  });

  it.each([
    ["missing", () => undefined],
    [
      "blocked",
      () => {
        throw new DOMException("denied", "SecurityError");
      },
    ],
    ["full", () => new MapStorage({ full: true })],
  ])("keeps texts for the page's life where storage is %s", (_, find) => {
    const recall = pageRecall(find);
    recall.write("a", "1");
    expect(recall.read("a")).toBe("1");
    expect(recall.read("b")).toBeNull();
  });
});

describe("readNumbers", () => {
  it("gives what was written, the newest last", () => {
    const recall = recallOf(new MapStorage());
    writeNumber(recall, BUDGETS, ["a", 1]);
    writeNumber(recall, BUDGETS, ["b", 2]);
    writeNumber(recall, BUDGETS, ["a", 3]);
    expect(Object.entries(readNumbers(recall, BUDGETS))).toEqual([
      ["b", 2],
      ["a", 3],
    ]);
  });

  it("keeps what has different names apart, and forgets what it is told to", () => {
    const recall = recallOf(new MapStorage());
    writeNumber(recall, BUDGETS, ["a", 1]);
    writeNumber(recall, CHECKS, ["a", 2]);
    writeNumber(recall, CHECKS, ["b", 3]);
    writeNumber(recall, CHECKS, ["a", null]);
    expect(readNumbers(recall, BUDGETS)).toEqual({ a: 1 });
    expect(readNumbers(recall, CHECKS)).toEqual({ b: 3 });
  });

  it("drops the oldest of too many", () => {
    const recall = recallOf(new MapStorage());
    for (let index = 0; index < 100; index++) writeNumber(recall, BUDGETS, [`key ${index}`, 1]);
    expect(Object.keys(readNumbers(recall, BUDGETS))).toHaveLength(64);
    expect(readNumbers(recall, BUDGETS)).toHaveProperty("key 99");
  });

  it.each(["", "{", "null", "7", '"x"', "[null]", '{"a":"many","b":-1,"c":null}'])("ignores %j", (text) => {
    const recall = recallOf(new MapStorage());
    recall.write("strata:budgets:1", text);
    expect(readNumbers(recall, BUDGETS)).toEqual({});
  });
});

describe("BudgetKeeper", () => {
  const vram = (budgetBytes: number | null, budgetSource: "caller" | "adapter" | null = "adapter") =>
    ({ budgetKey: "k", budgetBytes, budgetSource }) as never;

  it("remembers a budget that a worker changed, not the one it started with", () => {
    const recall = recallOf(new MapStorage());
    const keeper = new BudgetKeeper(recall, undefined);
    keeper.see(vram(100));
    expect(keeper.request).toEqual({ rememberedBudgets: {} });
    keeper.see(vram(80));
    expect(keeper.request).toEqual({ rememberedBudgets: { k: 80 } });
  });

  it("remembers half after each crash", () => {
    const keeper = new BudgetKeeper(recallOf(new MapStorage()), undefined);
    keeper.see(vram(100));
    keeper.halve();
    keeper.halve();
    expect(keeper.request).toEqual({ rememberedBudgets: { k: 25 } });
  });

  it("takes half of a budget that no worker has reported yet, and remembers what that comes to", () => {
    const keeper = new BudgetKeeper(recallOf(new MapStorage()), undefined);
    keeper.halve();
    keeper.halve();
    expect(keeper.request).toEqual({ rememberedBudgets: {}, budgetShare: 1 / 4 });
    keeper.see(vram(25));
    expect(keeper.request).toEqual({ rememberedBudgets: { k: 25 } });
  });

  it.each([100, Infinity])("leaves the caller's %s as the ceiling, on this page only", (bytes) => {
    const recall = recallOf(new MapStorage());
    const keeper = new BudgetKeeper(recall, bytes);
    keeper.halve();
    keeper.see(vram(bytes / 2, "caller"));
    expect(keeper.request).toEqual({ rememberedBudgets: {}, vramBudgetBytes: bytes, budgetShare: 1 / 2 });
    keeper.halve();
    expect(keeper.request).toEqual({ rememberedBudgets: {}, vramBudgetBytes: bytes, budgetShare: 1 / 4 });
    expect(readNumbers(recall, BUDGETS)).toEqual({});
  });

  it("has nothing to remember on WebAssembly", () => {
    const keeper = new BudgetKeeper(recallOf(new MapStorage()), undefined);
    keeper.see(vram(null, null));
    expect(keeper.request).toEqual({ rememberedBudgets: {} });
  });
});
