import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { narrowFloat16, widenFloat16 } from "./float16.ts";

const narrow = (value: number): number => narrowFloat16(Float32Array.of(value))[0]!;

describe("widenFloat16", () => {
  // Bit patterns and values from IEEE 754-2019, binary16.
  it.each([
    [0x0000, 0],
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65504],
    [0x0400, 2 ** -14],
    [0x0001, 2 ** -24],
    [0x3555, 0.333251953125],
    [0x7c00, Infinity],
    [0xfc00, -Infinity],
  ])("reads %i as %f", (bits, value) => {
    expect(widenFloat16(Uint16Array.of(bits))[0]).toBe(value);
  });

  it("reads NaN and negative zero", () => {
    expect(widenFloat16(Uint16Array.of(0x7e00))[0]).toBeNaN();
    expect(widenFloat16(Uint16Array.of(0x8000))[0]).toBe(-0);
  });
});

describe("narrowFloat16", () => {
  it("undoes widening for every finite half", () => {
    const bits = Uint16Array.from({ length: 0x10000 }, (_, i) => i).filter((i) => (i & 0x7c00) !== 0x7c00);
    expect(narrowFloat16(widenFloat16(bits))).toEqual(bits);
  });

  it("rounds to the nearest half, ties to even", () => {
    expect(narrow(1 + 2 ** -11)).toBe(0x3c00);
    expect(narrow(1 + 3 * 2 ** -11)).toBe(0x3c02);
    expect(narrow(65519)).toBe(0x7bff);
    expect(narrow(65520)).toBe(0x7c00);
    expect(narrow(2 ** -25)).toBe(0);
    expect(narrow(2 ** -14 - 2 ** -26)).toBe(0x0400);
    expect(narrow(NaN) & 0x7fff).toBeGreaterThan(0x7c00);
  });

  it("is never further off than half a step", () => {
    fc.assert(
      fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), (value) => {
        const back = widenFloat16(Uint16Array.of(narrow(value)))[0]!;
        const step = Math.max(2 ** -24, 2 ** (Math.floor(Math.log2(Math.abs(value) || 1)) - 10));
        expect(Math.abs(back - value)).toBeLessThanOrEqual(step / 2);
      }),
    );
  });
});
