/** @file What both contenders are given, and what each is made to do with it. */
import type { EntryMode, SizeName, WorkloadKind } from "../report/compare-result.ts";
import { evenLengths, logNormalLengths } from "../harness/texts.ts";
import type { ContenderName } from "./contender.ts";
import type { BenchText, Corpus } from "./corpus.ts";
import { SIZES, type Sizes } from "./sizes.ts";

/** One line of a workload's table. */
export interface Entry {
  readonly contender: ContenderName;
  readonly mode: EntryMode;
  /** Texts a call of transformers.js; Strata gets all at once unless the mode says otherwise. */
  readonly batchSize: number;
}

export interface Workload {
  readonly kind: WorkloadKind;
  readonly title: string;
  readonly texts: readonly BenchText[];
  readonly entries: readonly Entry[];
  /** Timed ones. */
  readonly rounds: number;
  /** Before them, and not timed. */
  readonly warmUps: number;
  /** Asked while the texts are embedded. */
  readonly queries: readonly BenchText[];
  readonly everyMs: number;
  /** Of the model, instead of its own. */
  readonly maxTokens: number | null;
}

/** In the order in which they are run: what may bring a contender down comes last. */
export const WORKLOAD_KINDS: readonly WorkloadKind[] = [
  "cold-start",
  "one-query",
  "mixed-lengths",
  "equal-lengths",
  "bulk-with-queries",
  "shorter-in-batch",
  "truncated",
  "long-text",
];

export interface WorkloadChoice {
  readonly size: SizeName;
  readonly only: readonly WorkloadKind[];
  /** @default as of the size */
  readonly rounds?: number;
  /** Texts longer than the model takes are left out. */
  readonly maxTokens: number;
  /** A text that is to be cut is counted in full, and its ids are those of the cut text. */
  readonly cut: Corpus;
}

/** Of a visitor's first query. */
const COLD_TOKENS = 16;
/** Of queries, both ends included. */
const QUERY_TOKENS = { least: 8, most: 40 };
const SHORTEST = 8;
/** Of bulk texts: paragraphs. */
const BULK_TOKENS = { least: 24, most: 96 };
/** Above it one round is enough to tell, and all that is affordable. */
const LONG_TOKENS = 4096;

/** Places in the corpus from which texts of a workload are taken, so that no two workloads share a text. */
const PLACES = { cold: 0, query: 3, equal: 100, mixed: 200, bulk: 300, ragged: 400, truncated: 450, long: 0 };

const STRATA = { contender: "strata", mode: "as given", batchSize: Infinity } as const;
const peer = (mode: EntryMode, batchSize: number): Entry => ({ contender: "transformers.js", mode, batchSize });

export async function makeWorkloads(corpus: Corpus, choice: WorkloadChoice): Promise<Workload[]> {
  const sizes = { ...SIZES[choice.size], ...(choice.rounds !== undefined && { rounds: choice.rounds }) };
  const makers: Readonly<Record<WorkloadKind, () => Promise<Workload[]>>> = {
    "cold-start": () => coldStart(corpus, sizes),
    "one-query": () => oneQuery(corpus, sizes),
    "mixed-lengths": () => mixedLengths(corpus, sizes),
    "equal-lengths": () => equalLengths(corpus, sizes),
    "bulk-with-queries": () => bulkWithQueries(corpus, sizes),
    "shorter-in-batch": () => shorterInBatch(corpus, sizes),
    truncated: () => truncated(choice.cut, sizes),
    "long-text": () => longTexts(corpus, { ...sizes, maxTokens: choice.maxTokens }),
  };
  const lists = [];
  for (const kind of WORKLOAD_KINDS) if (choice.only.includes(kind)) lists.push(await makers[kind]());
  return lists.flat();
}

/** What a workload is unless it says otherwise. */
const usual = ({ rounds }: Sizes) => ({ rounds, warmUps: 1, queries: [], everyMs: 0, maxTokens: null });

async function coldStart(corpus: Corpus, sizes: Sizes): Promise<Workload[]> {
  const texts = [await corpus.textOf(COLD_TOKENS, PLACES.cold)];
  const entries = [STRATA, peer("as given", 1)];
  const title = `a new page, files cached, to the vector of ${COLD_TOKENS} tokens`;
  return [{ ...usual(sizes), kind: "cold-start", title, texts, entries, rounds: sizes.visits }];
}

