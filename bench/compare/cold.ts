/** @file Cold starts: a visitor comes back, the files are there, and the page has done nothing yet. */
import type { Page } from "@playwright/test";
import { inProfile } from "../harness/browser.ts";
import type { EntryResult, WorkloadResult } from "../report/compare-result.ts";
import type { ContenderModel, ContenderName } from "./contender.ts";
import type { ColdOrder, ColdStart } from "./driver.ts";
import { failedEntry, finiteBatch, resultOf, type References } from "./measure.ts";
import { DRIVER_PAGE } from "./session.ts";
import { exactnessOf, quantile, spreadOf } from "./statistics.ts";
import type { Entry, Workload } from "./workloads.ts";

export interface ColdPlace {
  /** Of the server, with a slash at its end. */
  readonly url: string;
  readonly models: Readonly<Record<ContenderName, ContenderModel>>;
  readonly patienceMs: number;
  readonly references: References;
}

/** Visits in turn, each contender in a browser of its own with a profile on the disk. The first one is not counted. */
export async function measureColdStarts(
  workload: Workload,
  place: ColdPlace,
  onRound: (line: string) => void,
): Promise<WorkloadResult> {
  const blank = { url: `${place.url}${DRIVER_PAGE}`, ready: "driver" };
  const starts: Record<ContenderName, (ColdStart | string)[]> = { strata: [], "transformers.js": [] };
  await inProfile(blank, (strata) =>
    inProfile(blank, async (transformers) => {
      const pages = { strata, "transformers.js": transformers };
      for (let visit = -workload.warmUps; visit < workload.rounds; visit++) {
        const inTurn = visit % 2 === 0 ? workload.entries : [...workload.entries].reverse();
        for (const { contender } of inTurn) {
          onRound(`cold start: ${contender}, ${visit < 0 ? "first visit" : `visit ${visit + 1}`}`);
          const order = { name: contender, model: place.models[contender], text: workload.texts[0]!.text };
          const start = await visitOnce(pages[contender], order, place);
          if (visit >= 0 || typeof start === "string") starts[contender].push(start);
        }
      }
    }),
  );
  const reference = place.references.get(workload.texts[0]!) ?? null;
  const entries = workload.entries.map((entry) => entryOf(entry, starts[entry.contender], reference));
  return resultOf(workload, entries);
}

/** @returns The start, or how it failed. */
async function visitOnce(blank: Page, order: ColdOrder, { url, patienceMs }: ColdPlace): Promise<ColdStart | string> {
  const page = await blank.context().newPage();
  try {
    await page.goto(`${url}${DRIVER_PAGE}#${encodeURIComponent(JSON.stringify(order))}`);
    await page.waitForFunction(() => driver.coldStart !== null || driver.coldError !== null, null, {
      timeout: patienceMs,
    });
    return await page.evaluate(() => driver.coldStart ?? driver.coldError ?? "no answer");
  } catch (error) {
    return String(error).split("\n")[0]!;
  } finally {
    await page.close();
  }
}

function entryOf(entry: Entry, starts: readonly (ColdStart | string)[], reference: Float64Array | null): EntryResult {
  const failure = starts.find((start) => typeof start === "string");
  if (typeof failure === "string") return failedEntry(entry, failure);
  const good = starts.filter((start) => typeof start !== "string");
  const exact = good.map(({ vector }) => exactnessOf(vector, [reference])).filter((found) => found !== null);
  return {
    contender: entry.contender,
    mode: entry.mode,
    batchSize: finiteBatch(entry.contender, entry.batchSize),
    failure: null,
    ms: spreadOf(good.map(({ firstVectorMs }) => firstVectorMs)),
    tokensPerSecond: null,
    latency: null,
    memory: null,
    exactness: exact.reduce<EntryResult["exactness"]>(
      (worst, found) => (worst && worst.minCosine < found.minCosine ? worst : found),
      null,
    ),
    phases: medianPhases(good),
  };
}

/** The page's own, then those of the contender. */
function medianPhases(starts: readonly ColdStart[]): Record<string, number> {
  const all = starts.map(({ scriptMs, opened, embedMs }) => ({
    pageMs: scriptMs,
    openMs: opened.openMs,
    embedMs,
    ...Object.fromEntries(Object.entries(opened.phases).map(([name, ms]) => [`open.${name}`, ms])),
  })) as Record<string, number>[];
  const names = Object.keys(all[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [
      name,
      quantile(
        all.map((phases) => phases[name] ?? 0),
        0.5,
      ),
    ]),
  );
}
