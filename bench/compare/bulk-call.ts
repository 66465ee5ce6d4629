/** @file A bulk job with a query at each interval, for any contender: the page's part. */
import type { Contender, EmbedCall } from "./contender.ts";

export interface BulkCall {
  /** One request for Strata; transformers.js runs a call a batch, and queries get their turn in between. */
  readonly bulk: EmbedCall;
  /** Asked in turn, again from the first after the last; empty: the job alone. */
  readonly queries: readonly string[];
  readonly everyMs: number;
}

export interface BulkOutcome {
  /** Of the job. */
  readonly totalMs: number;
  /** From call to answer, in the order in which queries were asked. */
  readonly queryMs: readonly number[];
}

/** Queries are asked on time whether or not the one before has its answer. */
export async function embedWithQueries(
  contender: Contender,
  { bulk, queries, everyMs }: BulkCall,
): Promise<BulkOutcome> {
  const started = performance.now();
  const job = runBulk(contender, bulk).then(() => performance.now() - started);
  const asking: Promise<number>[] = [];
  const ask = (): void => {
    const text = queries[asking.length % queries.length]!;
    const call = { texts: [text], batchSize: 1, role: "document", priority: "interactive" } as const;
    asking.push(contender.embed(call).then(({ totalMs }) => totalMs));
  };
  const timer = queries.length > 0 ? setInterval(ask, everyMs) : undefined;
  try {
    const totalMs = await job;
    clearInterval(timer);
    return { totalMs, queryMs: await Promise.all(asking) };
  } finally {
    clearInterval(timer);
  }
}

/** In calls of its batches, as a page does that wants to answer in between: a call cannot be interrupted. */
async function runBulk(contender: Contender, bulk: EmbedCall): Promise<void> {
  if (contender.name === "strata") {
    await contender.embed({ ...bulk, priority: "bulk" });
    return;
  }
  for (let first = 0; first < bulk.texts.length; first += bulk.batchSize) {
    await contender.embed({ ...bulk, texts: bulk.texts.slice(first, first + bulk.batchSize) });
  }
}
