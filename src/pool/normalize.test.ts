/** @file L2 normalization. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { normalize } from "./normalize.ts";

describe("normalize", () => {
  it("divides each row by its length", () => {
    expect([...normalize(Float32Array.of(3, 4, 0, -2), 2)]).toEqual([Math.fround(0.6), Math.fround(0.8), 0, -1]);
  });

  it("gives rows of length 1 that point where they did, tiny and huge ones too", () => {
    const component = fc.float({ noNaN: true, noDefaultInfinity: true });
    const row = fc.array(component, { minLength: 7, maxLength: 7 }).filter((values) => values.some((v) => v !== 0));
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 4 }), (rows) => {
        const unit = normalize(Float32Array.from(rows.flat()), 7);
        rows.forEach((values, r) => {
          const out = unit.subarray(r * 7, r * 7 + 7);
          // Seven float32 roundings of 6e-8 each.
          expect(Math.abs(Math.hypot(...out) - 1)).toBeLessThan(1e-6);
          const length = Math.hypot(...values);
          values.forEach((value, i) => expect(Math.abs(out[i]! - value / length)).toBeLessThan(1e-6));
        });
      }),
    );
  });

  it.each([0, NaN, Infinity])("names a row that has no direction because of %s", (bad) => {
    expect(() => normalize(Float32Array.of(1, 0, bad, 0), 2)).toThrow(
      expect.objectContaining({ code: "numeric-fault", details: expect.objectContaining({ row: 1 }) as unknown }),
    );
  });
});
