/** @file The final norm against the float64 reference of the stress model. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { EmbedError } from "../errors.ts";
import { finalNorm } from "./final-norm.ts";
import reference from "./fixtures/stress-final-norm.json" with { type: "json" };
import { normalize } from "./normalize.ts";

const hidden = Float32Array.from(reference.hidden.flat());
const gain = Float32Array.from(reference.gain);

/** Float32 keeps 24 bits: a relative 6e-8 for each rounding of input and output. */
function expectClose(actual: Float32Array, expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(tolerance));
}

describe("finalNorm", () => {
  it("equals the reference", () => {
    expectClose(finalNorm(hidden, gain, reference.rms_norm_eps), reference.normed.flat(), 1e-6);
  });

  it("gives the reference's embedding once normalized", () => {
    const rows = finalNorm(hidden, gain, reference.rms_norm_eps);
    expectClose(normalize(rows, gain.length), reference.embedding.flat(), 1e-7);
  });

  it("adds eps to the mean square, not to its root", () => {
    const [small] = finalNorm(Float32Array.of(1e-3, 0), Float32Array.of(1, 1), 1e-6);
    expect(small).toBeCloseTo(1e-3 / Math.sqrt(0.5e-6 + 1e-6), 6);
  });

  it("treats each row alone", () => {
    const row = fc.array(fc.float({ min: -1000, max: 1000, noNaN: true }), { minLength: 3, maxLength: 3 });
    const nonZero = row.filter((values) => values.some((value) => value !== 0));
    fc.assert(
      fc.property(fc.array(nonZero, { minLength: 1, maxLength: 5 }), (rows) => {
        const weights = Float32Array.of(1, -2, 0.5);
        const together = finalNorm(Float32Array.from(rows.flat()), weights, 1e-6);
        const alone = rows.flatMap((one) => [...finalNorm(Float32Array.from(one), weights, 1e-6)]);
        expect([...together]).toEqual(alone);
      }),
    );
  });

  it.each([NaN, Infinity, -Infinity])("names the row that holds %s", (bad) => {
    const rows = Float32Array.from([1, 2, 3, 4, 5, bad]);
    expect(() => finalNorm(rows, Float32Array.of(1, 1), 1e-6)).toThrow(
      expect.objectContaining({ code: "numeric-fault", details: expect.objectContaining({ row: 2 }) as unknown }),
    );
  });

  it("names a row of zeros", () => {
    let caught: unknown;
    try {
      finalNorm(Float32Array.from([1, 1, 0, -0]), Float32Array.of(1, 1), 1e-6);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(EmbedError);
    expect(caught).toMatchObject({ code: "numeric-fault", details: { row: 1, squareSum: 0 } });
  });

  it("gives no rows for no rows", () => {
    expect(finalNorm(new Float32Array(0), Float32Array.of(1), 1e-6).length).toBe(0);
  });
});
