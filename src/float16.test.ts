/** @file Half precision over all of its values. */
import { describe, expect, it } from "vitest";
import { floatsToHalves, halvesToFloats, narrow, narrowFloat16, widenFloat16 } from "./float16.ts";

const ALL = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
const VALUES = new Float32Array(ALL.length);
halvesToFloats(ALL, VALUES);

const WAYS = { floatsToHalves, narrow };

describe("halvesToFloats", () => {
  it("gives the values that the standard names", () => {
    expect(
      [0x0000, 0x0001, 0x03ff, 0x0400, 0x3c00, 0x3555, 0x7bff, 0x7c00, 0xc000].map((bits) => VALUES[bits]),
    ).toEqual([0, 2 ** -24, 2 ** -14 - 2 ** -24, 2 ** -14, 1, 0.333251953125, 65504, Infinity, -2]);
    expect(Object.is(VALUES[0x8000], -0)).toBe(true);
  });
});

describe.each(Object.entries(WAYS))("%s", (_name, way) => {
  const toHalves = (singles: Float32Array): Uint16Array => {
    const halves = new Uint16Array(singles.length);
    way(singles, halves);
    return halves;
  };

  it("gives back each of the 65,536 values", () => {
    const halves = toHalves(VALUES);
    const wrong = ALL.filter((bits) => halves[bits] !== bits && !Number.isNaN(VALUES[bits]));
    expect(wrong).toHaveLength(0);
    const back = new Float32Array(ALL.length);
    halvesToFloats(halves, back);
    expect(ALL.filter((bits) => Number.isNaN(VALUES[bits]!) !== Number.isNaN(back[bits]!))).toHaveLength(0);
  });

  it("rounds to the nearest, and halfway to the even one", () => {
    // Finite neighbours: each, halfway to the next, and a little to either side of halfway.
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [VALUES[bits]!, VALUES[bits + 1]!];
      const middle = (low + high) / 2;
      const step = (high - low) / 256;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const halves = toHalves(Float32Array.of(middle - step, middle, middle + step, -middle));
      if (halves[0] !== bits || halves[1] !== even || halves[2] !== bits + 1 || halves[3] !== (even | 0x8000)) {
        expect([bits, ...halves]).toEqual([bits, bits, even, bits + 1, even | 0x8000]);
      }
    }
  });

  it("goes to infinity from halfway past the largest value", () => {
    expect([...toHalves(Float32Array.of(65519.99, 65520, 1e30, -Infinity))]).toEqual([0x7bff, 0x7c00, 0x7c00, 0xfc00]);
  });
});

describe("widenFloat16 and narrowFloat16", () => {
  it("give arrays of their own, from views too", () => {
    const bits = ALL.subarray(0x3000, 0x4000);
    expect(narrowFloat16(widenFloat16(bits))).toEqual(new Uint16Array(bits));
    expect(narrowFloat16(Float32Array.of(65519, 65520, 2 ** -25))).toEqual(Uint16Array.of(0x7bff, 0x7c00, 0));
    expect(narrowFloat16(Float32Array.of(NaN))[0]! & 0x7fff).toBeGreaterThan(0x7c00);
  });
});
