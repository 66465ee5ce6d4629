import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HALF_VALUES } from "./half.ts";
import { BLOCK, dequantizeBlocks, quantizeBlocks, type Rounding } from "./quantize.ts";

/** Blocks of one magnitude, whose scales are normal float16 numbers: below those a scale is off by more than 2^-11. */
const weights = fc
  .tuple(
    fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: BLOCK, maxLength: BLOCK }),
    fc.integer({ min: -6, max: 10 }),
  )
  .map(([values, exponent]) => Float32Array.from(values, (value) => value * 2 ** exponent))
  .filter((values) => Math.max(...values.map(Math.abs)) >= 127 * 2 ** -14);
const bitWidths = fc.constantFrom(4 as const, 8 as const);

function quantize(values: Float32Array, bits: 4 | 8, rounding: Rounding = "search") {
  return quantizeBlocks(values, { bits, rounding, tensor: "w" });
}

function squaredError(values: Float32Array, bits: 4 | 8, rounding: Rounding): number {
  const restored = dequantizeBlocks(quantize(values, bits, rounding), bits);
  return values.reduce((sum, value, i) => sum + (value - restored[i]!) ** 2, 0);
}

const energy = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);

describe("quantizeBlocks", () => {
  it("stores 4-bit codes two a byte, the even column in the low nibble", () => {
    const values = Float32Array.from({ length: BLOCK }, (_, i) => (i % 16) - 8);
    const { codes, scales } = quantize(values, 4);
    expect(codes).toHaveLength(16);
    expect([...codes.subarray(0, 8)]).toEqual([0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe]);
    expect(HALF_VALUES[scales[0]!]).toBe(1);
  });

  it("stores 8-bit codes one a byte, with 128 for zero", () => {
    const values = Float32Array.from({ length: BLOCK }, (_, i) => 8 * i - 128);
    const { codes, scales } = quantize(values, 8);
    expect([...codes]).toEqual(Array.from({ length: BLOCK }, (_, i) => 8 * i));
    expect(HALF_VALUES[scales[0]!]).toBe(1);
  });

  it("gives back what the codes can say exactly", () => {
    const codes4 = fc.array(fc.integer({ min: -7, max: 7 }), { minLength: BLOCK - 1, maxLength: BLOCK - 1 });
    fc.assert(
      fc.property(codes4, fc.integer({ min: -8, max: 4 }), (codes, exponent) => {
        const values = Float32Array.from([...codes, -8], (code) => code * 2 ** exponent);
        expect([...dequantizeBlocks(quantize(values, 4), 4)].map((value) => value + 0)).toEqual(
          [...values].map((value) => value + 0),
        );
      }),
    );
  });

  it("has no larger squared error than plain rounding, but for the rounding of the scale", () => {
    fc.assert(
      fc.property(weights, bitWidths, (values, bits) => {
        const slack = energy(values) * 2 ** -19;
        expect(squaredError(values, bits, "search")).toBeLessThanOrEqual(squaredError(values, bits, "plain") + slack);
      }),
    );
  });

  it("takes a quarter off plain rounding's 4-bit error on normal weights", () => {
    let state = 7;
    const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5;
    const values = Float32Array.from({ length: 4096 * BLOCK }, () =>
      Array.from({ length: 6 }, uniform).reduce((a, b) => a + b),
    );
    expect(squaredError(values, 4, "search")).toBeLessThan(0.75 * squaredError(values, 4, "plain"));
    expect(squaredError(values, 8, "search")).toBeLessThan(0.9 * squaredError(values, 8, "plain"));
  });

  it("is off by at most half a scale a weight with plain rounding", () => {
    fc.assert(
      fc.property(weights, bitWidths, (values, bits) => {
        const blocks = quantize(values, bits, "plain");
        const restored = dequantizeBlocks(blocks, bits);
        // The largest weight's code may exceed the range by the rounding of the scale: 128 · 2^-11.
        const bound = HALF_VALUES[blocks.scales[0]!]! * (0.5 + 2 ** -4);
        values.forEach((value, i) => expect(Math.abs(value - restored[i]!)).toBeLessThanOrEqual(bound));
      }),
    );
  });

  it("treats each block alone", () => {
    fc.assert(
      fc.property(weights, weights, bitWidths, (first, second, bits) => {
        const both = quantize(Float32Array.of(...first, ...second), bits);
        const [one, two] = [quantize(first, bits), quantize(second, bits)];
        expect([...both.codes]).toEqual([...one.codes, ...two.codes]);
        expect([...both.scales]).toEqual([...one.scales, ...two.scales]);
      }),
    );
  });

  it.each([4, 8] as const)("stores zeros and weights below float16's range as zero (%d bit)", (bits) => {
    for (const value of [0, 1e-30]) {
      const restored = dequantizeBlocks(quantize(new Float32Array(BLOCK).fill(value), bits), bits);
      expect(restored.every((weight) => weight === 0)).toBe(true);
    }
  });

  it.each([NaN, Infinity, -Infinity, 1e8])("refuses %d with the tensor's name", (value) => {
    const values = new Float32Array(BLOCK).fill(1);
    values[17] = value;
    expect(() => quantize(values, 4)).toThrow(
      expect.objectContaining({ code: "model-corrupt", message: expect.stringContaining("tensor w holds") }),
    );
  });
});
