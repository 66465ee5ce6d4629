import { describe, expect, it } from "vitest";
import { evenLengths, logNormalLengths } from "./texts.ts";

describe("logNormalLengths", () => {
  const spread = { median: 90, sigma: 0.95, least: 2, most: 2000 };
  const sorted = logNormalLengths(1000, spread).sort((a, b) => a - b);

  it("has the median and the spread that were asked for", () => {
    expect(sorted[500]).toBeGreaterThan(80);
    expect(sorted[500]).toBeLessThan(100);
    // One standard deviation above the median.
    expect(sorted[841]! / sorted[500]!).toBeCloseTo(Math.exp(0.95), 0);
  });

  it("keeps to its bounds and gives the same lengths each time", () => {
    expect(sorted[0]).toBeGreaterThanOrEqual(2);
    expect(sorted.at(-1)).toBeLessThanOrEqual(2000);
    expect(logNormalLengths(1000, spread)).toEqual(logNormalLengths(1000, spread));
  });
});

describe("evenLengths", () => {
  it("reaches both ends and nothing beyond", () => {
    expect(new Set(evenLengths(500, { least: 1, most: 4 }))).toEqual(new Set([1, 2, 3, 4]));
  });
});
