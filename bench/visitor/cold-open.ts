/** @file Cold opens in a page that is there already: a new worker, files kept in the browser → the first vector. */
import type { ContenderModel, ContenderName, OpenOutcome } from "../compare/contender.ts";
import { failedEntry, finiteBatch, resultOf } from "../compare/measure.ts";
import { spreadOf } from "../compare/statistics.ts";
import type { Entry, Workload } from "../compare/workloads.ts";
import type { EntryResult, WorkloadResult } from "../report/compare-result.ts";
import { makeContender, orAborted, reasonOf } from "./page-session.ts";

/** transformers.js' own; what the page leaves behind is deleted. */
const PEER_CACHES = /^transformers-cache|^experimental_transformers/;

interface Visit {
  readonly ms: number;
  readonly embedMs: number;
  readonly opened: OpenOutcome;
}

export interface ColdOpens {
  readonly models: Readonly<Record<ContenderName, ContenderModel>>;
  readonly signal: AbortSignal;
  readonly onRound: (line: string) => void;
  readonly onFailure: (name: ContenderName, error: unknown) => void;
}

/** In turn; the first open of each fills the browser's storage and is not counted. */
export async function measureColdOpens(workload: Workload, place: ColdOpens): Promise<WorkloadResult> {
  const visits: Record<ContenderName, Visit[]> = { strata: [], "transformers.js": [] };
  const failures = new Map<ContenderName, string>();
  for (let visit = -workload.warmUps; visit < workload.rounds; visit++) {
    const inTurn = visit % 2 === 0 ? workload.entries : [...workload.entries].reverse();
    for (const { contender } of inTurn) {
      if (failures.has(contender)) continue;
      place.onRound(`cold open: ${contender}, ${visit < 0 ? "first" : `${visit + 1} of ${workload.rounds}`}`);
      try {
        const done = await openOnce(contender, workload.texts[0]!.text, place);
        if (visit >= 0) visits[contender].push(done);
      } catch (error) {
        place.signal.throwIfAborted();
        place.onFailure(contender, error);
        failures.set(contender, reasonOf(error));
      }
    }
  }
  const entries = workload.entries.map((entry) => {
    const failure = failures.get(entry.contender);
    return failure === undefined ? entryOf(entry, visits[entry.contender]) : failedEntry(entry, failure);
  });
  const title = `a new worker, files kept in the browser, to the vector of ${workload.texts[0]!.tokens} tokens`;
  return resultOf({ ...workload, title }, entries);
}

async function openOnce(name: ContenderName, text: string, { models, signal }: ColdOpens): Promise<Visit> {
  const started = performance.now();
  const contender = await orAborted(makeContender(name), signal);
  try {
    const opened = await orAborted(contender.open({ ...models[name], storage: "kept" }), signal);
    const call = { texts: [text], batchSize: 1, role: "document", priority: "interactive" } as const;
    const { totalMs: embedMs } = await orAborted(contender.embed(call), signal);
    return { ms: performance.now() - started, embedMs, opened };
  } finally {
    contender.close();
  }
}

function entryOf({ contender, mode, batchSize }: Entry, visits: readonly Visit[]): EntryResult {
  const last = visits.at(-1)!;
  return {
    contender,
    mode,
    batchSize: finiteBatch(contender, batchSize),
    failure: null,
    ms: spreadOf(visits.map(({ ms }) => ms)),
    tokensPerSecond: null,
    latency: null,
    memory: null,
    exactness: null,
    phases: { openMs: last.opened.openMs, embedMs: last.embedMs },
  };
}

/** What this origin keeps: Strata's folders in the private file system, and transformers.js' caches. */
export async function keptNames(): Promise<string[]> {
  const root = await navigator.storage.getDirectory();
  const folders: string[] = [];
  for await (const name of root.keys()) folders.push(name);
  const names = (await caches.keys()).filter((name) => PEER_CACHES.test(name));
  return [...folders, ...names];
}

/** What cold opens kept, and nothing that was there before. */
export async function deleteKept(before: readonly string[]): Promise<void> {
  const root = await navigator.storage.getDirectory();
  for (const name of (await keptNames()).filter((kept) => !before.includes(kept))) {
    if (await caches.has(name)) await caches.delete(name);
    else await root.removeEntry(name, { recursive: true });
  }
}
