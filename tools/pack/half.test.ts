import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { floatToHalf, HALF_VALUES, halfToFloat, narrow, widen } from "./half.ts";

describe("floatToHalf", () => {
  it("gives every finite float16 back", () => {
    const finite = Array.from({ length: 65536 }, (_, bits) => bits).filter((bits) => (bits & 0x7c00) !== 0x7c00);
    expect(finite.filter((bits) => floatToHalf(HALF_VALUES[bits]!) !== bits)).toEqual([]);
  });

  it("rounds to the nearest, ties to even, over the whole range", () => {
    const floats = fc.oneof(
      fc.float({ min: -65504, max: 65504, noNaN: true }),
      fc.float({ min: Math.fround(-2e-4), max: Math.fround(2e-4), noNaN: true }),
      // Exactly between two neighbours.
      fc.integer({ min: 0, max: 0x7bfe }).map((bits) => (halfToFloat(bits) + halfToFloat(bits + 1)) / 2),
    );
    fc.assert(
      fc.property(floats, (value) => {
        const bits = floatToHalf(value);
        const distance = Math.abs(halfToFloat(bits) - value);
        for (const step of [-1, 1]) {
          const neighbour = (bits & 0x7fff) + step;
          if (neighbour < 0 || neighbour > 0x7bff) continue;
          const other = Math.abs(halfToFloat((bits & 0x8000) | neighbour) - value);
          expect(distance).toBeLessThanOrEqual(other);
          if (distance === other) expect(bits & 1).toBe(0);
        }
      }),
    );
  });

  it("goes to infinity from 65,520 on and keeps NaN", () => {
    expect(halfToFloat(floatToHalf(65519))).toBe(65504);
    expect(halfToFloat(floatToHalf(65520))).toBe(Infinity);
    expect(halfToFloat(floatToHalf(-1e10))).toBe(-Infinity);
    expect(halfToFloat(floatToHalf(NaN))).toBeNaN();
  });
});

describe("widen", () => {
  it("reads bf16 as the upper half of a float32", () => {
    const bits = Uint16Array.of(0x3f80, 0xc049, 0x0001, 0x7f80);
    const upper = new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer);
    expect(widen(new Uint8Array(bits.buffer), "BF16")).toEqual(upper);
  });

  it("reads f16 and f32", () => {
    expect([...widen(new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x0001).buffer), "F16")]).toEqual([1, -2, 2 ** -24]);
    expect([...widen(new Uint8Array(Float32Array.of(0.1, -7).buffer), "F32")]).toEqual([Math.fround(0.1), -7]);
  });
});

describe("narrow", () => {
  it.each([NaN, Infinity, -65520, 1e30])("refuses %d with the tensor's name", (value) => {
    expect(() => narrow(Float32Array.of(0, value), "norm.weight")).toThrow(
      expect.objectContaining({ code: "model-corrupt", details: expect.objectContaining({ tensor: "norm.weight" }) }),
    );
  });
});
