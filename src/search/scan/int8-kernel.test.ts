/** @file The kernel by SIMD against plain sums. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { multiplyPlainly, openInt8Kernel, ROW_STEP } from "./int8-kernel.ts";

describe("openInt8Kernel", () => {
  it("gives exactly the plain sums, at any width and beyond a block", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.nat({ max: 400 }), fc.integer(), (steps, count, seed) => {
        const width = steps * ROW_STEP;
        let state = seed;
        const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) | 0);
        // The bits of any code but −128; the query's as large as 32 bits of sum allow.
        const rows = Int8Array.from({ length: count * width }, () => Math.max(-127, next() >> 24));
        const limit = Math.min(32767, Math.floor((2 ** 31 - 1) / (127 * width)));
        const query = Int16Array.from({ length: width }, () => Math.sign(next()) * limit);
        const [expected, sums] = [new Int32Array(count), new Int32Array(count)];
        for (let row = 0; row < count; row++) {
          let sum = 0;
          for (let i = 0; i < width; i++) sum += rows[row * width + i]! * query[i]!;
          expected[row] = sum;
        }
        openInt8Kernel(width).multiply(rows, query, sums);
        expect(sums).toEqual(expected);
        multiplyPlainly(rows, query, sums);
        expect(sums).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  it("runs as WebAssembly here, not plainly", () => {
    expect(openInt8Kernel(ROW_STEP).multiply).not.toBe(multiplyPlainly);
  });
});
