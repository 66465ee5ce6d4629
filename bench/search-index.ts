/**
 * @file `npm run bench:index`: whole indexes in Chromium, synthetic texts and vectors of 1,024 components: filling, opening
 * again, from the key to the painted results, memory and recall. Prints Markdown, and writes bench/results/<date>-index.json.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import type { Page } from "@playwright/test";
import type { ViewMeasurement, ViewOptions } from "../src/index.ts";
import { buildPage } from "./compare/build.ts";
import { withFolders } from "./compare/serve.ts";
import { inProfile } from "./harness/browser.ts";
import { measureWorkerHeap } from "./heap.ts";
import type { FillResult, IndexPage, OpenResult } from "./search/index-page.ts";

const PAGE = "bench/search/index-page.html";
const OUT = "dist/bench-index";
const DIMENSIONS = 1024;
const QUESTIONS = 200;
const MB = 1e6;

declare const indexPage: IndexPage;

interface SizeResult {
  readonly passages: number;
  readonly dimensions: number;
  readonly fill: FillResult;
  readonly views: readonly ViewResult[];
}

interface ViewResult {
  readonly view: ViewOptions;
  readonly open: OpenResult;
  /** Objects and ArrayBuffers of the index's worker, garbage collected. */
  readonly workerBytes: number;
  readonly paintedMs: { readonly p50: number; readonly p95: number };
  readonly measured: ViewMeasurement;
}

const { values } = parseArgs({
  options: { passages: { type: "string", default: "10000,100000" }, out: { type: "string" } },
});

await buildPage([PAGE], OUT);
const sizes = values.passages.split(",").map(Number);
const results = await withFolders({ "/": { folder: OUT } }, async (url) => {
  const measured: SizeResult[] = [];
  for (const passages of sizes) {
    measured.push(await inProfile({ url: `${url}${PAGE}`, ready: "indexPage" }, (page) => measureSize(page, passages)));
  }
  return measured;
});
const date = new Date().toISOString().slice(0, 10);
const machine = { cpu: cpus()[0]?.model ?? "", cores: cpus().length };
writeFileSync(
  values.out ?? `bench/results/${date}-index.json`,
  `${JSON.stringify({ date, machine, results }, null, 2)}\n`,
);
print(results);

async function measureSize(page: Page, passages: number): Promise<SizeResult> {
  const dimensions = DIMENSIONS;
  const fill = await page.evaluate(([n, d]) => indexPage.fill(n!, d!), [passages, dimensions]);
  await page.evaluate(() => indexPage.close());
  const views: ViewResult[] = [];
  // Exact vectors of 100,000 passages are what the codes are there to spare.
  const precisions = passages > 20_000 ? (["int8", "binary"] as const) : (["float32", "int8", "binary"] as const);
  for (const precision of precisions) views.push(await measureView(page, { precision }, { passages, dimensions }));
  return { passages, dimensions, fill, views };
}

async function measureView(
  page: Page,
  view: ViewOptions,
  { passages, dimensions }: { readonly passages: number; readonly dimensions: number },
): Promise<ViewResult> {
  const heap = await measureWorkerHeap(page, /search[.]worker/);
  const open = await page.evaluate(([d, v]) => indexPage.open(d, v), [dimensions, view] as const);
  const { withBuffersBytes } = await heap();
  await page.evaluate((n) => indexPage.typeQuestions(20, n), passages);
  const times = await page.evaluate(([n, p]) => indexPage.typeQuestions(n!, p!), [QUESTIONS, passages]);
  const measured = await page.evaluate((v) => indexPage.measure(v), view);
  await page.evaluate(() => indexPage.close());
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))]!;
  return { view, open, workerBytes: withBuffersBytes, paintedMs: { p50: at(0.5), p95: at(0.95) }, measured };
}

function print(sizes: readonly SizeResult[]): void {
  console.log(`${machine.cores} × ${machine.cpu}, ${DIMENSIONS} dimensions, stored in float16\n`);
  console.log(
    "| passages | vectors in memory as | opened: meaning, words | key → painted p50, p95 | recall@10 | scan | worker's memory |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (const { passages, views, fill } of sizes) {
    for (const { view, open, paintedMs, measured, workerBytes } of views) {
      const cells = [
        passages.toLocaleString("en"),
        view.precision,
        `${open.searchableMs.toFixed(0)}, ${open.lexicalMs.toFixed(0)} ms`,
        `${paintedMs.p50.toFixed(0)}, ${paintedMs.p95.toFixed(0)} ms`,
        measured.recall.toFixed(3),
        `${measured.scanMs.toFixed(1)} ms`,
        `${(workerBytes / MB).toFixed(0)} MB (vectors ${(open.viewBytes / MB).toFixed(0)})`,
      ];
      console.log(`| ${cells.join(" | ")} |`);
    }
    const tasks = fill.longestTaskMs > 0 ? `${fill.longestTaskMs.toFixed(0)} ms` : "none of 50 ms";
    console.log(`\n${passages}: filled in ${(fill.ms / 1000).toFixed(1)} s, longest task of the page: ${tasks}\n`);
  }
}
