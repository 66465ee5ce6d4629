/** @file The Matryoshka cut and the check of its dimensions. */

import { describe, expect, it } from "vitest";

import { assertDimensions, truncate } from "./matryoshka.ts";

describe("assertDimensions", () => {
  it.each([32, 33, 255, 256])("takes %d of 32 to 256", (dimensions) => {
    expect(() => assertDimensions(dimensions, { min: 32, max: 256 })).not.toThrow();
  });

  it.each([31, 0, -32, 2.5, 257, NaN, Infinity, "64" as unknown as number])(
    "refuses %s with value and range",
    (value) => {
      expect(() => assertDimensions(value, { min: 32, max: 256 })).toThrow(
        expect.objectContaining({ code: "invalid-input", details: { dimensions: value, min: 32, max: 256 } }),
      );
    },
  );
});

describe("truncate", () => {
  it("keeps the first components of every row", () => {
    expect([...truncate(Float32Array.of(1, 2, 3, 4, 5, 6), 3, 2)]).toEqual([1, 2, 4, 5]);
  });

  it("returns a copy that stands alone, also when nothing is cut", () => {
    const rows = Float32Array.of(1, 2, 3, 4);
    const cut = truncate(rows, 2, 2);
    rows[0] = 9;
    expect([[...cut], cut.buffer.byteLength]).toEqual([[1, 2, 3, 4], 16]);
  });
});
