/** @file A comparison against what issue 5 asks for, and where the peer is the faster one. Pure. */
import type { CompareResult, EntryMode, EntryResult, WorkloadKind, WorkloadResult } from "./compare-result.ts";

/** A line of the verdict. */
export interface Verdict {
  readonly what: string;
  readonly measured: string;
  readonly wanted: string;
  /** `null`: told for its own sake, or not measured. */
  readonly passed: boolean | null;
}

/** Where the peer did better. */
export interface Shortfall {
  readonly workload: string;
  readonly strata: string;
  readonly peer: string;
  /** Of transformers.js: how it was called. */
  readonly mode: EntryMode;
  /** How many times as fast as Strata. */
  readonly times: number;
}

/** Above it a vector ranks texts as its reference does: what the issue asks of the fastest settings. */
export const RIGHT_COSINE = 0.999;

/** They are about being right: run once, and not warmed up. */
const UNTIMED: readonly WorkloadKind[] = ["truncated", "shorter-in-batch"];

/** Tokens of the text whose memory the issue names. */
const LONG_TOKENS = 8192;

/** @returns Lines for what was measured; those without a limit on this device have `passed: null`. */
export function verdictsOf(result: CompareResult): Verdict[] {
  const limited = result.device === "webgpu";
  const verdicts = [
    ...workloadsOf(result, "cold-start").map((w) => faster(w, { what: "cold start", least: 2, mode: "as given" })),
    ...workloadsOf(result, "mixed-lengths").flatMap(mixedVerdicts),
    ...workloadsOf(result, "equal-lengths").map((w) => faster(w, { what: w.title, least: 1, mode: "batches" })),
    ...workloadsOf(result, "one-query").map((w) => faster(w, { what: "one query, p50", least: 1, mode: "one a call" })),
    ...workloadsOf(result, "mixed-lengths").flatMap((w) => memoryVerdicts(w, limited)),
    ...workloadsOf(result, "long-text").flatMap((w) => longVerdicts(w, limited)),
    ...workloadsOf(result, "truncated").flatMap((w) => rightVerdicts(w, "truncated text")),
    ...workloadsOf(result, "shorter-in-batch").flatMap((w) => rightVerdicts(w, "shorter in a batch")),
  ].filter((verdict) => verdict !== null);
  // The numbers are about WebGPU; being right is about both.
  return limited
    ? verdicts
    : verdicts.map((v) => (v.measured.startsWith("cosine") ? v : { ...v, wanted: "", passed: null }));
}

/** Every workload in which some way of calling the peer was faster than Strata, by any amount. */
export function shortfallsOf(result: CompareResult): Shortfall[] {
  return result.workloads.flatMap((workload): Shortfall[] => {
    const rivals = workload.entries.filter(({ contender }) => contender === "transformers.js");
    return rivals.flatMap((peer) => {
      const ours = timesOf(workload, counterpart(workload, peer.mode));
      return timesOf(workload, peer).flatMap(({ what, ms }): Shortfall[] => {
        const own = ours.find((time) => time.what === what)?.ms;
        if (own === undefined || ms >= own) return [];
        const name = what ? `${workload.title}: ${what}` : workload.title;
        return [{ workload: name, strata: inMs(own), peer: inMs(ms), mode: peer.mode, times: own / ms }];
      });
    });
  });
}

/** Milliseconds that a user waits: the middle request where one is asked for after the other, else the whole. */
export function timeOf(workload: WorkloadResult, entry: EntryResult | undefined): number | null {
  return timesOf(workload, entry)[0]?.ms ?? null;
}

interface NamedTime {
  /** Empty where the workload's title says it. */
  readonly what: string;
  readonly ms: number;
}

/** All that a user waits for; nothing of workloads that are about being right. */
function timesOf({ kind }: WorkloadResult, entry: EntryResult | undefined): NamedTime[] {
  if (!entry?.ms || UNTIMED.includes(kind)) return [];
  const { ms, latency } = entry;
  const query = latency ? [{ what: "a query, p50", ms: latency.p50 }] : [];
  if (kind === "one-query") return query;
  return [{ what: kind === "bulk-with-queries" ? "the job" : "", ms: ms.median }, ...query];
}

