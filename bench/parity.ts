/**
 * @file `npm run bench:parity`: how close the vectors of every way to run a pack are to float64, and what they find.
 * Writes a result to bench/results; `npm run bench:docs` makes a section of docs/benchmarks.md of it.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { NANO_PACK } from "../tools/pack-nano.ts";
import { note } from "./harness/browser.ts";
import { ALL_BITS, openPackTokenizer } from "./parity/packs.ts";
import type { ParityCell, ParityResult } from "./parity/parity-result.ts";
import { runTable, type TableHead } from "./parity/table.ts";
import { parityTexts, TEXT_COUNT } from "./parity/texts.ts";
import { encodeCollections, summarize } from "./parity/work.ts";
import { adapterSlug, resultFrame, writeResult } from "./report/frame.ts";
import { renderParity } from "./report/render-parity.ts";

const USAGE = `Usage: npm run bench:parity -- [options]

Cosine and largest difference of the nano packs' vectors to float64 references, and nDCG@10 on labelled queries, for bits
4, 8, 16 x activations f32, f16 x WebGPU, WASM x alone, batch, sliced. f16 runs in Chromium where its adapter has
shader-f16 (STRATA_GPU=1 for a real GPU), else under Node on Dawn (npm ci --prefix bench/node; VK_ICD_FILENAMES names the
driver). Ends with 1 when a cell breaks the tolerance of the self-check at load.

  --texts N                 the first N of ${TEXT_COUNT} (default: all)
  --bits 4,8,16             (default: all)
  --activations f32,f16     (default: both)
  --devices webgpu,wasm     (default: both)
  --add-to FILE             a result of the same texts: its other cells are kept, and the file is written again
  --patience S              longest wait for one answer of Node with Dawn, in seconds (default: 3600)
  --out PATH                folder or file of the result (default: bench/results)
  --help
`;

const { values } = parseArgs({
  options: {
    texts: { type: "string", default: String(TEXT_COUNT) },
    bits: { type: "string", default: ALL_BITS.join() },
    activations: { type: "string", default: "f32,f16" },
    devices: { type: "string", default: "webgpu,wasm" },
    "add-to": { type: "string" },
    patience: { type: "string", default: "3600" },
    out: { type: "string" },
    help: { type: "boolean" },
  },
});

if (values.help) process.stdout.write(USAGE);
else await main();

async function main(): Promise<void> {
  const tokenizer = openPackTokenizer(NANO_PACK);
  const texts = await parityTexts(tokenizer, count("texts", values.texts));
  const choice = {
    bits: listOf("bits", values.bits, ALL_BITS.map(String)).map((bits) =>
      ALL_BITS.find((one) => String(one) === bits)!,
    ),
    activations: listOf("activations", values.activations, ["f32", "f16"] as const),
    devices: listOf("devices", values.devices, ["webgpu", "wasm"] as const),
    texts,
    collections: await encodeCollections(tokenizer),
    patienceMs: count("patience", values.patience) * 1000,
  };
  const summary = summarize(texts);
  const earlier = readEarlier(JSON.stringify(summary));
  const date = new Date().toISOString();
  const cells: ParityCell[] = [];
  let head: TableHead;
  let unroundedRetrieval = earlier?.unroundedRetrieval ?? [];
  let path = "";
  const save = (): ParityResult => {
    const result = assemble({ date, head, cells, summary, unroundedRetrieval, earlier });
    path = writeResult(result, `parity-${adapterSlug(result.adapter)}`, values["add-to"] ?? values.out);
    return result;
  };
  await runTable(choice, {
    onHead: (known) => void (head = known),
    onCell: (cell) => {
      cells.push(cell);
      save();
    },
    onUnroundedRetrieval: (rows) => void (unroundedRetrieval = rows),
  });
  process.stdout.write(`${renderParity(save())}\n\n${path}\nNow: npm run bench:docs\n`);
  if (cells.some(({ passed }) => passed === false)) process.exitCode = 1;
}

interface Parts {
  readonly date: string;
  readonly head: TableHead;
  readonly cells: readonly ParityCell[];
  readonly summary: ParityResult["texts"];
  readonly unroundedRetrieval: ParityResult["unroundedRetrieval"];
  readonly earlier: ParityResult | null;
}

function assemble({ date, head, cells, summary, unroundedRetrieval, earlier }: Parts): ParityResult {
  const { browser, adapter, rounding } = head;
  const kept = (earlier?.cells ?? []).filter((old) => !cells.some((cell) => isSame(cell, old)));
  const roundingKept = (earlier?.rounding ?? []).filter(({ bits }) => !rounding.some((row) => row.bits === bits));
  return {
    ...resultFrame({
      kind: "parity",
      date,
      command: ["npm run bench:parity", ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])].join(" "),
      host: browser,
      adapter,
      model: "nano-qwen3-embedding in 4, 8 and 16 bits",
      notes: notes(earlier),
      packages: ["onnxruntime-web"],
    }),
    texts: summary,
    rounding: [...roundingKept, ...rounding].sort((a, b) => a.bits - b.bits),
    cells: [...kept, ...cells].sort(byPlace),
    unroundedRetrieval,
  };
}

function notes(earlier: ParityResult | null): string[] {
  const added = earlier ? [`Cells come from several runs; the first one: ${earlier.date}, ${earlier.command}.`] : [];
  return ["Nothing here depends on time or load.", ...added];
}

function isSame(a: ParityCell, b: ParityCell): boolean {
  return a.bits === b.bits && a.activations === b.activations && a.device === b.device;
}

function byPlace(a: ParityCell, b: ParityCell): number {
  const place = ({ bits, activations, device }: ParityCell): number =>
    bits * 4 + (activations === "f16" ? 2 : 0) + (device === "wasm" ? 1 : 0);
  return place(a) - place(b);
}

/** @throws {RangeError} When the file's texts are others: cells would not be comparable. */
function readEarlier(summary: string): ParityResult | null {
  const path = values["add-to"];
  if (path === undefined) return null;
  const earlier = JSON.parse(readFileSync(path, "utf8")) as ParityResult;
  if (JSON.stringify(earlier.texts) !== summary) throw new RangeError(`${path} is about other texts, see --texts`);
  note(`keeping cells of ${path}`);
  return earlier;
}

function listOf<T extends string>(option: string, value: string, allowed: readonly T[]): T[] {
  return value.split(",").map((name) => {
    const found = allowed.find((one) => one === name);
    if (found === undefined) throw new RangeError(`--${option} has ${name}, not of ${allowed.join(", ")}`);
    return found;
  });
}

function count(option: string, value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new RangeError(`--${option} is ${value}, not a whole number above 0`);
}
