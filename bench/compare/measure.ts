/** @file One workload, both contenders in turn: rounds of samples → lines of a result. */
import type { HeapPeak } from "../heap.ts";
import type { EntryResult, Exactness, MemoryUse, WorkloadResult } from "../report/compare-result.ts";
import type { ContenderName, EmbedCall } from "./contender.ts";
import type { BenchText } from "./corpus.ts";
import type { DriverSample } from "./driver.ts";
import type { Outcome, Session } from "./session.ts";
import { exactnessOf, latencyOf, quantile, spreadOf } from "./statistics.ts";
import type { Entry, Workload } from "./workloads.ts";

/** Float64 vectors by text, as far as there are any. */
export type References = ReadonlyMap<BenchText, Float64Array | null>;

/** Who answers: `"padded right"` is transformers.js with upstream's tokenizer settings. */
export type Sessions = (contender: ContenderName, mode: Entry["mode"]) => Session;

/** One round of one entry. */
export interface RoundSample {
  readonly ms: number;
  /** Of single requests; empty where there are none to tell. */
  readonly latencyMs: readonly number[];
  /** `[texts, dimensions]`, row-major; empty where nobody looks at them. */
  readonly vectors: readonly number[];
  readonly idleBytes: number;
  readonly usage: DriverSample["usage"];
  readonly heap: HeapPeak | null;
}

/** An entry and what came of its rounds so far. */
interface Line {
  readonly entry: Entry;
  readonly samples: RoundSample[];
  failure: string | null;
}

/**
 * All rounds, the order turned round from one to the next: who comes second finds a warmer machine.
 *
 * @param onRound - Before each.
 */
export async function measureWorkload(
  workload: Workload,
  { sessions, references }: { readonly sessions: Sessions; readonly references: References },
  onRound: (line: string) => void,
): Promise<WorkloadResult> {
  const lines = workload.entries.map((entry): Line => ({ entry, samples: [], failure: null }));
  for (let round = -workload.warmUps; round < workload.rounds; round++) {
    const inTurn = round % 2 === 0 ? lines : [...lines].reverse();
    for (const line of inTurn) {
      if (line.failure !== null) continue;
      onRound(`${workload.title}: ${line.entry.contender}, ${line.entry.mode}, ${describeRound(round, workload)}`);
      const outcome = await measureRound(sessions(line.entry.contender, line.entry.mode), line.entry, workload);
      if (outcome.failure !== null) line.failure = outcome.failure;
      else if (round >= 0) line.samples.push(outcome.sample);
    }
  }
  return resultOf(
    workload,
    lines.map((line) => entryResult(workload, line, references)),
  );
}

/** What a workload's texts are, and its lines. */
export function resultOf({ kind, title, texts }: Workload, entries: readonly EntryResult[]): WorkloadResult {
  const lengths = texts.map(({ inputIds }) => inputIds.length);
  return {
    kind,
    title,
    texts: texts.length,
    tokens: lengths.reduce((sum, length) => sum + length, 0),
    lengths: { least: Math.min(...lengths), median: quantile(lengths, 0.5), most: Math.max(...lengths) },
    entries,
  };
}

/** A line that says how a contender failed. */
export function failedEntry({ contender, mode, batchSize }: Entry, failure: string): EntryResult {
  const nothing = { ms: null, tokensPerSecond: null, latency: null, memory: null, exactness: null, phases: null };
  return { contender, mode, batchSize: finiteBatch(contender, batchSize), failure, ...nothing };
}

/** Strata's own affair, and `null` for it unless it was told. */
export function finiteBatch(contender: ContenderName, batchSize: number): number | null {
  return contender === "strata" ? null : batchSize;
}

function describeRound(round: number, { rounds }: Workload): string {
  return round < 0 ? "warm-up" : `round ${round + 1} of ${rounds}`;
}

