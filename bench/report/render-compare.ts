/** @file A result of kind "compare" → its section of docs/benchmarks.md, and its charts. Pure. */
import { mib, table, type Cell } from "../harness/markdown.ts";
import { barChart, type BarChart } from "./chart.ts";
import type { CompareResult, EntryResult, WorkloadKind, WorkloadResult } from "./compare-result.ts";
import type { Spread } from "./result.ts";
import { inMs, shortfallsOf, timeOf, verdictsOf } from "./verdict.ts";

/** Chart files by name; the section shows them from `charts/`. */
export type Charts = Readonly<Record<string, string>>;

const KIND_TITLES: Readonly<Record<WorkloadKind, string>> = {
  "cold-start": "Cold start",
  "one-query": "One query",
  "mixed-lengths": "Mixed lengths",
  "equal-lengths": "Equal lengths",
  "bulk-with-queries": "A bulk job with queries",
  "shorter-in-batch": "Shorter texts in a batch",
  truncated: "A truncated text",
  "long-text": "Long texts",
};

/** Series of all charts. */
const SERIES = ["Strata", "transformers.js", "transformers.js, one a call"];

const MIB = 2 ** 20;

export function renderCompare(result: CompareResult): string {
  const kinds = [...new Set(result.workloads.map(({ kind }) => kind))];
  return [
    describeCompare(result),
    renderVerdicts(result),
    ...Object.keys(compareCharts(result)).map((name) => `![${altOf(name, result)}](charts/${name})`),
    renderShortfalls(result),
    ...kinds.map((kind) => renderKind(kind, result)),
  ].join("\n\n");
}

/** Speed, cold start and GPU memory, as far as they were measured. */
export function compareCharts(result: CompareResult): Charts {
  const charts = { speed: speedChart(result), "cold-start": coldChart(result), memory: memoryChart(result) };
  const drawn = Object.entries(charts).filter(([, { groups }]) => groups.length > 0);
  return Object.fromEntries(drawn.map(([name, chart]) => [`compare-${placeOf(result)}-${name}.svg`, barChart(chart)]));
}

/** Of headings and file names. */
function placeOf({ adapter, size, model, executions }: CompareResult): string {
  const place = adapter ? `${adapter.vendor} ${adapter.architecture || adapter.description}` : "wasm";
  const words = [place, model, size, ...(executions["transformers.js"].includes("without") ? ["no subgroups"] : [])];
  return words
    .join("-")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-");
}

function describeCompare(result: CompareResult): string {
  const { executions, dtype, versions, model, host, machine, commit, command, notes, date, size, adapter } = result;
  const gpu = adapter ? `${adapter.vendor} ${adapter.architecture || adapter.description}` : "WebAssembly";
  const { strata, "transformers.js": peer } = executions;
  return [
    `### ${gpu}, size ${size}, ${date.slice(0, 10)}`,
    `${host}, ${machine.cpus} × ${machine.cpuModel}, commit ${commit ?? "unknown"}; \`${command}\``,
    `${model}; Strata ${versions["strata-embed"]} (${strata}) beside transformers.js ` +
      `${versions["@huggingface/transformers"]} (${peer}, export in ${dtype}), both on onnxruntime-web ` +
      `${versions["onnxruntime-web"]}. Tokens are real ones, padding does not count. Medians, with the range in brackets.`,
    notes.map((note) => `- ${note}`).join("\n"),
  ].join("\n\n");
}

function renderVerdicts(result: CompareResult): string {
  const rows = verdictsOf(result).map(({ what, measured, wanted, passed }): Cell[] => {
    return [what, cell(measured), wanted, passed === null ? "" : passed ? "met" : "**not met**"];
  });
  return `#### Against what was asked for\n\n${table(["what", "measured", "wanted", ""], rows)}`;
}

