/** @file int8 and binary outputs. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { quantizeBinary, quantizeInt8 } from "./quantize.ts";

const component = fc.float({ min: -1, max: 1, noNaN: true });
const matrix = fc.integer({ min: 1, max: 40 }).chain((dimensions) =>
  fc.record({
    dimensions: fc.constant(dimensions),
    rows: fc.array(fc.array(component, { minLength: dimensions, maxLength: dimensions }), { maxLength: 4 }),
  }),
);

describe("quantizeInt8", () => {
  it("maps the largest magnitude of each row to 127", () => {
    const { codes, scales } = quantizeInt8(Float32Array.of(0.5, -1, 0.25, 0.1, 0, -0.03), 3);
    expect([...codes]).toEqual([64, -127, 32, 127, 0, -38]);
    expect([...scales]).toEqual([Math.fround(1 / 127), Math.fround(Math.fround(0.1) / 127)]);
  });

  it("is off by at most half a scale", () => {
    fc.assert(
      fc.property(matrix, ({ rows, dimensions }) => {
        const { codes, scales } = quantizeInt8(Float32Array.from(rows.flat()), dimensions);
        expect([codes.length, scales.length]).toEqual([rows.length * dimensions, rows.length]);
        rows.flat().forEach((value, i) => {
          const scale = scales[Math.floor(i / dimensions)]!;
          expect(codes[i]).toBeGreaterThanOrEqual(-127);
          // The smallest scale that float32 can hold is coarse: 1.4e-45 is all there is.
          expect(Math.abs(codes[i]! * scale - value)).toBeLessThanOrEqual(scale * 0.50001 + 127 * 1.5e-45);
        });
      }),
    );
  });

  it("gives a row of zeros scale 0 and codes 0", () => {
    const { codes, scales } = quantizeInt8(new Float32Array(4), 4);
    expect([[...codes], [...scales]]).toEqual([[0, 0, 0, 0], [0]]);
  });
});

describe("quantizeBinary", () => {
  it("puts the first dimension in the highest bit and pads with zeros", () => {
    const rows = Float32Array.of(1, -1, 0, 1, 1, -1, -1, 1, 1, -0.5, 2, -1, -1, -1, -1, -1, -1, -1, -1, 3);
    expect([...quantizeBinary(rows, 10)]).toEqual([0b10011001, 0b10000000, 0b10000000, 0b01000000]);
  });

  it("holds one sign a dimension", () => {
    fc.assert(
      fc.property(matrix, ({ rows, dimensions }) => {
        const bytes = quantizeBinary(Float32Array.from(rows.flat()), dimensions);
        const rowBytes = Math.ceil(dimensions / 8);
        expect(bytes.length).toBe(rows.length * rowBytes);
        const text = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
        rows.forEach((row, r) => {
          const signs = row.map((value) => (value > 0 ? "1" : "0")).join("");
          expect(text.slice(r * rowBytes * 8, (r + 1) * rowBytes * 8)).toBe(signs.padEnd(rowBytes * 8, "0"));
        });
      }),
    );
  });
});
