import { describe, expect, it } from "vitest";
import { exactnessOf, latencyOf, quantile, spreadOf } from "./statistics.ts";

describe("quantile", () => {
  it("lies between samples where none is at the place", () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([1, 2, 3, 4, 5], 0.95)).toBeCloseTo(4.8, 12);
    expect(quantile([7], 0.95)).toBe(7);
  });

  it("refuses to say anything of no samples", () => {
    expect(() => spreadOf([])).toThrow(RangeError);
  });
});

describe("spreadOf and latencyOf", () => {
  it("tell the middle and both ends", () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, least: 1, most: 3, samples: 3 });
    expect(latencyOf([10, 20, 30])).toEqual({ p50: 20, p95: 29, most: 30, samples: 3 });
  });
});

describe("exactnessOf", () => {
  it("finds nothing wrong with equal vectors", () => {
    expect(
      exactnessOf(
        [1, 0, 0.6, 0.8],
        [
          [1, 0],
          [0.6, 0.8],
        ],
      ),
    ).toEqual({
      vectors: 2,
      meanCosine: 1,
      minCosine: 1,
      maxAbsDiff: 0,
    });
  });

  it("tells the worst row, and leaves out rows without a reference", () => {
    const exactness = exactnessOf([1, 0, 0, 1, 1, 0], [[1, 0], [1, 0], null]);
    expect(exactness).toEqual({ vectors: 2, meanCosine: 0.5, minCosine: 0, maxAbsDiff: 1 });
    expect(exactnessOf([1, 0], [null])).toBeNull();
  });

  it("counts a row of zeros or NaN as wrong as can be", () => {
    expect(
      exactnessOf(
        [0, 0, NaN, 1],
        [
          [1, 0],
          [1, 0],
        ],
      ),
    ).toMatchObject({ minCosine: -1, meanCosine: -1, maxAbsDiff: 2 });
  });
});
