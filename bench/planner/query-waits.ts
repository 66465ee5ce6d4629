/** @file How long queries waited for a bulk job, counted in its runs. Pure. */
import type { AskedQuery, BulkSample } from "../harness/bulk-with-queries.ts";
import type { LoggedRun } from "../harness/probe.ts";

/** A query's way to its first run. */
export interface QueryWait {
  /** Of the job: those under way when the query was asked, and those begun before its own first one. */
  readonly runs: number;
  /** Until its first run. */
  readonly waitMs: number;
  readonly latencyMs: number;
}

/**
 * @param sample - The queries' priority is "interactive", and nothing else's.
 * @throws {Error} When a query has no run of its own.
 */
export function queryWaits({ queries, runs }: Pick<BulkSample, "queries" | "runs">): QueryWait[] {
  const ofJob = runs.filter(({ priority }) => priority !== "interactive");
  const ofQueries = runs.filter(({ priority }) => priority === "interactive");
  return queries.map((query) => {
    const first = firstRunOf(query, ofQueries);
    const { askedMs, latencyMs } = query;
    const before = ofJob.filter(({ startMs, endMs }) => endMs > askedMs && startMs < first.startMs);
    return { runs: before.length, waitMs: first.startMs - askedMs, latencyMs };
  });
}

/** The query whole, if it was run so; else in slices, or together with others that waited. */
function firstRunOf({ tokens, askedMs, latencyMs }: AskedQuery, runs: readonly LoggedRun[]): LoggedRun {
  const meanwhile = runs.filter(({ startMs }) => startMs >= askedMs && startMs < askedMs + latencyMs);
  const first = meanwhile.find(({ rows }) => rows === tokens) ?? meanwhile[0];
  if (first) return first;
  throw new Error(`no run of a query of ${tokens} tokens after ${askedMs}`);
}
