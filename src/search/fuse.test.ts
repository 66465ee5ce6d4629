import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reciprocalRanks } from "./fuse.ts";

describe("reciprocalRanks", () => {
  it("adds 1 / (60 + rank) over the lists", () => {
    expect(reciprocalRanks([[7, 3], [3]])).toEqual([
      { id: 3, score: 1 / 62 + 1 / 61 },
      { id: 7, score: 1 / 61 },
    ]);
  });

  it("puts the earlier list first where scores are equal", () => {
    expect(reciprocalRanks([[9], [2]]).map(({ id }) => id)).toEqual([9, 2]);
  });

  it("counts an id that is twice in a list by its better rank", () => {
    expect(reciprocalRanks([[1, 1, 2]])).toEqual(reciprocalRanks([[1, 2]]));
  });

  it("keeps the order of a single list, whatever k is", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat()), fc.integer({ min: 0, max: 100 }), (list, k) => {
        expect(reciprocalRanks([list], k).map(({ id }) => id)).toEqual(list);
      }),
    );
  });
});
