/**
 * @file `npm run bench:visit`: what a visitor waits for, on this machine. Loads the built page in Chromium some times, adds
 * the larger sample library and types questions. Prints Markdown; medians, with the range in brackets.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { chromium, type Browser, type Page } from "@playwright/test";
import { build, preview } from "vite";
import type { LoadTimings } from "../src/types.ts";
import { chromiumArgs, findChromium } from "../tools/chromium.mjs";
import { watchWorkerHeap, type HeapPeak } from "./heap.ts";

/** Phases overlap, so they add up to more than the total. */
const PHASES = ["device", "manifest", "runtime", "session", "weights", "tokenizer", "selfCheck", "total"] as const;

/** Between two keys of a brisk typist. */
const KEY_MS = 120;
const LARGE_LIBRARY = "classics";
const QUESTIONS = [
  "how did the glaciers shape the valleys",
  "a stolen jewel found in a goose",
  "storm at night near the cape",
  "what is it to live according to nature",
  "giant tortoises and their water",
];

interface Visit {
  readonly device: string;
  readonly load: LoadTimings;
  readonly paintMs: number;
  readonly searchableMs: number;
  readonly firstVectorMs: number;
  readonly passages: number;
  /** From each key to the painted results, what embedding the query took left out. */
  readonly paintedMs: readonly number[];
  readonly embedMs: readonly number[];
  readonly heap: HeapPeak;
}

const { values } = parseArgs({
  options: { visits: { type: "string", default: "3" }, device: { type: "string", default: "auto" } },
});

await build({ logLevel: "warn" });
const server = await preview({ preview: { host: "127.0.0.1", port: 0 }, logLevel: "warn" });
const url = server.resolvedUrls?.local[0] ?? "";
const executablePath = findChromium();
const browser = await chromium.launch({ args: chromiumArgs, ...(executablePath ? { executablePath } : {}) });
try {
  print(await visitAll(browser, `${url}?device=${values.device}`), browser.version());
} finally {
  await browser.close();
  await server.close();
}

/** The first visit fills the HTTP cache and the library, and counts for the latter alone. */
async function visitAll(chromium: Browser, pageUrl: string): Promise<{ visits: Visit[]; libraryMs: number }> {
  const context = await chromium.newContext();
  const visits: Visit[] = [];
  let libraryMs = NaN;
  for (let number = 0; number <= Number(values.visits); number++) {
    const page = await context.newPage();
    if (number === 0) libraryMs = await addLibrary(page, pageUrl);
    else visits.push(await visitOnce(page, pageUrl));
    await page.close();
  }
  return { visits, libraryMs };
}

async function addLibrary(page: Page, pageUrl: string): Promise<number> {
  await page.goto(pageUrl);
  await page.waitForSelector("[data-testid=app][data-state=ready]", { timeout: 600_000 });
  const before = Number(await page.getByTestId("app").getAttribute("data-total"));
  const startMs = performance.now();
  await page.getByTestId(`sample-${LARGE_LIBRARY}`).getByRole("button").first().click();
  await page.waitForFunction(
    (count) => {
      const { total, indexed, state } = document.querySelector<HTMLElement>("[data-testid=app]")!.dataset;
      return Number(total) > count && total === indexed && state === "ready";
    },
    before,
    { timeout: 600_000 },
  );
  return performance.now() - startMs;
}

async function visitOnce(page: Page, pageUrl: string): Promise<Visit> {
  const stopWatching = await watchWorkerHeap(page);
  await page.goto(pageUrl);
  const app = page.getByTestId("app");
  const since = () => page.evaluate(() => performance.now());
  const until = async (state: string): Promise<number> => {
    await page.waitForSelector(`[data-testid=app]${state}`, { timeout: 600_000 });
    return since();
  };
  const searchableMs = await until("[data-searchable=true]");
  const firstVectorMs = await until("[data-load]");
  const heap = stopWatching();
  await until("[data-state=ready]");
  const paintMs = await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN,
  );
  const typed = await typeAll(page);
  const attribute = async (name: string) => (await app.getAttribute(`data-${name}`)) ?? "";
  return {
    device: await attribute("device"),
    load: JSON.parse(await attribute("load")) as LoadTimings,
    paintMs,
    searchableMs,
    firstVectorMs,
    passages: Number(await attribute("total")),
    ...typed,
    heap,
  };
}