export function inMs(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

export function entryOf(
  { entries }: WorkloadResult,
  contender: EntryResult["contender"],
  mode?: EntryMode,
): EntryResult | undefined {
  return entries.find((entry) => entry.contender === contender && (mode === undefined || entry.mode === mode));
}

/** Strata's line that does the same as the peer's in this mode. */
function counterpart(workload: WorkloadResult, mode: EntryMode): EntryResult | undefined {
  const own = workload.kind === "shorter-in-batch" && mode === "padded right" ? "in a batch" : mode;
  return entryOf(workload, "strata", own) ?? entryOf(workload, "strata", "as given");
}

function workloadsOf({ workloads }: CompareResult, kind: WorkloadKind): WorkloadResult[] {
  return workloads.filter((workload) => workload.kind === kind);
}

function mixedVerdicts(workload: WorkloadResult): (Verdict | null)[] {
  const { batchSize } = entryOf(workload, "transformers.js", "batches") ?? { batchSize: null };
  const alone = faster(workload, { what: "mixed lengths, against one text a call", least: 0, mode: "one a call" });
  return [
    faster(workload, { what: `mixed lengths, against batches of ${batchSize}`, least: 2, mode: "batches" }),
    alone && { ...alone, wanted: "", passed: null },
  ];
}

function faster(
  workload: WorkloadResult,
  { what, least, mode }: { readonly what: string; readonly least: number; readonly mode: EntryMode },
): Verdict | null {
  const peer = entryOf(workload, "transformers.js", mode);
  const [ours, theirs] = [timeOf(workload, counterpart(workload, mode)), timeOf(workload, peer)];
  const wanted = `≥ ${least.toFixed(1)} × as fast`;
  if (peer?.failure)
    return { what, measured: `transformers.js fails: ${peer.failure}`, wanted, passed: ours === null ? false : null };
  if (ours === null || theirs === null) return { what, measured: "not measured", wanted, passed: null };
  return { what, measured: `${(theirs / ours).toFixed(2)} ×`, wanted, passed: theirs / ours >= least };
}

function memoryVerdicts(workload: WorkloadResult, limited: boolean): (Verdict | null)[] {
  if (!limited) return [];
  const strata = entryOf(workload, "strata")?.memory;
  const peer = entryOf(workload, "transformers.js", "batches")?.memory;
  if (!strata || !peer) return [];
  return [
    share("peak GPU memory, mixed lengths", { ours: strata.peakVramBytes, theirs: peer.peakVramBytes, most: 0.6 }),
    share("bytes read back, mixed lengths", { ours: strata.readBackBytes, theirs: peer.readBackBytes, most: 0.01 }),
  ];
}

function longVerdicts(workload: WorkloadResult, limited: boolean): (Verdict | null)[] {
  const [ours, theirs] = [entryOf(workload, "strata"), entryOf(workload, "transformers.js")];
  const ends: Verdict = {
    what: `${workload.title}: finishes`,
    measured: `Strata ${ours?.failure ?? "yes"}; transformers.js ${theirs?.failure ?? "yes"}`,
    wanted: "Strata does",
    passed: ours !== undefined && ours.failure === null,
  };
  // Without dispatches memory is all that there is to see.
  const finished = ours?.mode === "dry" ? [] : [ends];
  if (!limited || workload.tokens !== LONG_TOKENS || !ours?.memory || !theirs?.memory) return finished;
  const { peakVramBytes } = ours.memory;
  const memory = share(`peak GPU memory, ${workload.title}`, {
    ours: peakVramBytes,
    theirs: theirs.memory.peakVramBytes,
    most: 0.5,
  });
  return [...finished, memory];
}

function share(
  what: string,
  { ours, theirs, most }: { readonly ours: number; readonly theirs: number; readonly most: number },
): Verdict {
  const measured = most < 0.1 ? `${((ours / theirs) * 100).toFixed(2)} %` : `${(ours / theirs).toFixed(2)} ×`;
  const wanted = most < 0.1 ? `≤ ${most * 100} %` : `≤ ${most} ×`;
  return { what, measured, wanted, passed: ours / theirs <= most };
}

/** Company that moves a vector so many times as far from its reference as it is alone has changed it. */
const CHANGED_FACTOR = 10;

/** Strata's lines must be right; the peer's are told. */
function rightVerdicts(workload: WorkloadResult, what: string): (Verdict | null)[] {
  return workload.entries.map((entry) => {
    const { contender, mode, exactness, failure } = entry;
    if (!exactness && failure === null) return null;
    const name = `${what}: ${contender}, ${mode}`;
    const own = contender === "strata";
    const limits = { wanted: own ? `cosine ≥ ${RIGHT_COSINE}` : "", passed: own ? false : null };
    if (!exactness) return { what: name, measured: `cosine unknown: ${failure}`, ...limits };
    const right = exactness.minCosine >= RIGHT_COSINE;
    const alone = entryOf(workload, contender, "alone")?.exactness?.maxAbsDiff ?? Infinity;
    const changed = exactness.maxAbsDiff > CHANGED_FACTOR * alone;
    const judged = right ? (changed ? " (not what it is alone)" : "") : " (wrong)";
    const measured = `cosine ${exactness.minCosine.toFixed(6)}, off by ${exactness.maxAbsDiff.toExponential(1)}${judged}`;
    return { what: name, measured, ...limits, passed: own ? right && !changed : null };
  });
}
