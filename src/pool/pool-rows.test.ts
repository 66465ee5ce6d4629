/** @file Tests of pooling row by row. */
import { describe, expect, it } from "vitest";
import { hasDirection, poolRows } from "./pool-rows.ts";

const gain = Float32Array.of(1, 1, 1, 1);
const options = { gain, eps: 1e-6, dimensions: 2 };
const good = Float32Array.of(3, 4, 0, 12);
const bad = [Float32Array.of(NaN, 1, 1, 1), Float32Array.of(Infinity, 1, 1, 1), new Float32Array(4)];

describe("hasDirection", () => {
  it("is false for NaN, infinity and zeros alone", () => {
    expect(bad.map(hasDirection)).toEqual([false, false, false]);
    expect([good, Float32Array.of(0, 0, 0, 1e-20)].map(hasDirection)).toEqual([true, true]);
  });
});

describe("poolRows", () => {
  it("cuts and makes unit vectors", () => {
    const { vectors, faulty } = poolRows([good, good], { ...options, faultyRows: "reject" });
    expect([...vectors].map((value) => Number(value.toFixed(6)))).toEqual([0.6, 0.8, 0.6, 0.8]);
    expect(faulty).toHaveLength(0);
  });

  it.each(bad.map((row) => [row]))("rejects with the index of %o", (row) => {
    const rows = [good, row];
    expect(() => poolRows(rows, { ...options, faultyRows: "reject" })).toThrowError(
      expect.objectContaining({ code: "numeric-fault", details: expect.objectContaining({ index: 1 }) }),
    );
  });

  it("leaves zeros for the rows without direction and the others as they are alone", () => {
    const { vectors, faulty } = poolRows([bad[0]!, good, bad[2]!], { ...options, faultyRows: "zero" });
    expect([...faulty]).toEqual([0, 2]);
    expect(vectors.subarray(2, 4)).toEqual(poolRows([good], { ...options, faultyRows: "reject" }).vectors);
    expect([...vectors.subarray(0, 2), ...vectors.subarray(4)]).toEqual([0, 0, 0, 0]);
  });
});
