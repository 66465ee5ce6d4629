/** @file How good a ranking is by graded labels: nDCG, recall and reciprocal rank. Pure. */

/** 2: the passage answers the query. 1: it is on the query's topic. What has no label counts as 0. */
export type Grade = 1 | 2;

/** Ranks that count. */
export const CUTOFF = 10;

/** Of one query, or the means of many; each from 0 to 1. */
export interface RankingQuality {
  /** Gain 2^grade − 1, discount log2(1 + rank), over the best that the labels allow. */
  readonly ndcgAt10: number;
  /** Share of the passages of grade 2 (of ten, where there are more) among the first ten. */
  readonly recallAt10: number;
  /** One over the rank of the first passage of grade 2; 0 where it is not among the first ten. */
  readonly reciprocalRankAt10: number;
}

/**
 * Rates the ranking by falling score. Passages of equal score share their ranks: the result is the mean over all
 * orders of them, so it does not depend on which one stands first in the collection (binary codes tie often).
 *
 * @param scores - Of every passage; `[passages]`, no NaN.
 * @param grades - By the passage's index; at least one of grade 2.
 * @see https://doi.org/10.1007/978-3-540-78646-7_38 (McSherry and Najork 2008, ties)
 */
export function rateRanking(scores: ArrayLike<number>, grades: ReadonlyMap<number, Grade>): RankingQuality {
  const groups = tiedGroups(scores);
  const answers = [...grades.values()].filter((grade) => grade === 2).length;
  return {
    ndcgAt10: dcg(groups, grades) / idealDcg(grades),
    recallAt10: answersFound(groups, grades) / Math.min(CUTOFF, answers),
    reciprocalRankAt10: reciprocalRank(groups, grades),
  };
}

/** @param qualities - At least one. */
export function meanQuality(qualities: readonly RankingQuality[]): RankingQuality {
  const mean = (of: (quality: RankingQuality) => number): number =>
    qualities.reduce((sum, quality) => sum + of(quality), 0) / qualities.length;
  return {
    ndcgAt10: mean(({ ndcgAt10 }) => ndcgAt10),
    recallAt10: mean(({ recallAt10 }) => recallAt10),
    reciprocalRankAt10: mean(({ reciprocalRankAt10 }) => reciprocalRankAt10),
  };
}

/** Passages of equal score, by index; `first` is the rank of the group's first, from 0. */
interface TiedGroup {
  readonly first: number;
  readonly passages: readonly number[];
}

/** The best score first; groups that begin past the cutoff are left out. */
function tiedGroups(scores: ArrayLike<number>): TiedGroup[] {
  const order = Array.from(scores, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  const groups: TiedGroup[] = [];
  for (let first = 0; first < Math.min(order.length, CUTOFF);) {
    let end = first + 1;
    while (end < order.length && scores[order[end]!] === scores[order[first]!]) end++;
    groups.push({ first, passages: order.slice(first, end) });
    first = end;
  }
  return groups;
}

function dcg(groups: readonly TiedGroup[], grades: ReadonlyMap<number, Grade>): number {
  let sum = 0;
  for (const { first, passages } of groups) {
    const gains = passages.reduce((all, passage) => all + gain(grades.get(passage)), 0);
    for (let i = 0; i < ranksThatCount(first, passages.length); i++) {
      sum += (gains / passages.length) * discount(first + i);
    }
  }
  return sum;
}

function idealDcg(grades: ReadonlyMap<number, Grade>): number {
  const best = [...grades.values()].sort((a, b) => b - a).slice(0, CUTOFF);
  return best.reduce<number>((sum, grade, rank) => sum + gain(grade) * discount(rank), 0);
}

function answersFound(groups: readonly TiedGroup[], grades: ReadonlyMap<number, Grade>): number {
  return groups.reduce((sum, { first, passages }) => {
    const share = ranksThatCount(first, passages.length) / passages.length;
    return sum + share * countAnswers(passages, grades);
  }, 0);
}

/** Of the first group with an answer: each place of the group is as likely as another to hold the first of them. */
function reciprocalRank(groups: readonly TiedGroup[], grades: ReadonlyMap<number, Grade>): number {
  const group = groups.find(({ passages }) => countAnswers(passages, grades) > 0);
  if (!group) return 0;
  const { first, passages } = group;
  const answers = countAnswers(passages, grades);
  let [expected, noneSoFar] = [0, 1];
  for (let i = 0; i < ranksThatCount(first, passages.length) && noneSoFar > 0; i++) {
    const here = Math.min(1, answers / (passages.length - i));
    expected += (noneSoFar * here) / (first + i + 1);
    noneSoFar *= 1 - here;
  }
  return expected;
}

function ranksThatCount(first: number, size: number): number {
  return Math.min(size, CUTOFF - first);
}

function countAnswers(passages: readonly number[], grades: ReadonlyMap<number, Grade>): number {
  return passages.filter((passage) => grades.get(passage) === 2).length;
}

function gain(grade: Grade | undefined): number {
  return 2 ** (grade ?? 0) - 1;
}

/** @param rank - From 0. */
function discount(rank: number): number {
  return 1 / Math.log2(rank + 2);
}