async function measureRound(session: Session, entry: Entry, workload: Workload): Promise<Outcome<RoundSample>> {
  session.takeHeap();
  const calls = callsOf(entry, workload.texts);
  if (entry.mode === "dry") return withRest(session, await session.rehearse(calls[0]!));
  if (workload.kind === "bulk-with-queries") {
    const queries = entry.mode === "without queries" ? [] : workload.queries.map(({ text }) => text);
    const outcome = await session.embedWithQueries({ bulk: calls[0]!, queries, everyMs: workload.everyMs });
    return withRest(session, outcome, (sample) => ({ latencyMs: sample.queryMs }));
  }
  const outcome = await session.embed(calls);
  return withRest(session, outcome, ({ vectors, callMs }) => ({
    vectors,
    ...(workload.kind === "one-query" && { latencyMs: callMs }),
  }));
}

/** One call, or one a text where the mode is about that. */
function callsOf({ mode, batchSize }: Entry, texts: readonly BenchText[]): EmbedCall[] {
  const strings = texts.map(({ text }) => text);
  const one = mode === "one a call" || mode === "alone";
  const groups = one ? strings.map((text) => [text]) : [strings];
  const priority = mode === "one a call" ? "interactive" : "normal";
  return groups.map((group) => ({ texts: group, batchSize, role: "document", priority }));
}

function withRest<T extends Omit<DriverSample, "vectors" | "callMs">>(
  session: Session,
  outcome: Outcome<T>,
  more: (sample: T) => Partial<RoundSample> = () => ({}),
): Outcome<RoundSample> {
  if (outcome.failure !== null) return outcome;
  const { totalMs: ms, idleBytes, usage } = outcome.sample;
  const sample = {
    ms,
    idleBytes,
    usage,
    latencyMs: [],
    vectors: [],
    heap: session.takeHeap(),
    ...more(outcome.sample),
  };
  return { sample, failure: null };
}

function entryResult({ texts }: Workload, { entry, samples, failure }: Line, references: References): EntryResult {
  if (failure !== null || samples.length === 0) return failedEntry(entry, failure ?? "no round was run");
  const { contender, mode, batchSize } = entry;
  const times = samples.map(({ ms }) => ms);
  const tokens = texts.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
  const latencies = samples.flatMap(({ latencyMs }) => latencyMs);
  const isDry = mode === "dry";
  return {
    contender,
    mode,
    batchSize: finiteBatch(contender, batchSize),
    failure: null,
    // Without dispatches time says nothing.
    ms: isDry ? null : spreadOf(times),
    tokensPerSecond: isDry ? null : spreadOf(times.map((ms) => tokens / (ms / 1000))),
    latency: latencies.length > 0 ? latencyOf(latencies) : null,
    memory: memoryOf(samples),
    exactness: worstOf(samples, texts, references),
    phases: null,
  };
}

/** @param samples - One at least. */
export function memoryOf(samples: readonly RoundSample[]): MemoryUse {
  const most = (read: (sample: RoundSample) => number): number => Math.max(...samples.map(read));
  const { usage } = samples.at(-1)!;
  const heaps = samples.flatMap(({ heap }) => heap ?? []);
  return {
    peakVramBytes: most((sample) => sample.usage.peakBytes),
    idleVramBytes: most(({ idleBytes }) => idleBytes),
    readBackBytes: usage.readBackBytes,
    dispatches: usage.dispatches,
    submits: usage.submits,
    wasmBytes: most((sample) => sample.usage.wasmBytes),
    jsHeapBytes: heaps.length > 0 ? Math.max(...heaps.map(({ usedBytes }) => usedBytes)) : null,
    jsHeapWithBuffersBytes:
      heaps.length > 0 ? Math.max(...heaps.map(({ withBuffersBytes }) => withBuffersBytes)) : null,
  };
}

/** Of all rounds: a vector that is wrong once is wrong. */
function worstOf(
  samples: readonly RoundSample[],
  texts: readonly BenchText[],
  references: References,
): Exactness | null {
  const expected = texts.map((text) => references.get(text) ?? null);
  const all = samples.filter(({ vectors }) => vectors.length > 0).map(({ vectors }) => exactnessOf(vectors, expected));
  const found = all.filter((exactness) => exactness !== null);
  if (found.length === 0) return null;
  return {
    vectors: found[0]!.vectors,
    meanCosine: Math.min(...found.map(({ meanCosine }) => meanCosine)),
    minCosine: Math.min(...found.map(({ minCosine }) => minCosine)),
    maxAbsDiff: Math.max(...found.map(({ maxAbsDiff }) => maxAbsDiff)),
  };
}
