import { describe, expect, it } from "vitest";
import { chunkIndices, lastRowCount } from "./chunk-indices.ts";

describe("chunkIndices", () => {
  it("pads on the right with the sequence's last row and finds every row again", () => {
    const slices = [
      { sequence: 4, start: 0, length: 1 },
      { sequence: 2, start: 0, length: 3 },
    ];
    const indices = chunkIndices({ slices, tokenCount: 4, sliced: false });
    expect([...indices.padIndex]).toEqual([0, 0, 0, 1, 2, 3]);
    expect([...indices.unpadIndex]).toEqual([0, 3, 4, 5]);
    expect([...indices.seqlensK]).toEqual([0, 2]);
    expect([...indices.totalSequence]).toEqual([3]);
  });

  it("counts the past of a slice", () => {
    const indices = chunkIndices({ slices: [{ sequence: 0, start: 16, length: 5 }], tokenCount: 5, sliced: true });
    expect([...indices.seqlensK]).toEqual([20]);
    expect([...indices.totalSequence]).toEqual([21]);
  });
});

describe("lastRowCount", () => {
  it("is a row of each sequence, and four at least where there are as many tokens", () => {
    expect(lastRowCount({ tokens: 16, sequences: 1 })).toBe(4);
    expect(lastRowCount({ tokens: 3, sequences: 2 })).toBe(3);
    expect(lastRowCount({ tokens: 1, sequences: 1 })).toBe(1);
    expect(lastRowCount({ tokens: 90, sequences: 7 })).toBe(7);
  });
});
