/** @file A contender in a page of its own, seen from Node: its calls, its heap, and what becomes of it when it fails. */
import type { Browser, Page } from "@playwright/test";
import { sampleWorkerHeap, type HeapPeak } from "../heap.ts";
import { inPage } from "../harness/browser.ts";
import type { BulkCall } from "./bulk-call.ts";
import type { ContenderModel, ContenderName, EmbedCall, OpenOutcome } from "./contender.ts";
import type { DriverSample } from "./driver.ts";

export const DRIVER_PAGE = "bench/compare/driver.html";

/** Coarse, so that looking does not take what is measured. */
const HEAP_EVERY_MS = 250;

/** What a session is opened with. */
export interface SessionPlace {
  /** Of the server, with a slash at its end. */
  readonly url: string;
  readonly name: ContenderName;
  readonly model: ContenderModel;
  /** Longest that one call may take. */
  readonly patienceMs: number;
}

/** What came of a call: a sample, or the runtime's words. */
export type Outcome<T> = { readonly sample: T; readonly failure: null } | { readonly failure: string };

export type BulkSample = Omit<DriverSample, "vectors" | "callMs"> & { readonly queryMs: readonly number[] };

export interface Session {
  readonly name: ContenderName;
  readonly opened: OpenOutcome;
  embed(calls: readonly EmbedCall[]): Promise<Outcome<DriverSample>>;
  embedWithQueries(call: BulkCall): Promise<Outcome<BulkSample>>;
  rehearse(call: EmbedCall): Promise<Outcome<Omit<DriverSample, "vectors" | "callMs">>>;
  /** Of its worker since this was last asked; `null` where the browser did not say. */
  takeHeap(): HeapPeak | null;
}

/** A fresh page while the task runs. After a failure the next call finds a page that is opened anew. */
export async function withSession<T>(
  browser: Browser,
  place: SessionPlace,
  task: (session: Session) => Promise<T>,
): Promise<T> {
  const at = { url: `${place.url}${DRIVER_PAGE}`, ready: "driver" };
  return inPage(browser, at, async (page) => {
    const heap = await sampleWorkerHeap(page, HEAP_EVERY_MS);
    const opened = await open(page, place);
    let broken = false;
    const settle = async <R>(call: () => Promise<R>): Promise<Outcome<R>> => {
      if (broken) await reopen(page, place);
      const outcome = await settled(call(), place.patienceMs);
      broken = outcome.failure !== null;
      return outcome;
    };
    try {
      return await task({
        name: place.name,
        opened,
        embed: (calls) => settle(() => page.evaluate((list) => driver.embed(list), finite(calls))),
        embedWithQueries: (call) =>
          settle(() =>
            page.evaluate((bulk) => driver.embedWithQueries(bulk), { ...call, bulk: finite([call.bulk])[0]! }),
          ),
        rehearse: (call) => settle(() => page.evaluate((one) => driver.rehearse(one), finite([call])[0]!)),
        takeHeap: () => {
          const peak = heap.take();
          return peak.usedBytes > 0 ? peak : null;
        },
      });
    } finally {
      heap.stop();
    }
  });
}

async function open(page: Page, { name, model }: SessionPlace): Promise<OpenOutcome> {
  return page.evaluate(({ who, what }) => driver.open(who, what), { who: name, what: model });
}

async function reopen(page: Page, place: SessionPlace): Promise<void> {
  await page.reload();
  await page.waitForFunction(() => "driver" in globalThis);
  await open(page, place);
}

/** What crosses to the page is JSON, which has no infinity. */
function finite(calls: readonly EmbedCall[]): EmbedCall[] {
  return calls.map((call) => ({ ...call, batchSize: Math.min(call.batchSize, call.texts.length) }));
}

async function settled<T>(call: Promise<T>, patienceMs: number): Promise<Outcome<T>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${patienceMs / 1000} s`)), patienceMs);
  });
  try {
    return { sample: await Promise.race([call, late]), failure: null };
  } catch (error) {
    // The page's own stack says nothing to a reader.
    return {
      failure: String(error)
        .split("\n")[0]!
        .replace(/^Error: (page\.evaluate: )?/, ""),
    };
  } finally {
    clearTimeout(timer);
  }
}
