/**
 * @file `npm run bench:docs`: the newest results in bench/results → docs/benchmarks.md and docs/charts. Every number
 * there comes from a file here.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import type { CompareResult } from "./report/compare-result.ts";
import { RESULTS_FOLDER } from "./report/frame.ts";
import type { ParityResult } from "./parity/parity-result.ts";
import type { NodeResult } from "./report/node-result.ts";
import type { ProfileResult } from "./report/profile-result.ts";
import { newestOfEach, readResults } from "./report/read-result.ts";
import { compareCharts, renderCompare, type Charts } from "./report/render-compare.ts";
import { renderNode } from "./report/render-node.ts";
import { renderParity } from "./report/render-parity.ts";
import { renderProfile } from "./report/render-profile.ts";
import type { ResultFrame, ResultKind } from "./report/result.ts";
import type { IndexResult } from "./search/index-result.ts";
import { renderIndex } from "./search/render-index.ts";
import { renderSearch } from "./search/render-search.ts";
import type { SearchResult } from "./search/search-result.ts";

const PAGE = "docs/benchmarks.md";
const CHARTS = "docs/charts";

/** How results of a kind are told; in the page's order. */
interface Section {
  readonly kind: ResultKind;
  readonly title: string;
  /** Below the heading. */
  readonly about: string;
  /** @returns Markdown with headings from the third level on, without a line break at its end. */
  readonly render: (result: never) => string;
  /** Files for docs/charts. @default none */
  readonly charts?: (result: never) => Charts;
}

const SECTIONS: readonly Section[] = [
  {
    kind: "compare",
    title: "Beside transformers.js",
    about: "`npm run bench`: the same weights, texts and browser, in turn.",
    render: (result: CompareResult) => renderCompare(result),
    charts: (result: CompareResult) => compareCharts(result),
  },
  {
    kind: "node",
    title: "Under Node, on Dawn",
    about: "`npm run bench:node`: the same engine without a browser.",
    render: (result: NodeResult) => renderNode(result),
  },
  {
    kind: "profile",
    title: "Where the time goes",
    about:
      "`npm run bench:profile`: one layer, kernel by kernel, between timestamps; and what the graph for whole sequences, the last layer's short cut and the brief self-check save.",
    render: (result: ProfileResult) => renderProfile(result),
  },
  {
    kind: "parity",
    title: "Parity and retrieval",
    about: "`npm run bench:parity`: every way to run a pack beside float64, and what it finds in a labelled set.",
    render: (result: ParityResult) => renderParity(result),
  },
  {
    kind: "search",
    title: "Search in memory",
    about: "`npm run bench:search`: scans of synthetic vectors in each precision, beside an exact one.",
    render: (result: SearchResult) => renderSearch(result),
  },
  {
    kind: "index",
    title: "Whole indexes",
    about: "`npm run bench:index`: stored, opened again and asked in a page; synthetic texts and vectors, no model.",
    render: (result: IndexResult) => renderIndex(result),
  },
];

const HEAD = `# Benchmarks

Made by \`npm run bench:docs\` of the files in [bench/results](../bench/results), which say what each number is; nothing here is written by
hand. The newest result of each kind, machine and size counts. Measurements of single parts: [measurements.md](measurements.md).`;

await main();

async function main(): Promise<void> {
  const results = newestOfEach(readResults(RESULTS_FOLDER));
  const sections = SECTIONS.flatMap((section) => renderSection(section, results) ?? []);
  const page = [HEAD, ...sections].join("\n\n");
  writeFileSync(PAGE, await format(page, { ...(await resolveConfig(PAGE)), parser: "markdown" }));
  drawCharts(results);
  process.stdout.write(`${PAGE}: ${results.length} results\n`);
}

function renderSection({ kind, title, about, render }: Section, results: readonly ResultFrame[]): string | null {
  const own = results.filter((result) => result.kind === kind);
  if (own.length === 0) return null;
  return [`## ${title}`, about, ...own.map((result) => render(result as never))].join("\n\n");
}

/** Those that no result stands for any more go. */
function drawCharts(results: readonly ResultFrame[]): void {
  const charts: Record<string, string> = {};
  for (const { kind, charts: draw } of SECTIONS) {
    for (const result of results) if (result.kind === kind) Object.assign(charts, draw?.(result as never));
  }
  mkdirSync(CHARTS, { recursive: true });
  for (const name of readdirSync(CHARTS)) if (!(name in charts)) rmSync(join(CHARTS, name));
  for (const [name, svg] of Object.entries(charts)) writeFileSync(join(CHARTS, name), svg);
}
