/** @file Tests of the neighbours. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nearestNeighbours, toUnitRows } from "./neighbours.ts";

const DIMENSIONS = 6;
const row = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: DIMENSIONS, maxLength: DIMENSIONS });

const vectorsOf = (rows: number[][]) => ({
  data: Float32Array.from(rows.flat()),
  rows: rows.length,
  dimensions: DIMENSIONS,
});

describe("nearestNeighbours", () => {
  it("lists each vector first, then no other that is further than one left out", () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 4, maxLength: 20 }), fc.integer({ min: 1, max: 4 }), (rows, count) => {
        const unit = toUnitRows(vectorsOf(rows));
        const { indices, distances } = nearestNeighbours(unit, count);
        // Of all: what comes out with every row asked for.
        const all = nearestNeighbours(unit, rows.length).distances;
        indices.forEach((list, self) => {
          expect(list[0]).toBe(self);
          expect(new Set(list).size).toBe(count);
          expect(distances[self]).toEqual(all[self]!.slice(0, count));
          expect(all[self]!.slice(1)).toEqual(all[self]!.slice(1).sort((a, b) => a - b));
        });
      }),
      { numRuns: 50 },
    );
  });

  it("measures 1 − cosine", () => {
    const { indices, distances } = nearestNeighbours(
      toUnitRows({ data: Float32Array.of(2, 0, 0, 5, 3, 3), rows: 3, dimensions: 2 }),
      3,
    );
    expect(indices).toEqual([
      [0, 2, 1],
      [1, 2, 0],
      [2, 0, 1],
    ]);
    // Float32 keeps seven digits.
    expect(distances[0]![1]).toBeCloseTo(1 - Math.SQRT1_2, 6);
    expect(distances[0]![2]).toBeCloseTo(1, 6);
  });

  it("ends its progress below 1, and never goes back", () => {
    const shares: number[] = [];
    const rows = Array.from({ length: 200 }, (_, at) => [at, 1, 0, 0, 0, 1]);
    nearestNeighbours(toUnitRows(vectorsOf(rows)), 3, (share) => shares.push(share));
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBeLessThan(1);
  });
});

describe("toUnitRows", () => {
  it("leaves a row of zeros as it is", () => {
    expect([...toUnitRows({ data: Float32Array.of(0, 0, 3, 4), rows: 2, dimensions: 2 }).data]).toEqual([
      0,
      0,
      Math.fround(0.6),
      Math.fround(0.8),
    ]);
  });
});
