/** @file The flat index against sorting by cosine. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { EmbeddingMatrix } from "../types.ts";
import { FlatIndex } from "./flat-index.ts";
import { TopK } from "./top-k.ts";

function makeMatrix(rows: readonly (readonly number[])[], dimensions: number, space = "space-a"): EmbeddingMatrix {
  return {
    output: "float32",
    data: Float32Array.from(rows.flat()),
    scales: null,
    rows: rows.length,
    dimensions,
    tokenCounts: new Int32Array(rows.length).fill(3),
    truncated: new Uint8Array(rows.length),
    faulty: new Int32Array(0),
    space,
    timings: { tokenizeMs: 0, queueMs: 0, runMs: 0, poolMs: 0, totalMs: 0 },
  };
}

function toUnit(values: readonly number[]): number[] {
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
}

function failure(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("it succeeded");
}

const EAST = [1, 0, 0, 0, 0];
const NORTH = [0, 1, 0, 0, 0];
const BETWEEN = toUnit([1, 1, 0, 0, 0]);
const WEST = [-1, 0, 0, 0, 0];

function makeIndex(...rows: number[][]): FlatIndex {
  const index = new FlatIndex({ space: "space-a", dimensions: 5 });
  if (rows.length > 0) index.add(makeMatrix(rows, 5));
  return index;
}

describe("FlatIndex", () => {
  it("ranks by cosine and says how similar each hit is", () => {
    const hits = makeIndex(WEST, NORTH, EAST, BETWEEN).search(Float32Array.from(EAST));
    expect(hits.map((hit) => hit.row)).toEqual([2, 3, 1, 0]);
    [1, Math.SQRT1_2, 0, -1].forEach((score, i) => expect(hits[i]!.score).toBeCloseTo(score, 7));
  });

  it("takes a query vector of any length but 0", () => {
    const index = makeIndex(WEST, BETWEEN);
    const [best] = index.search(Float32Array.of(300, 0, 0, 0, 0));
    expect(best!.row).toBe(1);
    expect(best!.score).toBeCloseTo(Math.SQRT1_2, 7);
    for (const bad of [0, NaN, Infinity]) {
      expect(failure(() => index.search(new Float32Array(5).fill(bad)))).toMatchObject({ code: "invalid-input" });
    }
  });

  it("takes a row of a query matrix", () => {
    const index = makeIndex(NORTH, EAST);
    const queries = makeMatrix([EAST, NORTH], 5);
    expect(index.search(queries, { topK: 1 })[0]!.row).toBe(1);
    expect(index.search(queries, { topK: 1, row: 1 })[0]!.row).toBe(0);
    for (const row of [2, -1, 0.5]) {
      expect(failure(() => index.search(queries, { row }))).toMatchObject({
        code: "invalid-input",
        details: { row, rows: 2 },
      });
    }
  });

  it("orders equal scores by row", () => {
    const hits = makeIndex(NORTH, EAST, NORTH, EAST, EAST).search(Float32Array.from(EAST), { topK: 2 });
    expect(hits.map((hit) => hit.row)).toEqual([1, 3]);
  });

  it("finds nothing when it is empty", () => {
    expect(makeIndex().search(Float32Array.from(EAST))).toEqual([]);
    const index = makeIndex();
    expect([index.add(makeMatrix([], 5)), index.rows]).toEqual([0, 0]);
  });

  it("gives at most topK hits, 10 where none is named, all when there are fewer", () => {
    const index = makeIndex(...new Array<number[]>(12).fill(EAST));
    const query = Float32Array.from(EAST);
    expect([undefined, 1, 12, 1_000_000].map((topK) => index.search(query, topK ? { topK } : {}).length)).toEqual([
      10, 1, 12, 12,
    ]);
  });

  it.each([0, -1, 1.5, NaN, Infinity])("refuses %d as topK", (topK) => {
    expect(failure(() => makeIndex(EAST).search(Float32Array.from(EAST), { topK }))).toMatchObject({
      code: "invalid-input",
      details: { topK },
    });
  });

  it.each([0, -1, 2.5, NaN])("refuses %d as dimensions", (dimensions) => {
    expect(failure(() => new FlatIndex({ space: "s", dimensions }))).toMatchObject({ code: "invalid-input" });
  });

  it("returns the first row of each addition and keeps what it holds while it grows", () => {
    const direction = (i: number) => [Math.cos(i / 200), Math.sin(i / 200), 0, 0, 0];
    const index = new FlatIndex({ space: "space-a", dimensions: 5 });
    const firsts: number[] = [];
    for (let i = 0; i < 300; i++) firsts.push(index.add(makeMatrix([direction(i), WEST], 5)));
    expect(firsts).toEqual(firsts.map((_, i) => 2 * i));
    expect(index.rows).toBe(600);
    for (const i of [0, 31, 32, 299]) {
      const [best] = index.search(Float32Array.from(direction(i)), { topK: 1 });
      expect(best!.row).toBe(2 * i);
      expect(best!.score).toBeCloseTo(1, 6);
    }
  });

  it("keeps its own copy", () => {
    const matrix = makeMatrix([EAST], 5);
    const index = new FlatIndex({ space: "space-a", dimensions: 5 });
    index.add(matrix);
    matrix.data.fill(0);
    expect(index.search(Float32Array.from(EAST))[0]!.score).toBe(1);
  });

  it("refuses vectors of another space and of other dimensions, and stays as it was", () => {
    const index = makeIndex(EAST);
    const other = makeMatrix([EAST], 5, "space-b");
    const wide = makeMatrix([[1, 0, 0, 0, 0, 0]], 6);
    const space = { code: "index-mismatch", details: { what: "space", expected: "space-a", actual: "space-b" } };
    const size = { code: "index-mismatch", details: { what: "dimensions", expected: 5, actual: 6 } };
    expect(failure(() => index.add(other))).toMatchObject(space);
    expect(failure(() => index.search(other))).toMatchObject(space);
    expect(failure(() => index.add(wide))).toMatchObject(size);
    expect(failure(() => index.search(wide))).toMatchObject(size);
    expect(failure(() => index.search(wide.data))).toMatchObject(size);
    expect([index.rows, index.search(Float32Array.from(EAST)).length]).toEqual([1, 1]);
  });

  it("refuses rows that are no unit vectors, codes and a wrong count, and stays as it was", () => {
    const index = makeIndex(EAST);
    for (const bad of [
      [2, 0, 0, 0, 0],
      [NaN, 0, 0, 0, 0],
      [0, 0, 0, 0, 0],
      [Infinity, 0, 0, 0, 0],
    ]) {
      expect(failure(() => index.add(makeMatrix([EAST, bad], 5)))).toMatchObject({
        code: "invalid-input",
        details: { row: 1 },
      });
    }
    const codes = { ...makeMatrix([EAST], 5), output: "int8" } as unknown as EmbeddingMatrix;
    expect(failure(() => index.add(codes))).toMatchObject({ code: "invalid-input", details: { output: "int8" } });
    const short = { ...makeMatrix([EAST], 5), rows: 2 };
    expect(failure(() => index.add(short))).toMatchObject({ code: "invalid-input", details: { components: 5 } });
    expect(index.rows).toBe(1);
  });

  it("equals a sort of all cosines", () => {
    const row = fc
      .array(fc.integer({ min: -3, max: 3 }), { minLength: 7, maxLength: 7 })
      .filter((values) => values.some((value) => value !== 0));
    fc.assert(
      fc.property(fc.array(row, { maxLength: 60 }), row, fc.integer({ min: 1, max: 70 }), (rows, query, topK) => {
        const index = new FlatIndex({ space: "space-a", dimensions: 7 });
        const units = rows.map(toUnit);
        for (let i = 0; i < units.length; i += 9) index.add(makeMatrix(units.slice(i, i + 9), 7));
        const expected = units.map((unit) => toUnit(query).reduce((sum, value, i) => sum + value * unit[i]!, 0));
        const hits = index.search(Float32Array.from(query), { topK });
        const best = expected.toSorted((a, b) => b - a).slice(0, topK);
        // Float32 vectors against float64 ones: near ties may swap, their scores may not differ.
        expect(hits.length).toBe(best.length);
        hits.forEach((hit, i) => {
          expect(Math.abs(hit.score - best[i]!)).toBeLessThan(1e-6);
          expect(Math.abs(hit.score - expected[hit.row]!)).toBeLessThan(1e-6);
        });
        expect(new Set(hits.map((hit) => hit.row)).size).toBe(hits.length);
      }),
    );
  });
});

describe("TopK", () => {
  it("keeps what a sort by score, then row, puts first", () => {
    const scores = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 100 });
    fc.assert(
      fc.property(scores, fc.integer({ min: 1, max: 110 }), (values, limit) => {
        const best = new TopK(limit);
        values.forEach((score, row) => best.offer(row, score));
        const sorted = values.map((score, row) => ({ row, score })).sort((a, b) => b.score - a.score || a.row - b.row);
        expect(best.toSorted()).toEqual(sorted.slice(0, limit));
      }),
    );
  });
});
