/** @file How much to index at a time, and how long the rest will take. Pure. */

/** A first batch that is ready soon, so that there is something to find. */
export const FIRST_BATCH = 4;
/** Enough to fill a run of the layers many times over; more would only delay a pause. */
const MAX_BATCH = 64;
/** Progress and new results should come about this often. */
const BRISK_MS = 300;
const SLUGGISH_MS = 1200;

/** Passages of the next batch: grows while batches are quick, shrinks on a slow device. */
export function nextBatchSize(size: number, elapsedMs: number): number {
  if (elapsedMs < BRISK_MS) return Math.min(MAX_BATCH, size * 2);
  if (elapsedMs > SLUGGISH_MS) return Math.max(1, Math.floor(size / 2));
  return size;
}

/**
 * Time for the rest at the pace so far, by characters: tokens are known only once a text was read.
 *
 * @returns Milliseconds, or `null` while nothing was done.
 */
export function remainingMs(
  done: { readonly characters: number; readonly elapsedMs: number },
  left: number,
): number | null {
  return done.characters > 0 ? (done.elapsedMs / done.characters) * left : null;
}
