/** @file The benchmark of whole indexes as Markdown. Pure. */
import type { IndexResult, SizeResult, ViewResult } from "./index-result.ts";

const MB = 1e6;
const HEAD = [
  "passages",
  "vectors in memory as",
  "opened: meaning, words",
  "key → painted p50, p95",
  "recall@10",
  "scan",
  "worker's memory",
];

/** @returns Markdown without a line break at its end. */
export function renderIndex({ sizes, machine, host, date, notes }: IndexResult): string {
  const rows = sizes.flatMap((size) => size.views.map((view) => `| ${cells(size, view).join(" | ")} |`));
  const filled = sizes.map(({ passages, fill }) => {
    const longest = fill.longestTaskMs > 0 ? `the longest took ${fill.longestTaskMs.toFixed(0)} ms` : "none took 50 ms";
    return `- ${passages.toLocaleString("en")} passages were filled in within ${(fill.ms / 1000).toFixed(1)} s; of the page's tasks meanwhile ${longest}.`;
  });
  return [
    `### ${machine.cpus} × ${machine.cpuModel}, ${host}, ${date.slice(0, 10)}`,
    "",
    `| ${HEAD.join(" | ")} |`,
    `| ${HEAD.map(() => "---").join(" | ")} |`,
    ...rows,
    "",
    ...filled,
    "",
    ...notes.map((note) => `- ${note}`),
  ].join("\n");
}

function cells({ passages, dimensions }: SizeResult, { view, open, paintedMs, measured, workerBytes }: ViewResult) {
  return [
    `${passages.toLocaleString("en")} × ${dimensions.toLocaleString("en")}`,
    view.precision ?? "float32",
    `${open.searchableMs.toFixed(0)}, ${open.lexicalMs.toFixed(0)} ms`,
    `${paintedMs.p50.toFixed(0)}, ${paintedMs.p95.toFixed(0)} ms`,
    measured.recall.toFixed(3),
    `${measured.scanMs.toFixed(1)} ms`,
    `${(workerBytes / MB).toFixed(0)} MB (vectors ${(open.viewBytes / MB).toFixed(0)})`,
  ];
}