function renderShortfalls(result: CompareResult): string {
  const rows = shortfallsOf(result).map(({ workload, mode, strata, peer, times }): Cell[] => {
    return [workload, `${peer} (${mode})`, strata, `${times.toFixed(2)} ×`];
  });
  const body =
    rows.length === 0
      ? "In none of these workloads."
      : table(["workload", "transformers.js", "Strata", "transformers.js is as fast"], rows);
  return `#### Where transformers.js is faster\n\n${body}`;
}

function renderKind(kind: WorkloadKind, { workloads, device }: CompareResult): string {
  const own = workloads.filter((workload) => workload.kind === kind);
  const tables = own.map((workload) => renderWorkload(workload, device));
  return [`#### ${KIND_TITLES[kind]}`, ...tables].join("\n\n");
}

function renderWorkload(workload: WorkloadResult, device: CompareResult["device"]): string {
  const { title, texts, tokens, lengths } = workload;
  const { least, median, most } = lengths;
  const of = texts > 1 ? ` (${least} to ${most}, median ${median})` : "";
  const columns = COLUMNS.filter(({ only, read }) => {
    return (only === undefined || only === device) && workload.entries.some((entry) => read(entry, workload) !== "");
  });
  const rows = workload.entries.map((entry): Cell[] => {
    const who = [entry.contender === "strata" ? "Strata" : "transformers.js", describeMode(entry)];
    if (entry.failure !== null) return [...who, `fails: ${cell(entry.failure)}`, ...columns.slice(1).map(() => "")];
    return [...who, ...columns.map(({ read }) => read(entry, workload))];
  });
  const phases = workload.entries.filter((entry) => entry.phases !== null).map(renderPhases);
  const head = ["", "called", ...columns.map(({ title: name }) => name)];
  return [`${capital(title)}; ${tokens} tokens${of}.`, table(head, rows), ...phases].join("\n\n");
}

interface Column {
  readonly title: string;
  /** @returns Empty where there is nothing to tell. */
  readonly read: (entry: EntryResult, workload: WorkloadResult) => string;
  readonly only?: CompareResult["device"];
}

const COLUMNS: readonly Column[] = [
  {
    title: "time",
    read: (entry, workload) => (entry.ms && timeOf(workload, entry) !== null ? spread(entry.ms, inMs) : ""),
  },
  {
    title: "tokens/s",
    read: (entry, workload) =>
      entry.tokensPerSecond && timeOf(workload, entry) !== null ? spread(entry.tokensPerSecond, rate) : "",
  },
  {
    title: "a query: p50, p95, most",
    read: ({ latency }) => (latency ? [latency.p50, latency.p95, latency.most].map(inMs).join(", ") : ""),
  },
  { title: "peak VRAM MiB", only: "webgpu", read: ({ memory }) => (memory ? mib(memory.peakVramBytes) : "") },
  { title: "read back KiB", only: "webgpu", read: ({ memory }) => (memory ? mib(memory.readBackBytes * 1024) : "") },
  { title: "dispatches", only: "webgpu", read: ({ memory }) => (memory ? String(memory.dispatches) : "") },
  { title: "JS heap MiB", read: ({ memory }) => (memory?.jsHeapBytes ? mib(memory.jsHeapBytes, 0) : "") },
  { title: "WASM heap MiB", read: ({ memory }) => (memory ? mib(memory.wasmBytes, 0) : "") },
  {
    title: "lowest cosine",
    read: ({ exactness }) => (exactness ? `${exactness.minCosine.toFixed(6)} (${exactness.vectors})` : ""),
  },
  { title: "largest difference", read: ({ exactness }) => (exactness ? exactness.maxAbsDiff.toExponential(1) : "") },
];

function renderPhases({ contender, phases }: EntryResult): string {
  const name = contender === "strata" ? "Strata" : "transformers.js";
  const words = Object.entries(phases ?? {})
    .filter(([, ms]) => ms >= 1)
    .map(([phase, ms]) => `${phase.replace(/Ms$/, "")} ${ms.toFixed(0)}`);
  return `${name}, milliseconds by phase (they overlap): ${words.join(", ")}.`;
}

