/** @file The export command's dataflow: source → checked → data files → graph → in place, one dtype after the other. */
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { EmbedError, throwIfAborted } from "../../src/errors.ts";
import type { WeightBits } from "../../src/pack.ts";
import { writeAt } from "../pack/file-ranges.ts";
import { refuseOwnInputs } from "../pack/pack-model.ts";
import { type StagedFormat, Staging } from "../pack/staging.ts";
import { wrapSystemError } from "../pack/system-errors.ts";
import { WorkerPool } from "../pack/worker-pool.ts";
import { type DataFileCounts, exportConfig, exportTokenizerConfig, readDataFileCounts } from "./export-config.ts";
import { EXPORT_NUMBERS, type ExportDtype } from "./export-dtypes.ts";
import { type ExportLayout, type ExportTensor, MAX_PIECE_BYTES, planExport } from "./export-layout.ts";
import { ropeTable } from "./rope-table.ts";
import { type ExportSource, openExportSource } from "./export-source.ts";
import { splitJobs } from "./split-jobs.ts";
import { buildWholeGraph } from "./whole-graph.ts";

/** Raise it when the same source gives other bytes, so that earlier exports are made again. */
const EXPORTER_VERSION = 1;
/** The model card and the licence go with the weights. */
const PAPERS = ["README.md", "LICENSE"];

export interface ExportProgress {
  readonly phase: "checking" | "exporting";
  /** Bytes of input; for `exporting` bytes of output. */
  readonly done: number;
  readonly total: number;
}

export interface ExportOptions {
  /** Folder of a pack or of a checkpoint, or a GGUF file. */
  readonly source: string;
  readonly out: string;
  readonly dtypes: readonly ExportDtype[];
  /** Folder of the tokenizer. @default the source, where it has one */
  readonly tokenizer?: string | undefined;
  /** No file of weights is longer. @default 2,000,000,000 */
  readonly pieceBytes?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ExportProgress) => void;
}

export interface ExportReport {
  readonly name: string;
  readonly graphs: readonly ExportedGraph[];
}

export interface ExportedGraph {
  readonly dtype: ExportDtype;
  /** In `onnx/`. */
  readonly file: string;
  /** Of the graph and its data files. */
  readonly bytes: number;
  /** Files of external data. */
  readonly dataFiles: number;
  /** Whether it was there already, whole and of the same source. */
  readonly kept: boolean;
}

/**
 * Writes whole-graph ONNX exports of a model in the layout that transformers.js loads. From a pack, its integers and
 * scales are taken over; from a model, they are made as `npm run pack` makes them. What is wrong with the source is
 * found before anything is written over; an interrupted run leaves no graph that looks whole, and the next one goes
 * on with the files that it finished.
 *
 * @throws {EmbedError} `model-not-found`, `model-corrupt`, `invalid-input`, `storage-full`, `aborted`.
 */
export async function exportModel(options: ExportOptions): Promise<ExportReport> {
  throwIfAborted(options.signal);
  const pool = new WorkerPool();
  const abort = () => void pool.close(new EmbedError("aborted", "cancelled by the caller"));
  options.signal?.addEventListener("abort", abort);
  try {
    const source = openExportSource(options.source, options.tokenizer ?? null);
    refuseOwnInputs(options.out, [...Object.values(source.inputs).map(dirname), source.folder]);
    refuseOtherModel(source, options.out);
    const plans = options.dtypes.map((dtype) => planDtype(source, dtype, options));
    const exporting = { options, source, pool, hashes: await hashInputs(source, options, pool) };
    const graphs: ExportedGraph[] = [];
    for (const plan of plans) graphs.push(await exportDtype(exporting, plan));
    writePapers(source, options.out);
    return { name: source.name, graphs };
  } catch (error) {
    throw wrapSystemError(error);
  } finally {
    options.signal?.removeEventListener("abort", abort);
    await pool.close();
  }
}

interface DtypePlan {
  readonly dtype: ExportDtype;
  readonly layout: ExportLayout;
  readonly graph: Uint8Array;
  readonly positions: number;
}

/** @throws {EmbedError} `invalid-input` when a pack has not the integers for the dtype, or a tensor is too large. */
function planDtype(
  source: ExportSource,
  dtype: ExportDtype,
  { pieceBytes = MAX_PIECE_BYTES }: ExportOptions,
): DtypePlan {
  const numbers = EXPORT_NUMBERS[dtype];
  const { architecture, packed, maxTokens: positions } = source;
  if (packed && numbers.bits !== 16 && numbers.bits !== packed.bits) {
    const what = `${source.name} is a pack of ${packed.bits} bits, ${dtype} takes ${numbers.bits}`;
    throw new EmbedError("invalid-input", `${what}: pack or export the model itself`, {
      details: { dtype, bits: packed.bits },
    });
  }
  const ownBits: WeightBits = packed ? packed.tableBits : 8;
  const tableBits = numbers.bits === 16 ? 16 : ownBits;
  const layout = planExport({ ...numbers, architecture, tableBits, positions, pieceBytes });
  const graph = buildWholeGraph(architecture, layout, { bits: numbers.bits, activations: numbers.float, tableBits });
  return { dtype, layout, graph, positions };
}

interface Exporting {
  readonly options: ExportOptions;
  readonly source: ExportSource;
  readonly pool: WorkerPool;
  /** SHA-256 by name of the input. */
  readonly hashes: Readonly<Record<string, string>>;
}

