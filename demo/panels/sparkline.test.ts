/** @file Tests of the chart of the last minute. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addReading, stepArea, stepPath, WINDOW_MS } from "./sparkline.ts";
import type { Reading } from "./sparkline.ts";

const area = { width: 60, height: 10, most: 100, nowMs: WINDOW_MS };

describe("addReading", () => {
  it("keeps what is inside the window, and the one reading before it", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50_000 }), { minLength: 1 }), (gaps) => {
        let [atMs, kept]: [number, readonly Reading[]] = [0, []];
        for (const gap of gaps) kept = addReading(kept, { atMs: (atMs += gap), value: gap });
        expect(kept.at(-1)).toEqual({ atMs, value: gaps.at(-1) });
        expect(kept.filter((reading) => reading.atMs <= atMs - WINDOW_MS).length).toBeLessThanOrEqual(1);
        const all = gaps.map((_, at) => gaps.slice(0, at + 1).reduce((sum, gap) => sum + gap, 0));
        const inside = all.filter((moment) => moment > atMs - WINDOW_MS);
        expect(kept.map((reading) => reading.atMs).slice(-inside.length)).toEqual(inside);
      }),
    );
  });
});

describe("stepPath", () => {
  it("holds each value until the next, and the last until now", () => {
    const readings = [
      { atMs: 0, value: 0 },
      { atMs: 30_000, value: 50 },
      { atMs: 45_000, value: 100 },
    ];
    expect(stepPath(readings, area)).toBe("M0 10H30V5H45V0H60");
    expect(stepArea(readings, area)).toBe("M0 10H30V5H45V0H60V10H0Z");
  });

  it("begins where the readings begin, and cuts off what is older or more than fits", () => {
    expect(stepPath([{ atMs: 54_000, value: 250 }], area)).toBe("M54 0H60");
    expect(stepPath([{ atMs: -9000, value: 50 }], area)).toBe("M0 5H60");
  });

  it("draws nothing of nothing, and a flat line where the top is 0", () => {
    expect(stepPath([], area)).toBe("");
    expect(stepArea([], area)).toBe("");
    expect(stepPath([{ atMs: 0, value: 3 }], { ...area, most: 0 })).toBe("M0 10H60");
  });
});
