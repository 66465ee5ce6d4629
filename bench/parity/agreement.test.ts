/** @file Agreement of vectors with references. */
import { describe, expect, it } from "vitest";
import { agreement } from "./agreement.ts";

describe("agreement", () => {
  it("takes the mean and the least cosine and the largest difference of all", () => {
    const expected = [Float64Array.of(1, 0), Float64Array.of(0, 1)];
    const actual = [Float32Array.of(1, 0), Float32Array.of(Math.fround(0.6), Math.fround(0.8))];
    const { meanCosine, minCosine, maxAbsDiff } = agreement(actual, expected);
    expect(meanCosine).toBeCloseTo(0.9, 6);
    expect(minCosine).toBeCloseTo(0.8, 6);
    expect(maxAbsDiff).toBeCloseTo(0.6, 6);
  });

  it.each([NaN, Infinity])("does not overlook %s", (bad) => {
    const result = agreement(
      [Float32Array.of(bad, 1), Float32Array.of(0, 1)],
      [Float64Array.of(0, 1), Float64Array.of(0, 1)],
    );
    expect(result).toEqual({ meanCosine: 0, minCosine: -1, maxAbsDiff: Infinity });
  });
});
