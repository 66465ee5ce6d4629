/** @file The pack command's dataflow: source → checked → files → golden vectors → manifest → in place. */
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { EmbedError, throwIfAborted } from "../../src/errors.ts";
import type { GoldenVector, PackManifest } from "../../src/pack.ts";
import { type GoldenInput, goldenInputs, goldenVectors } from "./golden.ts";
import { splitPart } from "./jobs.ts";
import type { Part, PlannedFile } from "./layout.ts";
import { type PackPlan, planPack, type PlanOptions, PROMPTS } from "./pack-plan.ts";
import { RoundingErrors, type TensorError } from "./rounding-errors.ts";
import { type ModelSource, openSource } from "./source.ts";
import { Staging } from "./staging.ts";
import { wrapSystemError } from "./system-errors.ts";
import { packWeights } from "./weights.ts";
import { WorkerPool } from "./worker-pool.ts";

/** The model card and the licence go with the weights; the runtime does not read them. */
const PAPERS = ["README.md", "LICENSE"];
/** Two files at a time, so that the threads have work while a finished file is hashed. */
const FILE_LANES = 2;

export interface PackProgress {
  readonly phase: "checking" | "packing" | "golden";
  /** Bytes of input; for `golden`, products of a weight with the activations. */
  readonly done: number;
  readonly total: number;
}

export interface PackOptions extends PlanOptions {
  /** Folder of a checkpoint, or a GGUF file. */
  readonly source: string;
  readonly out: string;
  /** Folder of the tokenizer. @default the source, where it has one */
  readonly tokenizer?: string | undefined;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PackProgress) => void;
}

export interface PackSummary {
  readonly manifest: PackManifest;
  /** Weight files of an earlier run that were kept. */
  readonly keptFiles: number;
  /** Of every tensor that went into a file of this run; files that were kept have none. */
  readonly errors: readonly TensorError[];
}

/**
 * Turns a Hugging Face folder or a GGUF file into a pack. What is wrong with the source is found before anything is written over;
 * an interrupted run leaves the pack that was there, and the next run goes on where it stopped.
 *
 * @throws {EmbedError} `model-not-found`, `model-corrupt`, `invalid-input`, `storage-full`, `aborted`.
 */
export async function packModel(options: PackOptions): Promise<PackSummary> {
  throwIfAborted(options.signal);
  const pool = new WorkerPool();
  const abort = () => void pool.close(new EmbedError("aborted", "cancelled by the caller"));
  options.signal?.addEventListener("abort", abort);
  try {
    const source = openSource(options.source, options.tokenizer ?? null);
    refuseOwnInputs(options.out, Object.values(source.inputs).map(dirname));
    const plan = planPack(source, await hashInputs(options, source, pool), options);
    const staging = new Staging(options.out, plan.key);
    await staging.open(pool);
    return await pack({ options, source, plan, staging, pool });
  } catch (error) {
    throw wrapSystemError(error);
  } finally {
    options.signal?.removeEventListener("abort", abort);
    await pool.close();
  }
}

/**
 * A pack's files would replace the source's of the same name.
 *
 * @param folders - That are read from.
 * @throws {EmbedError} `invalid-input` when `out` is one of them.
 */
export function refuseOwnInputs(out: string, folders: readonly string[]): void {
  if (!folders.some((folder) => resolve(folder) === resolve(out))) return;
  throw new EmbedError("invalid-input", `${out} holds the source: choose another`);
}

/** What the steps of one packing share. */
interface Packing {
  readonly options: PackOptions;
  readonly source: ModelSource;
  readonly plan: PackPlan;
  readonly staging: Staging;
  readonly pool: WorkerPool;
}

