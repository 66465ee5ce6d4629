/** @file Fair shares: which sequences of which requests go next, counted in tokens. Pure. */
import type { Job, JobItem } from "./job.ts";

/** Fewer tokens a round would only mean more rounds. */
const LEAST_QUANTUM = 64;

/**
 * Deficit round robin: each round owes every job as many tokens, and takes its sequences, shortest first, as far as
 * they go. Who has waited longest is first, so that a sequence larger than what was left of a window opens a later one.
 *
 * @param jobs - In order of arrival; those with nothing waiting are passed over.
 * @param window - `tokens`: as many as fit, but one sequence at least; `number`: counts windows up.
 * @returns Empty only when nothing waits.
 */
export function takeWindow(
  jobs: readonly Job[],
  window: { readonly tokens: number; readonly number: number },
): JobItem[] {
  const taken: JobItem[] = [];
  let room = window.tokens;
  let waiting = jobs.filter(({ nextTokens }) => nextTokens < Infinity);
  waiting.sort((a, b) => a.servedAt - b.servedAt);
  const quantum = Math.max(LEAST_QUANTUM, Math.floor(window.tokens / Math.max(1, waiting.length)));
  const mayTake = ({ nextTokens }: Job): boolean => nextTokens <= room || (taken.length === 0 && nextTokens < Infinity);
  while (waiting.length > 0) {
    for (const job of waiting) {
      if (job.deficit < job.nextTokens) job.deficit += quantum;
      while (job.nextTokens <= job.deficit && mayTake(job)) {
        const item = job.take();
        taken.push(item);
        room -= item.inputIds.length;
        job.deficit -= item.inputIds.length;
        job.servedAt = window.number;
      }
      if (job.nextTokens === Infinity) job.deficit = 0;
    }
    waiting = waiting.filter(mayTake);
  }
  return taken;
}
