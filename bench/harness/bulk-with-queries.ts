/** @file A bulk job with a query every now and then, as a page of search does it while it indexes. */
import type { Embedder } from "../../src/embedder.ts";
import type { LoggedRun } from "./probe.ts";

/** Queries in turn, one at each interval, whether or not the one before has its answer. */
export interface QueryLoad {
  /** Token ids of the queries. */
  readonly queries: readonly (readonly number[])[];
  readonly everyMs: number;
}

/** A query that got its vector. */
export interface AskedQuery {
  readonly tokens: number;
  /** Counted from 1970, as the probe's. */
  readonly askedMs: number;
  /** From the call to the answer. */
  readonly latencyMs: number;
}

/** What came of a job. */
export interface BulkSample {
  readonly totalMs: number;
  /** In the order in which they were asked. */
  readonly queries: readonly AskedQuery[];
  readonly runs: readonly LoggedRun[];
}

/** @param load - `null`: the job alone. */
export async function embedWithQueries(
  embedder: Embedder,
  passages: readonly (readonly number[])[],
  load: QueryLoad | null,
): Promise<Omit<BulkSample, "runs">> {
  const started = performance.now();
  const job = embedder.embed(passages, { priority: "bulk" }).then(() => performance.now() - started);
  const asking: Promise<AskedQuery>[] = [];
  const timer = load === null ? null : setInterval(() => asking.push(ask(embedder, next(load, asking))), load.everyMs);
  try {
    const totalMs = await job;
    return { totalMs, queries: await Promise.all(asking) };
  } finally {
    if (timer !== null) clearInterval(timer);
  }
}

function next({ queries }: QueryLoad, asked: readonly unknown[]): readonly number[] {
  return queries[asked.length % queries.length]!;
}

async function ask(embedder: Embedder, query: readonly number[]): Promise<AskedQuery> {
  const asked = performance.now();
  await embedder.embed([query], { role: "query", priority: "interactive" });
  const latencyMs = performance.now() - asked;
  return { tokens: query.length, askedMs: performance.timeOrigin + asked, latencyMs };
}
