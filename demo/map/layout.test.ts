/** @file Tests of small maps: principal components, and what is the same or missing. */
import { describe, expect, it } from "vitest";
import { fitToSquare, LEAST_FOR_UMAP, layOut } from "./layout.ts";
import { principalComponents } from "./principal-components.ts";

describe("principalComponents", () => {
  it("finds the directions in which vectors differ most, the first before the second", () => {
    // A cross: long along (1, 1, 0), short along (1, −1, 0).
    const data = Float32Array.of(4, 4, 1, -4, -4, 1, 1, -1, 1, -1, 1, 1);
    const positions = principalComponents({ data, rows: 4, dimensions: 3 });
    const long = 4 * Math.SQRT2;
    // Float32 in and out.
    [long, long, 0, 0].forEach((x, at) => expect(Math.abs(positions[2 * at]!)).toBeCloseTo(x, 4));
    [0, 0, Math.SQRT2, Math.SQRT2].forEach((y, at) => expect(Math.abs(positions[2 * at + 1]!)).toBeCloseTo(y, 4));
  });

  it("puts vectors of a line on a line", () => {
    const positions = principalComponents({ data: Float32Array.of(1, 2, 3, 6, 9, 18), rows: 3, dimensions: 2 });
    expect([positions[1], positions[3], positions[5]]).toEqual([0, 0, 0]);
  });
});

describe("layOut", () => {
  it.each([0, 1, 2, LEAST_FOR_UMAP - 1])("places %d vectors by their principal components", (rows) => {
    const data = Float32Array.from({ length: rows * 4 }, (_, at) => Math.sin(at * at));
    const { positions, method } = layOut({ data, rows, dimensions: 4 });
    expect(method).toBe("components");
    expect(positions).toHaveLength(rows * 2);
    expect(positions.every((value) => Math.abs(value) <= 1)).toBe(true);
  });

  it.each([3, 40])("places %d vectors that are all the same", (rows) => {
    const { positions } = layOut({ data: new Float32Array(rows * 4).fill(0.5), rows, dimensions: 4 });
    expect(positions.every((value) => Number.isFinite(value) && Math.abs(value) <= 1)).toBe(true);
  });

  it("tells its progress up to 1", () => {
    const shares: number[] = [];
    const data = Float32Array.from({ length: 80 }, (_, at) => Math.sin(at * at));
    layOut({ data, rows: 20, dimensions: 4 }, (share) => shares.push(share));
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
  });
});

describe("fitToSquare", () => {
  /** 98 points on a line from −49 to 48, and two far away. */
  const positions = Float32Array.from({ length: 200 }, (_, at) => (at % 2 === 1 ? 0 : at < 196 ? at / 2 - 49 : 5000));

  it("keeps all proportions where nothing is left out", () => {
    const fitted = fitToSquare(positions);
    expect([fitted[0], fitted[198], fitted[199]]).toEqual([-1, 1, 0]);
    expect(fitted[194]! - fitted[0]!).toBeLessThan(0.05);
  });

  it("leaves nothing out where the outermost are not far off", () => {
    const near = positions.map((value) => Math.min(value, 55));
    expect(fitToSquare(near, 0.03)).toEqual(fitToSquare(near));
  });

  it("brings what is far off to the edge instead of pressing the rest into a corner", () => {
    const fitted = fitToSquare(positions, 0.03);
    expect([fitted[196], fitted[198]]).toEqual([1, 1]);
    expect(fitted[194]! - fitted[0]!).toBeGreaterThan(1.4);
  });
});
