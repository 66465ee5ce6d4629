/**
 * @file `npm run bench:visit`: what a visitor waits for, on this machine. Loads the built page in Chromium some times,
 * indexes the sample library and asks its questions. Prints Markdown; medians, with the range in brackets.
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

interface Visit {
  readonly device: string;
  readonly load: LoadTimings;
  readonly firstVectorMs: number;
  readonly indexingMs: number;
  readonly indexedTokens: number;
  readonly passages: number;
  readonly queriesMs: readonly number[];
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

/** The first visit fills the HTTP cache and is not counted. */
async function visitAll(chromium: Browser, pageUrl: string): Promise<Visit[]> {
  const context = await chromium.newContext();
  const visits: Visit[] = [];
  for (let number = 0; number <= Number(values.visits); number++) {
    const page = await context.newPage();
    const visit = await visitOnce(page, pageUrl);
    if (number > 0) visits.push(visit);
    await page.close();
  }
  return visits;
}

async function visitOnce(page: Page, pageUrl: string): Promise<Visit> {
  const stopWatching = await watchWorkerHeap(page);
  await page.goto(pageUrl);
  const app = page.getByTestId("app");
  const state = (name: string) => page.waitForSelector(`[data-testid=app][data-state=${name}]`, { timeout: 600_000 });
  await page.waitForSelector("[data-testid=app][data-load]", { timeout: 600_000 });
  const heap = stopWatching();
  const firstVectorMs = await page.evaluate(() => performance.now());
  await state("ready");
  const attribute = async (name: string) => (await app.getAttribute(`data-${name}`)) ?? "";
  return {
    device: await attribute("device"),
    load: JSON.parse(await attribute("load")) as LoadTimings,
    firstVectorMs,
    indexingMs: Number(await attribute("indexing-ms")),
    indexedTokens: Number(await attribute("indexing-tokens")),
    passages: Number(await attribute("indexed")),
    queriesMs: await askAll(page),
    heap,
  };
}

/** Time from question to ranked results, tokenizing and the way to the worker and back included. */
async function askAll(page: Page): Promise<number[]> {
  const { questions } = (await (await page.request.get(new URL("samples/questions.json", page.url()).href)).json()) as {
    questions: { query: string }[];
  };
  const results = page.getByTestId("results");
  const queriesMs: number[] = [];
  for (const { query } of questions.slice(0, 40)) {
    await page.getByTestId("search").fill(query);
    await page.waitForFunction(
      (asked) => document.querySelector("[data-testid=results]")?.getAttribute("data-query") === asked,
      query,
    );
    queriesMs.push(Number(await results.getAttribute("data-total-ms")));
  }
  return queriesMs;
}

function print(visits: readonly Visit[], version: string): void {
  const of = (pick: (visit: Visit) => number) => summary(visits.map(pick));
  const queries = visits.flatMap(({ queriesMs }) => queriesMs).sort((a, b) => a - b);
  const at = (share: number) => Math.round(queries[Math.floor(share * (queries.length - 1))] ?? NaN);
  const { device, passages, indexedTokens } = visits[0]!;
  const mb = (bytes: number) => bytes / 1e6;
  const rows: [string, string][] = [
    ["page opened → first vectors, those of the self-check (warm HTTP cache)", `${of((v) => v.firstVectorMs)} ms`],
    ...PHASES.map((phase): [string, string] => [`– ${phase}`, `${of((v) => v.load[`${phase}Ms`])} ms`]),
    ["share of session creation in the load", `${of((v) => (100 * v.load.sessionMs) / v.load.totalMs)} %`],
    [`indexing ${passages} passages (${indexedTokens} tokens)`, `${of((v) => v.indexingMs / 1000)} s`],
    ["– tokens/s", of((v) => (v.indexedTokens / v.indexingMs) * 1000)],
    ["query → ranked results, p50", `${at(0.5)} ms`],
    ["query → ranked results, p95", `${at(0.95)} ms`],
    ["peak JS heap of the worker while loading", `${of((v) => mb(v.heap.usedBytes))} MB`],
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
