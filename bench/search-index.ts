/**
 * @file `npm run bench:index`: whole indexes in Chromium, synthetic texts and vectors of 1,024 components: filling, opening
 * again, from the key to the painted results, memory and recall. Writes a result to bench/results and prints it as Markdown.
 */
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import type { Page } from "@playwright/test";
import type { ViewOptions } from "../src/index.ts";
import { buildPage } from "./compare/build.ts";
import { withFolders } from "./compare/serve.ts";
import { inProfile } from "./harness/browser.ts";
import { measureWorkerHeap } from "./heap.ts";
import { resultFrame, writeResult } from "./report/frame.ts";
import type { IndexPage } from "./search/index-page.ts";
import type { IndexResult, SizeResult, ViewResult } from "./search/index-result.ts";
import { renderIndex } from "./search/render-index.ts";

const PAGE = "bench/search/index-page.html";
const OUT = "dist/bench-index";
const DIMENSIONS = 1024;
const QUESTIONS = 200;

declare const indexPage: IndexPage;

const { values } = parseArgs({
  options: { passages: { type: "string", default: "10000,100000" }, out: { type: "string" } },
});

await buildPage([PAGE], OUT);
const sizes = values.passages.split(",").map(Number);
const date = new Date().toISOString();
const load = loadavg()[0]!.toFixed(1);
const results = await withFolders({ "/": { folder: OUT } }, async (url) => {
  const measured: { readonly size: SizeResult; readonly host: string }[] = [];
  for (const passages of sizes) {
    measured.push(
      await inProfile({ url: `${url}${PAGE}`, ready: "indexPage" }, async (page) => ({
        size: await measureSize(page, passages),
        host: `Chromium ${page.context().browser()?.version() ?? ""}`.trim(),
      })),
    );
  }
  return measured;
});
const result: IndexResult = {
  ...resultFrame({
    kind: "index",
    date,
    command: ["npm run bench:index", ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])].join(" "),
    host: results[0]!.host,
    adapter: null,
    model: "synthetic texts and vectors",
    notes: [
      "Texts and vectors are synthetic; vectors are stored in float16. Recall of real ones depends on the model and the library.",
      "Opened: from a fresh worker to the first answer by meaning, and until words can be found too.",
      `Load average of the machine at the start: ${load}.`,
    ],
    packages: ["minisearch", "idb"],
  }),
  sizes: results.map(({ size }) => size),
};
console.log(writeResult(result, "index", values.out));
console.log(renderIndex(result));

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