async function oneQuery(corpus: Corpus, sizes: Sizes): Promise<Workload[]> {
  const texts = await textsOf(corpus, evenLengths(sizes.queries, QUERY_TOKENS), PLACES.query);
  const entries = [{ ...STRATA, mode: "one a call" as const }, peer("one a call", 1)];
  return [
    { ...usual(sizes), kind: "one-query", title: `${texts.length} queries, one after the other`, texts, entries },
  ];
}

/** The peer twice: as most people call it, and without padding, which is its best where arithmetic is the limit. */
async function mixedLengths(corpus: Corpus, sizes: Sizes): Promise<Workload[]> {
  const { texts: count, batchSize, ...spread } = sizes.mixed;
  const texts = await textsOf(corpus, logNormalLengths(count, { ...spread, least: SHORTEST }), PLACES.mixed);
  const entries = [STRATA, peer("batches", batchSize), peer("one a call", 1)];
  return [{ ...usual(sizes), kind: "mixed-lengths", title: `${count} texts of mixed lengths`, texts, entries }];
}

async function equalLengths(corpus: Corpus, sizes: Sizes): Promise<Workload[]> {
  const workloads = sizes.equal.map(async ({ texts: count, tokens, batchSize }): Promise<Workload> => {
    const texts = await textsOf(corpus, Array<number>(count).fill(tokens), PLACES.equal);
    const title = count === 1 ? `1 text of ${tokens} tokens` : `${count} texts of ${tokens} tokens each`;
    return { ...usual(sizes), kind: "equal-lengths", title, texts, entries: [STRATA, peer("batches", batchSize)] };
  });
  return Promise.all(workloads);
}

async function bulkWithQueries(corpus: Corpus, sizes: Sizes): Promise<Workload[]> {
  const { texts: count, batchSize, everyMs } = sizes.bulk;
  const texts = await textsOf(corpus, evenLengths(count, BULK_TOKENS), PLACES.bulk);
  const queries = await textsOf(corpus, evenLengths(sizes.queries, QUERY_TOKENS), PLACES.query);
  const entries = [
    { ...STRATA, mode: "without queries" as const },
    peer("without queries", batchSize),
    STRATA,
    peer("batches", batchSize),
  ];
  const title = `${count} texts, and a query every ${everyMs / 1000} s`;
  // What came before has warmed both up.
  return [{ ...usual(sizes), kind: "bulk-with-queries", title, texts, entries, queries, everyMs, warmUps: 0 }];
}

async function shorterInBatch(corpus: Corpus, sizes: Sizes): Promise<Workload[]> {
  const texts = await textsOf(corpus, sizes.ragged, PLACES.ragged);
  const together = texts.length;
  const entries: Entry[] = [
    { contender: "strata", mode: "alone", batchSize: 1 },
    { contender: "strata", mode: "in a batch", batchSize: together },
    peer("alone", 1),
    peer("in a batch", together),
    peer("padded right", together),
  ];
  const title = `${together} texts of ${sizes.ragged.join(", ")} tokens, alone and in one batch`;
  return [{ ...usual(sizes), kind: "shorter-in-batch", title, texts, entries, rounds: 1, warmUps: 0 }];
}

async function truncated(cut: Corpus, sizes: Sizes): Promise<Workload[]> {
  const { limit, tokens } = sizes.truncated;
  const texts = [await cut.textOf(tokens, PLACES.truncated)];
  const title = `a text of ${tokens} tokens, cut to a model's limit of ${limit}`;
  const entries = [STRATA, peer("as given", 1)];
  return [{ ...usual(sizes), kind: "truncated", title, texts, entries, rounds: 1, warmUps: 0, maxTokens: limit }];
}

async function longTexts(corpus: Corpus, sizes: Sizes & { readonly maxTokens: number }): Promise<Workload[]> {
  const workloads: Workload[] = [];
  for (const { tokens, mode } of sizes.long.filter((long) => long.tokens <= sizes.maxTokens)) {
    const texts = [await corpus.textOf(tokens, PLACES.long)];
    const entries = [STRATA, peer("as given", 1)].map((entry) => (mode === "dry" ? { ...entry, mode } : entry));
    const once = mode === "dry" || tokens > LONG_TOKENS;
    const rounds = once ? { rounds: 1, warmUps: 0 } : {};
    const title = `one text of ${tokens} tokens${mode === "dry" ? ", dispatches left out" : ""}`;
    workloads.push({ ...usual(sizes), kind: "long-text", title, texts, entries, ...rounds });
  }
  return workloads;
}

async function textsOf(corpus: Corpus, lengths: readonly number[], place: number): Promise<BenchText[]> {
  const texts: BenchText[] = [];
  for (const [i, tokens] of lengths.entries()) texts.push(await corpus.textOf(tokens, place + i));
  return texts;
}