async function hashInputs(source: ExportSource, { onProgress }: ExportOptions, pool: WorkerPool) {
  const inputs = Object.entries(source.inputs);
  const total = inputs.reduce((sum, [, path]) => sum + statSync(path).size, 0);
  let done = 0;
  const hashes = inputs.map(async ([name, path]) => {
    const { bytes, sha256 } = await pool.run({ kind: "hash", path });
    const expected = source.expected.get(name) ?? sha256;
    if (sha256 !== expected) {
      throw new EmbedError("model-corrupt", `${name} has SHA-256 ${sha256}, the manifest says ${expected}`, {
        details: { file: name, expected, actual: sha256 },
      });
    }
    done += bytes;
    onProgress?.({ phase: "checking", done, total });
    return [name, sha256] as const;
  });
  return Object.fromEntries(await Promise.all(hashes));
}

async function exportDtype(exporting: Exporting, plan: DtypePlan): Promise<ExportedGraph> {
  const { options, source, pool, hashes } = exporting;
  const { dtype, layout, graph } = plan;
  const { file } = EXPORT_NUMBERS[dtype];
  const folder = join(options.out, "onnx");
  mkdirSync(folder, { recursive: true });
  const key = hashOf(JSON.stringify([EXPORTER_VERSION, hashes, dtype, hashOf(graph)]));
  const staging = new Staging(folder, key, stagedFormat(dtype));
  await staging.open(pool);
  const names = layout.files.map(({ name }) => name);
  const bytes = layout.files.reduce((sum, data) => sum + data.bytes, graph.length);
  const kept = staging.isComplete(names);
  if (!kept) {
    await writeData(exporting, plan, staging);
    await staging.add(file, pool, (path) => writeFileSync(path, graph));
    throwIfAborted(options.signal);
    // config.json states how many data files this graph has: the one before must not be read by it.
    rmSync(join(folder, file), { force: true });
  }
  writeSmallFiles(source, options.out, { [file]: names.length });
  if (!kept) staging.commit(names);
  return { dtype, file, bytes, dataFiles: names.length, kept };
}

function stagedFormat(dtype: ExportDtype): StagedFormat {
  const { file } = EXPORT_NUMBERS[dtype];
  return {
    last: file,
    owned: new RegExp(`^${file.replaceAll(".", "\\.")}_data(_\\d+)?$`),
    journal: `.${dtype}-journal.json`,
    partial: `.partial-${dtype}`,
  };
}

async function writeData({ options, source, pool }: Exporting, plan: DtypePlan, staging: Staging): Promise<void> {
  const { layout } = plan;
  const jobs = splitJobs(layout, source);
  const tables = (name: string) => [layout.cos, layout.sin].filter((table) => table.file === name);
  const sizeOf = (name: string) => [...jobs.get(name)!, ...tables(name)].reduce((sum, { bytes }) => sum + bytes, 0);
  const total = layout.files.reduce((sum, { name }) => sum + sizeOf(name), 0);
  let done = 0;
  const advance = (bytes: number) => {
    done += bytes;
    options.onProgress?.({ phase: "exporting", done, total });
  };
  const fill = async ({ name, bytes }: ExportLayout["files"][number], path: string) => {
    writeFileSync(path, "");
    truncateSync(path, bytes);
    const writes = jobs.get(name)!.map(async ({ bytes, job }) => {
      await pool.run({ ...job, path });
      advance(bytes);
    });
    await Promise.all(writes);
    for (const table of tables(name)) {
      writeTable(source, plan, { table, path });
      advance(table.bytes);
    }
  };
  for (const file of layout.files) {
    if (staging.finished(file.name)) advance(sizeOf(file.name));
    else await staging.add(file.name, pool, (path) => fill(file, path));
  }
}

function writeTable(
  { architecture }: ExportSource,
  { layout, positions }: DtypePlan,
  { table, path }: { readonly table: ExportTensor; readonly path: string },
): void {
  const type = table.type === "f16" ? "f16" : "f32";
  const values = ropeTable(table === layout.cos ? Math.cos : Math.sin, architecture, { positions, type });
  const descriptor = openSync(path, "r+");
  try {
    writeAt(descriptor, values, table.offset);
  } finally {
    closeSync(descriptor);
  }
}

/** `config.json` and the tokenizer's files; other graphs of the folder stay loadable. */
function writeSmallFiles(source: ExportSource, out: string, counts: DataFileCounts): void {
  const path = join(out, "config.json");
  const earlier = readDataFileCounts(existsSync(path) ? readFileSync(path, "utf8") : null);
  replaceFile(path, exportConfig(source, { ...earlier, ...counts }));
  if (!source.tokenizer) return;
  replaceFile(join(out, "tokenizer.json"), source.tokenizer.model);
  replaceFile(join(out, "tokenizer_config.json"), exportTokenizerConfig(source.tokenizer.config, source.maxTokens));
}

function writePapers({ folder }: ExportSource, out: string): void {
  for (const name of PAPERS) {
    const path = join(folder, name);
    if (existsSync(path)) replaceFile(join(out, name), readFileSync(path));
  }
}

/** Graphs of one folder share its `config.json` and its tokenizer. */
function refuseOtherModel(source: ExportSource, out: string): void {
  const path = join(out, "config.json");
  if (!existsSync(path)) return;
  const earlier = readFileSync(path, "utf8");
  if (exportConfig(source, readDataFileCounts(earlier)) === earlier) return;
  throw new EmbedError("invalid-input", `${out} holds another model's config.json: choose another folder`);
}

/** Never half a file, and no write where nothing changes. */
function replaceFile(path: string, content: string | Uint8Array): void {
  if (existsSync(path) && readFileSync(path).equals(Buffer.from(content as Uint8Array))) return;
  writeFileSync(`${path}.tmp`, content);
  renameSync(`${path}.tmp`, path);
}

function hashOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
