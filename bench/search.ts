/**
 * @file `npm run bench:search`: how long scans of vectors in memory take, what the views hold, and what they find beside
 * an exact scan. Synthetic vectors, in Chromium's worker. Writes a result to bench/results and prints it as Markdown.
 */
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import type { Browser } from "@playwright/test";
import type { Precision } from "../src/search-types.ts";
import { inPage, note, withBrowser, withServer } from "./harness/browser.ts";
import { resultFrame, writeResult } from "./report/frame.ts";
import { renderSearch } from "./search/render-search.ts";
import type { ScanMeasurement, ScanOrder, SearchResult } from "./search/search-result.ts";

const USAGE = `Usage: npm run bench:search -- [options]

  --rows N,…    libraries (default: 10000,100000; takes 1 GB of memory)
  --quick       10,000 rows, 20 queries, no Gaussian vectors
  --out PATH    folder or file of the result (default: bench/results)
  --help
`;

const PAGE = "bench/search/index.html";
const PRECISIONS: readonly Precision[] = ["float32", "float16", "int8", "binary"];
const STORED_DIMENSIONS = 1024;
const CUTS = [1024, 512, 256, 128, 64, 32] as const;
const TOP_K = 10;
/** A mean of so many recalls moves by under half a percent from one set of queries to another. */
const QUERIES = 50;
const QUICK_QUERIES = 20;

const { values } = parseArgs({
  options: {
    rows: { type: "string" },
    quick: { type: "boolean", default: false },
    out: { type: "string" },
    help: { type: "boolean" },
  },
});
if (values.help) process.stdout.write(USAGE);
else await main();

async function main(): Promise<void> {
  const date = new Date().toISOString();
  const load = loadavg()[0]!.toFixed(1);
  const { host, measurements } = await withServer({ pages: [PAGE], plugins: [] }, (url) =>
    withBrowser((browser) => measureAll(browser, url)),
  );
  const hasGpu = measurements.some(({ scan }) => scan === "webgpu");
  const result: SearchResult = {
    ...resultFrame({
      kind: "search",
      date,
      command: ["npm run bench:search", ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])].join(" "),
      host,
      adapter: null,
      model: "synthetic vectors",
      notes: [
        "Vectors are synthetic (bench/search/synthetic-vectors.ts): recall of real ones depends on the model and the library.",
        `Load average of the machine at the start: ${load}.`,
        ...(hasGpu ? [] : ["WebGPU was not tried: no GPU, or only in software."]),
      ],
      packages: [],
    }),
    topK: TOP_K,
    storedDimensions: STORED_DIMENSIONS,
    measurements,
  };
  const path = writeResult(result, "search", values.out);
  process.stdout.write(`${renderSearch(result)}\n\n${path}\nNow: npm run bench:docs\n`);
}

async function measureAll(browser: Browser, url: string): Promise<{ host: string; measurements: ScanMeasurement[] }> {
  const measurements: ScanMeasurement[] = [];
  for (const order of orders()) {
    note(`${order.rows} ${order.vectors} vectors`);
    const at = { url: `${url}${PAGE}`, ready: "searchBench" };
    measurements.push(
      ...(await inPage(browser, at, (page) => page.evaluate((asked) => searchBench.measure(asked), order))),
    );
  }
  return { host: `Chromium ${browser.version()}`, measurements };
}

function orders(): ScanOrder[] {
  const rows = (values.rows ?? (values.quick ? "10000" : "10000,100000")).split(",").map(count);
  const queries = values.quick ? QUICK_QUERIES : QUERIES;
  const shared = { storedDimensions: STORED_DIMENSIONS, topK: TOP_K, queries, precisions: PRECISIONS };
  const likely = rows.map((each) => ({ ...shared, vectors: "embedding-like" as const, rows: each, cuts: CUTS }));
  if (values.quick) return likely;
  const worst = { ...shared, vectors: "gaussian" as const, rows: Math.max(...rows), cuts: [STORED_DIMENSIONS] };
  return [...likely, worst];
}

function count(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= TOP_K) return number;
  throw new RangeError(`--rows has ${text}, not a whole number of at least ${TOP_K}`);
}
