/** @file The parity table as Markdown. Pure. */
import { table, type Cell } from "../harness/markdown.ts";
import type {
  Agreement,
  ModeResult,
  ParityCell,
  ParityMode,
  ParityResult,
  RetrievalRow,
  VectorForm,
} from "../parity/parity-result.ts";

const MODES: readonly ParityMode[] = ["alone", "batch", "sliced"];

/** Of a cosine that is 1 to within rounding, what is missing to 1 says more than the cosine. */
const MISSING_BELOW = 1e-4;

/** @returns A section's text, tables included, without a heading of its own nor a line break at its end. */
export function renderParity(result: ParityResult): string {
  return [
    aboutTexts(result),
    "**What rounding costs**: float64 vectors of the packs beside float64 vectors of the unrounded weights.",
    roundingTable(result),
    "**What the runtime costs**: vectors of each cell beside float64 vectors of the very pack. Largest difference of a component of unit vectors, and 1 − cosine (mean, worst).",
    runtimeTable(result.cells),
    "**Both together**: cosine (mean, lowest) to float64 vectors of the unrounded weights.",
    togetherTable(result.cells),
    notRun(result.cells),
    ...retrievalParts(result),
    ...result.notes,
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function aboutTexts({ texts, model }: ParityResult): string {
  const { count, tokens, least, median, most, kinds } = texts;
  const shares = Object.entries(kinds).map(([kind, number]) => `${number} ${kind}`);
  return `${model}; ${count} texts (${shares.join(", ")}), ${tokens} tokens, ${least} to ${most} each, median ${median}. \
Alone: each text in a call of its own. Batch: all in one call, in ragged passes. Sliced: texts of more than 16 tokens, 16 tokens a run.`;
}

function roundingTable({ rounding }: ParityResult): string {
  const rows = rounding.map(({ bits, toUnrounded, reason }) => {
    if (!toUnrounded) return [bits, reason ?? "–", "–", "–"];
    const { meanCosine, minCosine, maxAbsDiff } = toUnrounded;
    return [bits, cosine(meanCosine), cosine(minCosine), small(maxAbsDiff)];
  });
  return table(["bits", "mean cosine", "lowest cosine", "largest difference"], rows);
}

function runtimeTable(cells: readonly ParityCell[]): string {
  const head = ["bits", "activations", "device", "ran on", ...MODES, "allowed", "holds"];
  const rows = cells
    .filter(wasRun)
    .map((cell) => [
      ...coordinates(cell),
      ranOn(cell),
      ...MODES.map((mode) => ofMode(cell, mode, ({ toPack }) => exactness(toPack))),
      small(cell.tolerance!),
      cell.passed ? "yes" : "**no**",
    ]);
  return table(head, rows);
}

function togetherTable(cells: readonly ParityCell[]): string {
  const head = ["bits", "activations", "device", ...MODES];
  const both = ({ toUnrounded }: ModeResult): string =>
    toUnrounded ? `${cosine(toUnrounded.meanCosine)}, ${cosine(toUnrounded.minCosine)}` : "–";
  const rows = cells
    .filter(wasRun)
    .map((cell) => [...coordinates(cell), ...MODES.map((mode) => ofMode(cell, mode, both))]);
  return table(head, rows);
}

function notRun(cells: readonly ParityCell[]): string {
  const rows = cells
    .filter((cell) => !wasRun(cell))
    .map((cell) => [...coordinates(cell), cell.failure ? `**broke**: ${cell.failure}` : cell.skipped!]);
  if (rows.length === 0) return "";
  return `Not run:\n\n${table(["bits", "activations", "device", "why"], rows)}`;
}

/** One table a collection and set of queries. */
function retrievalParts({ cells, unroundedRetrieval }: ParityResult): string[] {
  const all = [
    ...unroundedRetrieval.map((row) => ({ where: "unrounded weights", row })),
    ...cells.flatMap((cell) => cell.retrieval.map((row) => ({ where: coordinates(cell).join(" "), row }))),
  ];
  const groups = new Map<string, typeof all>();
  for (const entry of all) {
    const title = retrievalTitle(entry.row);
    groups.set(title, [...(groups.get(title) ?? []), entry]);
  }
  return [...groups].map(([title, entries]) => {
    const rows = entries.map(({ where, row }) => {
      const { ndcgAt10, recallAt10, reciprocalRankAt10 } = row;
      return [where, form(row.vectors), ...[ndcgAt10, recallAt10, reciprocalRankAt10].map((value) => value.toFixed(4))];
    });
    return `${title}\n\n${table(["bits, activations, device", "vectors", "nDCG@10", "recall@10", "MRR@10"], rows)}`;
  });
}

function retrievalTitle({ set, queries, passages, collection }: RetrievalRow): string {
  const size = `${queries} queries, ${passages} passages`;
  if (set === "questions") {
    return `**Retrieval, sample questions** (${size}): they were picked because the built-in 4-bit model answers them, so this shows agreement with it, not quality.`;
  }
  const why = collection === "small" ? "; the first queries and their passages, all that a software GPU gets" : "";
  return `**Retrieval, labelled queries** (${size}${why}): graded labels written without a look at any model's ranking (bench/parity/labelled).`;
}

function form({ output, dimensions }: VectorForm): string {
  return `${output}, ${dimensions}`;
}

function wasRun({ modes }: ParityCell): boolean {
  return modes.length > 0;
}

function coordinates({ bits, activations, device }: ParityCell): Cell[] {
  return [`q${bits}`, activations, device === "webgpu" ? "WebGPU" : "WASM"];
}

function ranOn({ host, adapter }: ParityCell): string {
  if (!adapter) return host ?? "–";
  const gpu = [adapter.vendor, adapter.architecture, adapter.description].filter(Boolean).join(" ");
  return `${host}, ${gpu}`;
}

function ofMode({ modes }: ParityCell, mode: ParityMode, show: (result: ModeResult) => string): string {
  const result = modes.find((one) => one.mode === mode);
  return result ? show(result) : "–";
}

function exactness({ maxAbsDiff, meanCosine, minCosine }: Agreement): string {
  return `${small(maxAbsDiff)} (${missing(meanCosine)}, ${missing(minCosine)})`;
}

/** 1 − cosine. */
function missing(value: number): string {
  return small(Math.max(0, 1 - value));
}

function cosine(value: number): string {
  return 1 - value < MISSING_BELOW ? `1 − ${missing(value)}` : value.toFixed(4);
}

function small(value: number): string {
  return value === 0 ? "0" : value.toExponential(1);
}
