/** @file The search benchmark as Markdown. Pure. */
import { table, type Cell } from "../harness/markdown.ts";
import type { ScanMeasurement, SearchResult } from "./search-result.ts";

const TITLES = { "embedding-like": "Embedding-like vectors", gaussian: "Gaussian vectors, the worst case" } as const;

/** @returns A section's text, tables included, without a heading of its own nor a line break at its end. */
export function renderSearch(result: SearchResult): string {
  const { host, machine, storedDimensions, topK, measurements, notes } = result;
  const about = `${host}, in a worker; ${machine.cpus} × ${machine.cpuModel}. Stored vectors have ${storedDimensions} dimensions in float32; \
recall@${topK} is the mean share of the exact ${topK} that is found, after rescoring and as the view orders them. Reading \
candidates from storage is not in here.`;
  return [about, ...groups(measurements).flatMap(renderGroup), ...notes].join("\n\n");
}

/** By vectors and rows, in the order of measuring. */
function groups(measurements: readonly ScanMeasurement[]): ScanMeasurement[][] {
  const found = new Map<string, ScanMeasurement[]>();
  for (const measurement of measurements) {
    const key = `${measurement.vectors} ${measurement.rows}`;
    found.set(key, [...(found.get(key) ?? []), measurement]);
  }
  return [...found.values()];
}

function renderGroup(group: readonly ScanMeasurement[]): string[] {
  const { vectors, rows, queries } = group[0]!;
  const head = ["view", "memory, MB", "scan, ms", "p95", "candidates", "rescoring, ms", "recall", "as it is"];
  return [
    `**${TITLES[vectors]}**: ${rows.toLocaleString("en")} rows, ${queries} queries.`,
    table(head, group.map(renderRow)),
  ];
}

function renderRow(row: ScanMeasurement): Cell[] {
  const { precision, dimensions, scan, bytes, scanMs, candidates, rescoreMs, recall, recallAsIs } = row;
  return [
    `${precision} × ${dimensions}${scan === "webgpu" ? ", WebGPU" : ""}`,
    (bytes / 1e6).toFixed(1),
    scanMs.median.toFixed(1),
    scanMs.p95.toFixed(1),
    candidates,
    rescoreMs.toFixed(1),
    recall.toFixed(3),
    recallAsIs.toFixed(3),
  ];
}
