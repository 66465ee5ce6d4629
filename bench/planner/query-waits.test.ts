import { describe, expect, it } from "vitest";
import type { LoggedRun } from "../harness/probe.ts";
import type { Priority } from "../../src/types.ts";
import { queryWaits } from "./query-waits.ts";

const run = (rows: number, [startMs, endMs]: readonly [number, number], priority: Priority = "bulk"): LoggedRun => {
  return { rows, cells: rows, priority, startMs, endMs };
};
const query = (rows: number, times: readonly [number, number]) => run(rows, times, "interactive");
const asked = (tokens: number, askedMs: number) => ({ tokens, askedMs, latencyMs: 100 });
const waits = (queries: ReturnType<typeof asked>[], runs: LoggedRun[]) =>
  queryWaits({ queries, runs }).map(({ runs: count, waitMs }) => [count, waitMs]);

describe("queryWaits", () => {
  it("counts runs under way when the query was asked and runs begun before its own, no others", () => {
    const before = [run(300, [0, 10]), run(300, [10, 20]), run(300, [20, 30])];
    expect(waits([asked(11, 15)], [...before, query(11, [30, 33]), run(300, [33, 43])])).toEqual([[2, 15]]);
  });

  it("takes no other query's run for the query's", () => {
    expect(waits([asked(23, 9), asked(11, 9)], [query(23, [10, 12]), query(11, [15, 17])])).toEqual([
      [0, 1],
      [0, 6],
    ]);
  });

  it("finds queries that waited together in the run that they share, and a sliced one in its first slice", () => {
    expect(waits([asked(11, 1), asked(23, 2)], [run(300, [0, 9]), query(34, [9, 12])])).toEqual([
      [1, 8],
      [1, 7],
    ]);
    expect(waits([asked(39, 1)], [query(32, [9, 12]), query(7, [12, 13])])).toEqual([[0, 8]]);
  });

  it("refuses a query without a run", () => {
    expect(() => waits([asked(11, 15)], [query(11, [10, 12])])).toThrow("no run of a query of 11 tokens");
  });
});