function describeMode({ mode, batchSize }: EntryResult): string {
  return mode === "batches" ? `batches of ${batchSize}` : mode;
}

function speedChart({ workloads }: CompareResult): BarChart {
  const kinds: readonly WorkloadKind[] = ["one-query", "mixed-lengths", "equal-lengths", "long-text"];
  const groups = workloads
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ title, entries }) => ({
      label: title,
      bars: entries.flatMap((entry) => bar(entry, entry.tokensPerSecond, (value) => `${rate(value)} tokens/s`)),
    }));
  return chart("Tokens a second", "longer is faster; whiskers: least and most", groups);
}

function coldChart({ workloads }: CompareResult): BarChart {
  const groups = workloads
    .filter(({ kind }) => kind === "cold-start")
    .map(({ entries }) => ({
      label: "new page to first vector",
      bars: entries.flatMap((entry) =>
        bar(entry, entry.ms && scale(entry.ms, 1000), (value) => `${value.toFixed(2)} s`),
      ),
    }));
  return chart("Cold start, files cached", "seconds, shorter is better; whiskers: least and most", groups);
}

function memoryChart({ workloads, device }: CompareResult): BarChart {
  const kinds: readonly WorkloadKind[] = ["mixed-lengths", "equal-lengths", "long-text"];
  const groups = workloads
    .filter(({ kind }) => device === "webgpu" && kinds.includes(kind))
    .map(({ title, entries }) => ({
      label: title,
      bars: entries.flatMap((entry) => {
        const bytes = entry.memory?.peakVramBytes;
        const at = bytes === undefined ? null : { median: bytes / MIB, least: bytes / MIB, most: bytes / MIB };
        return bar(entry, at, (value) => `${value.toFixed(1)} MiB`);
      }),
    }));
  return chart("Peak GPU memory", "MiB, shorter is better", groups);
}

function chart(title: string, scaleText: string, groups: BarChart["groups"]): BarChart {
  const drawn = groups.filter(({ bars }) => bars.length > 0);
  const used = new Set(drawn.flatMap(({ bars }) => bars.map(({ series }) => series)));
  return { title, scale: scaleText, series: SERIES.slice(0, Math.max(0, ...used) + 1), groups: drawn };
}

function bar(
  { contender, mode }: EntryResult,
  at: Pick<Spread, "median" | "least" | "most"> | null,
  words: (value: number) => string,
): BarChart["groups"][number]["bars"] {
  if (!at) return [];
  return [{ series: contender === "strata" ? 0 : mode === "one a call" ? 2 : 1, spread: at, text: words(at.median) }];
}

function altOf(name: string, result: CompareResult): string {
  if (name.endsWith("-speed.svg"))
    return "Bars: tokens a second of both, by workload; the tables below have the numbers";
  if (name.endsWith("-memory.svg"))
    return "Bars: peak GPU memory of both, by workload; the tables below have the numbers";
  const [start] = result.workloads.filter(({ kind }) => kind === "cold-start");
  const times = start?.entries.map(({ contender, ms }) => `${contender} ${ms ? inMs(ms.median) : "failed"}`) ?? [];
  return `Bars: cold start, ${times.join(", ")}`;
}

function spread({ median, least, most }: Spread, words: (value: number) => string): string {
  return least === most ? words(median) : `${words(median)} (${words(least)}–${words(most)})`;
}

function scale({ median, least, most }: Spread, by: number): Pick<Spread, "median" | "least" | "most"> {
  return { median: median / by, least: least / by, most: most / by };
}

function rate(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0);
}

/** Errors may hold what ends a cell. */
function cell(words: string): string {
  return words.replace(/\|/g, "\\|").replace(/\s+/g, " ").slice(0, 200);
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