/** Each key's answer, as far as it was painted before the next key. */
async function typeAll(page: Page): Promise<Pick<Visit, "paintedMs" | "embedMs">> {
  const paintedMs: number[] = [];
  const embedMs: number[] = [];
  const search = page.getByTestId("search");
  const results = page.getByTestId("results");
  for (const question of QUESTIONS) {
    await search.fill("");
    for (let length = 1; length <= question.length; length++) {
      await search.press(question[length - 1] === " " ? "Space" : question[length - 1]!);
      await page.waitForTimeout(KEY_MS);
      const {
        paintedMs: painted,
        paintedQuery,
        embedMs: embed,
      } = await results.evaluate((list) => ({ ...list.dataset }));
      if (paintedQuery !== question.slice(0, length)) continue;
      paintedMs.push(Number(painted));
      embedMs.push(Number(embed));
    }
  }
  return { paintedMs, embedMs };
}

function print({ visits, libraryMs }: Awaited<ReturnType<typeof visitAll>>, version: string): void {
  const of = (pick: (visit: Visit) => number) => summary(visits.map(pick));
  const sorted = (pick: (visit: Visit) => readonly number[]) => visits.flatMap(pick).sort((a, b) => a - b);
  const at = (values: readonly number[], share: number) =>
    `${Math.round(values[Math.floor(share * (values.length - 1))] ?? NaN)} ms`;
  const painted = sorted((visit) => visit.paintedMs);
  const embedded = sorted((visit) => visit.embedMs);
  const { device, passages } = visits[0]!;
  const mb = (bytes: number) => bytes / 1e6;
  const rows: [string, string][] = [
    ["page opened → first paint (warm HTTP cache)", `${of((v) => v.paintMs)} ms`],
    ["→ words can be found", `${of((v) => v.searchableMs)} ms`],
    ["→ first vectors, those of the self-check", `${of((v) => v.firstVectorMs)} ms`],
    ...PHASES.map((phase): [string, string] => [`– ${phase}`, `${of((v) => v.load[`${phase}Ms`])} ms`]),
    ["share of session creation in the load", `${of((v) => (100 * v.load.sessionMs) / v.load.totalMs)} %`],
    [`sample library "${LARGE_LIBRARY}" added, index shipped`, `${Math.round(libraryMs)} ms`],
    [`key → painted results, beyond the query's embedding, ${passages} passages, p50`, at(painted, 0.5)],
    ["– p95", at(painted, 0.95)],
    ["embedding of the query, p50, p95", `${at(embedded, 0.5)}, ${at(embedded, 0.95)}`],
    ["peak JS heap of the model's worker while loading", `${of((v) => mb(v.heap.usedBytes))} MB`],
    ["– with ArrayBuffers", `${of((v) => mb(v.heap.withBuffersBytes))} MB`],
  ];
  console.log(`${visits.length} visits, Chromium ${version}, ${device}, ${cpus().length} × ${cpus()[0]?.model}\n`);
  console.log(["| what | median (range) |", "| --- | --- |", ...rows.map(([a, b]) => `| ${a} | ${b} |`)].join("\n"));
}

function summary(samples: readonly number[]): string {
  const sorted = [...samples].sort((a, b) => a - b);
  const round = (value: number) => (Math.abs(value) < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en"));
  return `${round(sorted[sorted.length >> 1]!)} (${round(sorted[0]!)}–${round(sorted.at(-1)!)})`;
}
