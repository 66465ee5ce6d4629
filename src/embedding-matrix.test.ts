/** @file Tests of reading a matrix by rows. */
import { describe, expect, it } from "vitest";
import { rowOf } from "./embedding-matrix.ts";
import type { EmbeddingMatrix } from "./types.ts";

const MATRIX: EmbeddingMatrix = {
  output: "float32",
  data: Float32Array.of(1, 2, 3, 4, 5, 6),
  scales: null,
  rows: 2,
  dimensions: 3,
  tokenCounts: Int32Array.of(1, 1),
  truncated: Uint8Array.of(0, 0),
  faulty: new Int32Array(0),
  space: "s",
  timings: { tokenizeMs: 0, queueMs: 0, runMs: 0, poolMs: 0, totalMs: 0 },
};

describe("rowOf", () => {
  it("gives a row as a view", () => {
    const row = rowOf(MATRIX, 1);
    expect([...row]).toEqual([4, 5, 6]);
    expect(row.buffer).toBe(MATRIX.data.buffer);
  });

  it("gives the bytes of a binary row, eight dimensions each", () => {
    const data = Uint8Array.of(1, 2, 3, 4);
    const binary: EmbeddingMatrix<"binary"> = { ...MATRIX, output: "binary", data, dimensions: 12 };
    expect([...rowOf(binary, 1)]).toEqual([3, 4]);
  });

  it.each([2, -1, 0.5, NaN])("refuses row %s", (row) => {
    expect(() => rowOf(MATRIX, row)).toThrow(expect.objectContaining({ code: "invalid-input" }));
  });

  it("has no row in an empty matrix", () => {
    expect(() => rowOf({ ...MATRIX, data: new Float32Array(0), rows: 0 }, 0)).toThrow(/0 rows/);
  });
});
