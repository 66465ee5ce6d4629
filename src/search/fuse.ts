/** @file Several rankings made one, by rank alone: scores of different kinds cannot be added. Pure. */

/** How much the first ranks stand out; the value of the paper, which found little change around it. */
const RANK_CONSTANT = 60;

/**
 * Reciprocal rank fusion: an id scores the sum of 1 / (k + rank) over the lists it is in, ranks counted from 1.
 *
 * @param lists - Ids, best first; an id that is twice in a list counts by its better rank.
 * @param k - Larger: the first ranks stand out less. @default 60
 * @returns Every id once, best first; of equal scores the one in the earlier list, so that the order of the lists decides.
 * @see Cormack, Clarke, Buettcher: Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods. SIGIR 2009
 */
export function reciprocalRanks(
  lists: readonly (readonly number[])[],
  k: number = RANK_CONSTANT,
): { id: number; score: number }[] {
  const scores = new Map<number, number>();
  for (const list of lists) {
    let rank = 0;
    for (const id of new Set(list)) scores.set(id, (scores.get(id) ?? 0) + 1 / (k + ++rank));
  }
  // In the order in which they came: sorting keeps it where scores are equal.
  return Array.from(scores, ([id, score]) => ({ id, score })).sort((a, b) => b.score - a.score);
}