async function pack(packing: Packing): Promise<PackSummary> {
  const { options, source, plan, staging, pool } = packing;
  const keptFiles = plan.layout.files.filter(({ name }) => staging.finished(name)).length;
  if (staging.isComplete(plan.names)) {
    const manifest = JSON.parse(readFileSync(join(options.out, "manifest.json"), "utf8")) as PackManifest;
    return { manifest, keptFiles, errors: [] };
  }
  const inputs = await goldenInputs(source, PROMPTS, options.golden);
  for (const [name, content] of plan.contents) {
    if (!staging.finished(name)) await staging.add(name, pool, (path) => writeFileSync(path, content));
  }
  const errors = await writeWeights(packing);
  const golden = await computeGolden(packing, inputs);
  const files = plan.names.map((name) => staging.finished(name)!);
  const manifest = plan.manifest(files, golden);
  await staging.add("manifest.json", pool, (path) => writeFileSync(path, `${JSON.stringify(manifest)}\n`));
  throwIfAborted(options.signal);
  staging.commit(plan.names);
  const folder = statSync(options.source).isDirectory() ? options.source : dirname(options.source);
  for (const name of PAPERS) {
    const path = join(folder, name);
    // Not a copy of the file: its mode may be read-only.
    if (existsSync(path)) writeFileSync(join(options.out, name), readFileSync(path));
  }
  return { manifest, keptFiles, errors };
}

async function hashInputs(
  options: PackOptions,
  source: ModelSource,
  pool: WorkerPool,
): Promise<Record<string, string>> {
  const inputs = Object.entries(source.inputs);
  const total = inputs.reduce((sum, [, path]) => sum + statSync(path).size, 0);
  let done = 0;
  const hashes = inputs.map(async ([name, path]) => {
    const { bytes, sha256 } = await pool.run({ kind: "hash", path });
    done += bytes;
    options.onProgress?.({ phase: "checking", done, total });
    return [name, sha256] as const;
  });
  return Object.fromEntries(await Promise.all(hashes));
}

async function writeWeights({ options, source, plan, staging, pool }: Packing): Promise<TensorError[]> {
  const inputBytes = ({ source: name, rows }: Part) => {
    const { bytes, shape } = source.tensors.get(name)!;
    return shape.length === 1 ? bytes : (bytes / shape[0]!) * rows;
  };
  const sizeOf = (files: readonly PlannedFile[]) =>
    files.flatMap((file) => file.parts).reduce((sum, part) => sum + inputBytes(part), 0);
  const missing = plan.layout.files.filter(({ name }) => !staging.finished(name));
  const total = sizeOf(plan.layout.files);
  let done = total - sizeOf(missing);
  const errors = new RoundingErrors();
  const fill = async (file: PlannedFile, path: string) => {
    writeFileSync(path, "");
    truncateSync(path, file.bytes);
    const writes = file.parts.flatMap(splitPart).map(async (part) => {
      const tensor = source.tensors.get(part.source)!;
      const job = { kind: "write", part, tensor, rounding: options.rounding ?? "search", path } as const;
      errors.add(tensor.name, await pool.run(job));
      done += inputBytes(part);
      options.onProgress?.({ phase: "packing", done, total });
    });
    await Promise.all(writes);
  };
  const lanes = Array.from({ length: FILE_LANES }, async () => {
    for (let file = missing.shift(); file; file = missing.shift()) {
      const next = file;
      await staging.add(next.name, pool, (path) => fill(next, path));
    }
  });
  await settleAll(lanes, pool);
  return errors.list();
}

/** Ends the other lanes when one fails, and waits until they have cleaned up. */
async function settleAll(lanes: readonly Promise<void>[], pool: WorkerPool): Promise<void> {
  try {
    await Promise.all(lanes);
  } catch (error) {
    await pool.close(error);
    await Promise.allSettled(lanes);
    throw error;
  }
}

async function computeGolden(packing: Packing, inputs: readonly GoldenInput[]): Promise<GoldenVector[]> {
  if (inputs.length === 0) return [];
  const { options, source, plan, staging, pool } = packing;
  const path = (name: string) => staging.path(name);
  const weights = packWeights(plan.layout, { architecture: source.architecture, path, pool });
  const total = plan.layout.files.flatMap((file) => file.parts).filter((part) => part.source.endsWith("_proj.weight"));
  let done = 0;
  const multiply: typeof weights.multiply = async (name, x) => {
    const y = await weights.multiply(name, x);
    done += 1;
    options.onProgress?.({ phase: "golden", done, total: total.length });
    return y;
  };
  return goldenVectors({ ...weights, multiply }, inputs);
}
