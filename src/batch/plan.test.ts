import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Pass, Slice } from "../types.ts";
import { planPasses } from "./plan.ts";

const slicesOf = (passes: readonly Pass[]): Slice[] => passes.flatMap((pass) => pass.chunks.flatMap((c) => c.slices));

describe("planPasses", () => {
  it("puts short sequences of similar length into one chunk", () => {
    const passes = planPasses([3, 5, 4], { chunkTokens: 16 });
    expect(passes).toHaveLength(1);
    expect(passes[0]!.chunks[0]!.slices.map((s) => s.sequence)).toEqual([0, 2, 1]);
  });

  it("slices a sequence longer than a chunk", () => {
    const [pass] = planPasses([40], { chunkTokens: 16 });
    expect(pass!.chunks.map((c) => [c.slices[0]!.start, c.tokenCount, c.sliced])).toEqual([
      [0, 16, true],
      [16, 16, true],
      [32, 8, true],
    ]);
  });

  it("runs a sequence of exactly one chunk whole", () => {
    expect(planPasses([16], { chunkTokens: 16 })[0]!.chunks).toEqual([
      { slices: [{ sequence: 0, start: 0, length: 16 }], tokenCount: 16, sliced: false },
    ]);
  });

  it("keeps a long sequence from padding many short ones", () => {
    const passes = planPasses([...Array<number>(40).fill(2), 400], { chunkTokens: 512 });
    expect(passes).toHaveLength(2);
  });

  it("makes no pass for no sequence", () => {
    expect(planPasses([], { chunkTokens: 16 })).toEqual([]);
  });

  it("runs every token once, in order, within the chunk size", () => {
    const lengthsArbitrary = fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 60 });
    fc.assert(
      fc.property(lengthsArbitrary, fc.integer({ min: 1, max: 128 }), (lengths, chunkTokens) => {
        const passes = planPasses(lengths, { chunkTokens });
        const next = lengths.map(() => 0);
        for (const slice of slicesOf(passes)) {
          expect(slice.start).toBe(next[slice.sequence]);
          next[slice.sequence]! += slice.length;
        }
        expect(next).toEqual(lengths);
        for (const chunk of passes.flatMap((pass) => pass.chunks)) {
          expect(chunk.tokenCount).toBeLessThanOrEqual(chunkTokens);
          expect(chunk.tokenCount).toBe(chunk.slices.reduce((sum, slice) => sum + slice.length, 0));
          if (chunk.sliced) expect(chunk.slices).toHaveLength(1);
        }
      }),
    );
  });
});
