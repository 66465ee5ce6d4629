/** @file Ranking quality against values worked out by hand, and rules that hold for all rankings. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { meanQuality, rateRanking, type Grade } from "./ndcg.ts";

const grades = (...pairs: [number, Grade][]): ReadonlyMap<number, Grade> => new Map(pairs);

describe("rateRanking", () => {
  it("gives the value worked out by hand", () => {
    // Ranks of passages 0, 1, 2, 3 are 2, 1, 4, 3; passage 0 answers, 2 is on topic:
    // DCG = 3/log2(3) + 1/log2(5) = 1.892789 + 0.430677, ideal = 3/log2(2) + 1/log2(3) = 3.630930.
    const rated = rateRanking([0.8, 0.9, 0.1, 0.3], grades([0, 2], [2, 1]));
    expect(rated.ndcgAt10).toBeCloseTo(2.323466 / 3.63093, 6);
    expect(rated.recallAt10).toBe(1);
    expect(rated.reciprocalRankAt10).toBe(0.5);
  });

  it("sees nothing past the tenth rank", () => {
    const scores = Array.from({ length: 12 }, (_, i) => -i);
    expect(rateRanking(scores, grades([10, 2]))).toEqual({ ndcgAt10: 0, recallAt10: 0, reciprocalRankAt10: 0 });
    expect(rateRanking(scores, grades([9, 2])).ndcgAt10).toBeCloseTo(1 / Math.log2(11), 12);
  });

  it("takes the mean over the orders of equal scores", () => {
    // The answer is first or second, each half of the time.
    const rated = rateRanking([0.5, 0.5], grades([0, 2]));
    expect(rated.ndcgAt10).toBeCloseTo((1 + 1 / Math.log2(3)) / 2, 12);
    expect(rated.reciprocalRankAt10).toBeCloseTo(0.75, 12);
    // Twenty tie for ten ranks.
    expect(rateRanking(new Float64Array(20), grades([7, 2])).recallAt10).toBe(0.5);
  });

  it("finds ten of more than ten answers enough", () => {
    const all = grades(...Array.from({ length: 12 }, (_, i): [number, Grade] => [i, 2]));
    expect(rateRanking(new Float64Array(12), all)).toMatchObject({ ndcgAt10: 1, recallAt10: 1 });
  });

  const labelled = fc
    .array(fc.record({ score: fc.integer({ min: -3, max: 3 }), grade: fc.constantFrom(0, 1, 2) }), { minLength: 1 })
    .filter((passages) => passages.some(({ grade }) => grade === 2));
  const rate = (passages: readonly { readonly score: number; readonly grade: number }[]) =>
    rateRanking(
      passages.map(({ score }) => score),
      new Map(passages.flatMap(({ grade }, i) => (grade > 0 ? [[i, grade as Grade]] : []))),
    );

  it("stays between 0 and 1", () => {
    fc.assert(
      fc.property(labelled, (passages) => {
        for (const value of Object.values(rate(passages)) as number[]) {
          expect(value).toBeGreaterThanOrEqual(0);
          // Sums of a few terms round.
          expect(value).toBeLessThanOrEqual(1 + 1e-12);
        }
      }),
    );
  });

  it("is 1 where scores follow the grades", () => {
    fc.assert(
      fc.property(labelled, (passages) => {
        const perfect = rate(passages.map(({ grade }) => ({ score: grade, grade })));
        for (const value of Object.values(perfect) as number[]) expect(value).toBeCloseTo(1, 12);
      }),
    );
  });

  it("does not depend on the order in which passages stand in the collection", () => {
    fc.assert(
      fc.property(labelled, (passages) => {
        const [there, back] = [rate(passages), rate(passages.toReversed())];
        expect(back.ndcgAt10).toBeCloseTo(there.ndcgAt10, 12);
        expect(back.recallAt10).toBeCloseTo(there.recallAt10, 12);
        expect(back.reciprocalRankAt10).toBeCloseTo(there.reciprocalRankAt10, 12);
      }),
    );
  });
});

describe("meanQuality", () => {
  it("is the mean of each measure", () => {
    const one = { ndcgAt10: 1, recallAt10: 0.5, reciprocalRankAt10: 0 };
    const other = { ndcgAt10: 0, recallAt10: 0.5, reciprocalRankAt10: 0.25 };
    expect(meanQuality([one, other])).toEqual({ ndcgAt10: 0.5, recallAt10: 0.5, reciprocalRankAt10: 0.125 });
  });
});
