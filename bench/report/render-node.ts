/** @file Results of kind "node" as a section of docs/benchmarks.md. Pure. */
import { mib, table, type Cell } from "../harness/markdown.ts";
import type { Exactness } from "./compare-result.ts";
import type { NodeCell, NodeEntry, NodeResult, NodeWorkload } from "./node-result.ts";
import type { Spread } from "./result.ts";

/** @returns Markdown, without a line break at its end. */
export function renderNode(result: NodeResult): string {
  const { adapter, host, date, commit, machine, command, notes, versions } = result;
  const gpu = [adapter?.vendor, adapter?.architecture, adapter?.description].filter(Boolean).join(" ");
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `### ${gpu || "no adapter"}, ${date.slice(0, 10)}`,
    [`${host}, ${machine.cpus} × ${machine.cpuModel}`, ...packages, `commit ${commit ?? "unknown"}`].join(", "),
    `\`${command}\``,
    notes.map((note) => `- ${note}`).join("\n"),
    renderRoofline(result),
    ...result.cells.map((cell) => renderCell(cell, result)),
  ].join("\n\n");
}

function renderRoofline({ adapter, roofline: { f32, f16, copy } }: NodeResult): string {
  const products = [
    ["f32", f32],
    ["f16", f16],
  ] as const;
  const rows = products.map(([dtype, peak]): Cell[] => {
    if (!peak) return [`matrix product, ${dtype}`, "the adapter cannot", ""];
    const { size, tiling } = peak;
    const how = `${size}³, tiles of ${tiling.tile}, blocks of ${tiling.block}`;
    return [`matrix product, ${dtype}`, flops(peak.flopsPerSecond), how];
  });
  if (copy)
    rows.push(["copy, read and written", `${number(copy.bytesPerSecond / 1e9)} GB/s`, `${mib(copy.bytes)} MiB`]);
  const caveat = adapter?.software
    ? " (a software adapter: what its compiler makes of the kernel, no bound for others)"
    : "";
  return `The adapter's own peak, by plain WGSL${caveat}:\n\n${table(["what", "measured", "how"], rows)}`;
}

function renderCell(cell: NodeCell, { roofline }: NodeResult): string {
  const { shape, layers, bits, activations, strata, peer, failure } = cell;
  const peak = roofline[activations]?.flopsPerSecond ?? null;
  const opened = [
    ["Strata", strata],
    ["transformers.js", peer],
  ] as const;
  const lines = opened.map(([name, { execution, openMs, golden, failure: why }]) => {
    if (execution === null) return `- ${name}: ${why}`;
    const answers = golden ? `; known answers: ${exactness(golden)}` : "";
    return `- ${name}: ${execution}, opened in ${number((openMs ?? 0) / 1000)} s${answers}`;
  });
  const rows = cell.workloads.flatMap((workload) => workload.entries.map((entry) => rowOf(workload, entry, peak)));
  return [
    `**${shape}, ${layers} ${layers === 1 ? "layer" : "layers"}, q${bits}, ${activations}**${failure ? `: ${failure}` : ""}`,
    lines.join("\n"),
    ...(rows.length > 0 ? [table(HEAD, rows)] : []),
  ].join("\n\n");
}

const HEAD = ["texts", "contender", "tokens/s", "ratio", "GFLOP/s", "of the peak", "peak MiB", "against Strata"];

function rowOf(workload: NodeWorkload, entry: NodeEntry, peak: number | null): Cell[] {
  const { title, entries } = workload;
  const { contender, tokensPerSecond, flopsPerSecond, peakVramBytes, againstStrata, failure } = entry;
  const name = contender === "strata" ? "Strata" : contender;
  const memory = peakVramBytes === null ? "" : mib(peakVramBytes);
  if (!tokensPerSecond || flopsPerSecond === null) return [title, name, failure ?? "", "", "", "", memory, ""];
  const other = entries.find((one) => one.contender !== contender)?.tokensPerSecond;
  return [
    title,
    name,
    spread(tokensPerSecond),
    contender === "strata" && other ? `${number(tokensPerSecond.median / other.median)} ×` : "",
    number(flopsPerSecond / 1e9),
    peak === null ? "" : `${number((100 * flopsPerSecond) / peak)} %`,
    memory,
    againstStrata ? exactness(againstStrata) : "",
  ];
}

function exactness({ minCosine, maxAbsDiff }: Exactness): string {
  return `off by ${maxAbsDiff.toExponential(1)}, cosine from ${minCosine.toFixed(6)}`;
}

function spread({ median, least, most, samples }: Spread): string {
  return samples === 1 ? number(median) : `${number(median)} (${number(least)}–${number(most)})`;
}

function flops(perSecond: number): string {
  return perSecond >= 1e12 ? `${number(perSecond / 1e12)} TFLOP/s` : `${number(perSecond / 1e9)} GFLOP/s`;
}

/** Three digits that count. */
function number(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en");
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toPrecision(2);
}
