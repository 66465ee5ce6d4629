/** @file Queries while a bulk job runs: how long they wait, and what the job loses by them. */
import { note } from "../harness/browser.ts";
import type { BulkSample, QueryLoad } from "../harness/bulk-with-queries.ts";
import { table } from "../harness/markdown.ts";
import type { LoggedRun } from "../harness/probe.ts";
import { inputIds, logNormalLengths } from "../harness/texts.ts";
import { queryWaits, type QueryWait } from "./query-waits.ts";
import {
  median,
  percent,
  quantileOf,
  spread,
  sum,
  withEmbedder,
  type Check,
  type Section,
  type Setting,
} from "./setting.ts";

/** Each differs from the next, which tells their runs apart. */
const QUERY_TOKENS = [11, 23, 37, 13, 29, 19, 8, 39];

const PASSAGES = { median: 90, sigma: 0.5, least: 16, most: 512 };

const EVERY_MS = 1000;
const MOST_RUNS = 2;
const MOST_LOSS = 0.1;

/** What a run is planned to take at most, by default: one that is longer keeps a query waiting. */
const MOST_RUN_MS = 250;

/** Requests before the measurement: what is made once is made, and the pace is known. */
const ALONE = 3;

interface Round {
  readonly alone: number;
  readonly beside: number;
  readonly sample: BulkSample;
  readonly waits: readonly QueryWait[];
}

export async function queries(setting: Setting): Promise<Section> {
  return withEmbedder(setting, { pack: "nano" }, async ({ page, manifest }) => {
    const lengths = logNormalLengths(setting.sizes.queries.passages, PASSAGES);
    const passages = lengths.map((length, i) => inputIds(length, manifest, i + 1));
    const asked = QUERY_TOKENS.map((length) => inputIds(length, manifest));
    const run = (load: QueryLoad | null): Promise<BulkSample> =>
      page.evaluate(({ texts, load: with_ }) => bench.embedWithQueries(texts, with_), { texts: passages, load });
    await page.evaluate((texts) => bench.embed(texts, "bulk"), passages.slice(0, Math.ceil(passages.length / 10)));
    const aloneMs: number[] = [];
    for (let i = 0; i < ALONE; i++) {
      const each = asked.map((query) => [query]);
      aloneMs.push(...(await page.evaluate((requests) => bench.embedEach(requests, "interactive"), each)));
    }
    const rounds: Round[] = [];
    for (let round = 0; round < setting.rounds; round++) {
      const rate = ({ totalMs }: BulkSample): number => (1000 * sum(lengths)) / totalMs;
      const alone = rate(await run(null));
      const sample = await run({ queries: asked, everyMs: EVERY_MS });
      rounds.push({ alone, beside: rate(sample), sample, waits: queryWaits(sample) });
      note(`queries, round ${round + 1}: ${alone.toFixed(0)} and ${rate(sample).toFixed(0)} tokens/s`);
    }
    return report({ rounds, aloneMs, lengths, layers: manifest.architecture.num_hidden_layers });
  });
}

interface Results {
  readonly rounds: readonly Round[];
  readonly aloneMs: readonly number[];
  readonly lengths: readonly number[];
  readonly layers: number;
}

function report({ rounds, aloneMs, lengths, layers }: Results): Section {
  const waits = rounds.flatMap(({ waits: own }) => own);
  return {
    title: "A query during a bulk job",
    checks: check(rounds),
    details: [
      `${lengths.length} passages, ${sum(lengths)} tokens (${Math.min(...lengths)} to ${Math.max(...lengths)}), ` +
        `${layers} layers; queries of ${Math.min(...QUERY_TOKENS)} to ${Math.max(...QUERY_TOKENS)} tokens; ` +
        `${rounds.length} rounds of both in turn. The loss is the median of theirs.`,
      table(
        ["milliseconds", "p50", "p95", "most"],
        [
          ["query alone, call to answer", ...quantiles(aloneMs)],
          ["query beside the job, call to answer", ...quantiles(waits.map(({ latencyMs }) => latencyMs))],
          ["– of it until its first run", ...quantiles(waits.map(({ waitMs }) => waitMs))],
          ["run of the job, one layer", ...quantiles(rounds.flatMap(({ sample }) => runTimes(sample)))],
        ],
      ),
      table(
        ["tokens/s of the job", "median (range)"],
        [
          ["alone", spread(rounds.map(({ alone }) => alone))],
          ["beside queries", spread(rounds.map(({ beside }) => beside))],
        ],
      ),
      table(["runs waited for", "queries"], countRuns(waits)),
    ],
  };
}

function check(rounds: readonly Round[]): Check[] {
  const waits = rounds.flatMap(({ waits: own }) => own);
  const most = Math.max(...waits.map(({ runs }) => runs));
  const runMs = quantileOf(
    rounds.flatMap(({ sample }) => runTimes(sample)),
    0.95,
  );
  // Round by round: what else the machine does changes from one to the next.
  const loss = median(rounds.map(({ alone, beside }) => 1 - beside / alone));
  const own = median(rounds.map(({ sample }) => shareOfQueries(sample)));
  return [
    {
      what: `most runs of the job that one of ${waits.length} queries waited for`,
      measured: String(most),
      limit: `≤ ${MOST_RUNS}`,
      passed: most <= MOST_RUNS,
    },
    {
      what: "a run of the job, p95",
      measured: `${runMs.toFixed(0)} ms`,
      limit: `≤ ${MOST_RUN_MS} ms`,
      passed: runMs <= MOST_RUN_MS,
    },
    {
      what: "the job's loss of tokens/s at one query a second",
      measured: percent(loss),
      limit: `≤ ${percent(MOST_LOSS, 0)}`,
      passed: loss <= MOST_LOSS,
    },
    // On a device so slow that queries are a large part of its work, the limit cannot be met by any scheduler.
    { what: "– of it beyond the queries' own runs", measured: percent(loss - own), limit: "measured", passed: null },
  ];
}

function quantiles(values: readonly number[]): string[] {
  return [0.5, 0.95, 1].map((q) => quantileOf(values, q).toFixed(0));
}

function runTimes({ runs }: BulkSample): number[] {
  return timesOf(runs).filter((_, i) => runs[i]!.priority !== "interactive");
}

/** Milliseconds of each run to its end on the device; what is queued behind another one counts from that one's end. */
function timesOf(runs: readonly LoggedRun[]): number[] {
  return runs.map(({ startMs, endMs }, i) => endMs - Math.max(startMs, runs[i - 1]?.endMs ?? 0));
}

function shareOfQueries({ runs, totalMs }: BulkSample): number {
  return sum(timesOf(runs).filter((_, i) => runs[i]!.priority === "interactive")) / totalMs;
}

function countRuns(waits: readonly QueryWait[]): number[][] {
  const counts = new Map<number, number>();
  for (const { runs } of waits) counts.set(runs, (counts.get(runs) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a - b);
}
