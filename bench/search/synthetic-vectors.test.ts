/** @file The vectors of the search benchmark, and what views find in a few of them. */
import { describe, expect, it } from "vitest";
import { measureScans } from "./measure.ts";
import { openVectors, type VectorKind } from "./synthetic-vectors.ts";

const KINDS: readonly VectorKind[] = ["embedding-like", "gaussian"];
const DIMENSIONS = 256;

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, component, i) => sum + component * b[i]!, 0);
}

describe("openVectors", () => {
  it.each(KINDS)("makes %s unit rows that are the same in any order", (kind) => {
    const shape = { kind, rows: 100, dimensions: DIMENSIONS, seed: 3 };
    const make = (rows: readonly number[]): Map<number, Float32Array> => {
      const source = openVectors(shape);
      return new Map(
        rows.map((row) => {
          const vector = new Float32Array(DIMENSIONS);
          source.passage(row, vector);
          return [row, vector];
        }),
      );
    };
    const upwards = make([0, 1, 17, 50]);
    const downwards = make([50, 17, 1, 0]);
    for (const [row, vector] of upwards) {
      expect(downwards.get(row)).toEqual(vector);
      expect(dot(vector, vector)).toBeCloseTo(1, 5);
    }
  });

  it("puts the passages of a document near each other, and a query near its passage", () => {
    const source = openVectors({ kind: "embedding-like", rows: 100, dimensions: DIMENSIONS, seed: 3 });
    const vectors = [0, 1, 40].map((row) => {
      const vector = new Float32Array(DIMENSIONS);
      source.passage(row, vector);
      return vector;
    });
    const query = new Float32Array(DIMENSIONS);
    source.query(0, query);
    const [passage, sibling, stranger] = vectors as [Float32Array, Float32Array, Float32Array];
    expect(dot(passage, sibling)).toBeGreaterThan(dot(passage, stranger) + 0.2);
    expect(dot(query, passage)).toBeGreaterThan(dot(query, sibling));
  });
});

describe("measureScans", () => {
  it("finds 98 % of the exact ten in every precision, and all in float32", async () => {
    const measurements = await measureScans({
      vectors: "embedding-like",
      rows: 2000,
      // What the numbers of candidates are measured for.
      storedDimensions: 1024,
      cuts: [1024, 512, 256],
      precisions: ["float32", "float16", "int8", "binary"],
      queries: 20,
      topK: 10,
    });
    expect(measurements).toHaveLength(12);
    expect(measurements[0]).toMatchObject({ precision: "float32", recall: 1, recallAsIs: 1, candidates: 10 });
    for (const { recall } of measurements) expect(recall).toBeGreaterThanOrEqual(0.98);
  });
});
