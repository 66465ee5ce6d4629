/** @file Float64 vectors of weights, kept on the disk: they take longer than what they are for. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PackManifest } from "../../src/pack.ts";
import { planLayout } from "../../tools/pack/layout.ts";
import { referenceVectors, type ReferenceWeights } from "../../tools/pack/reference.ts";
import { packWeights } from "../../tools/pack/weights.ts";
import { WorkerPool } from "../../tools/pack/worker-pool.ts";

/** Ignored by git. */
const KEPT_IN = "test-packs/references";

/** Together at a time: what bounds memory, 25 MB a matrix at nano's width. */
const GROUP_TOKENS = 4096;

/** Token ids of texts, end token included. */
export type Sequences = readonly ArrayLike<number>[];

/** Weights, and the name under which their vectors are kept. */
export interface NamedWeights {
  /** Of all that the vectors depend on but the texts. */
  readonly hash: string;
  readonly open: (pool: WorkerPool) => ReferenceWeights;
}

export interface ReferenceOptions {
  /** Texts are left out from where all that are missing would have more, the shortest first. @default Infinity */
  readonly maxTokens?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** A pack's own weights: what is left of a difference to their vectors is the runtime's. @param folder - Of its files. */
export function weightsOfPack(folder: string, manifest: PackManifest): NamedWeights {
  const { architecture, files, quantization, tokenTable } = manifest;
  const layout = planLayout(architecture, quantization.bits, tokenTable.bits);
  const weights = files.filter(({ name }) => name.endsWith(".bin"));
  return {
    hash: hashOf(JSON.stringify([architecture, weights])),
    open: (pool) => packWeights(layout, { architecture, path: (name) => join(folder, name), pool }),
  };
}

/** @returns One unit vector `[H]` a sequence, `null` where the limit left it out. */
export async function keptReferences(
  { hash, open }: NamedWeights,
  sequences: Sequences,
  { maxTokens = Infinity, onProgress }: ReferenceOptions = {},
): Promise<(Float64Array | null)[]> {
  const home = join(KEPT_IN, hash);
  mkdirSync(home, { recursive: true });
  const paths = sequences.map((ids) => join(home, `${hashOf(Int32Array.from(ids))}.f64`));
  const missing = paths.flatMap((path, i) => (existsSync(path) ? [] : [i]));
  const pool = new WorkerPool();
  try {
    const weights = open(pool);
    let done = 0;
    for (const group of groupsOf(missing, sequences, maxTokens)) {
      const ids = group.map((i) => Array.from(sequences[i]!));
      (await referenceVectors(weights, ids)).forEach((vector, i) => write(paths[group[i]!]!, vector));
      onProgress?.((done += group.length), missing.length);
    }
  } finally {
    await pool.close();
  }
  return paths.map((path) => (existsSync(path) ? new Float64Array(Uint8Array.from(readFileSync(path)).buffer) : null));
}

/** All of them, however long it takes. @returns One unit vector `[H]` a sequence. */
export async function allReferences(
  weights: NamedWeights,
  sequences: Sequences,
  options: Pick<ReferenceOptions, "onProgress"> = {},
): Promise<Float64Array[]> {
  return (await keptReferences(weights, sequences, options)).map((vector) => vector!);
}

/** Enough of it that no two are equal. */
export function hashOf(content: string | Int32Array): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 24);
}

/** Whole or not at all: a run that is ended must not leave half a vector to the next one. */
function write(path: string, vector: Float64Array): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, new Uint8Array(vector.buffer));
  renameSync(draft, path);
}

/** Indices, the shortest first: as many as the limit allows, in groups of bounded size; a longer text is one of its own. */
function groupsOf(missing: readonly number[], sequences: Sequences, maxTokens: number): number[][] {
  const groups: number[][] = [];
  let [all, inGroup] = [0, Infinity];
  for (const index of [...missing].sort((a, b) => sequences[a]!.length - sequences[b]!.length)) {
    const { length } = sequences[index]!;
    if (all + length > maxTokens) break;
    if (inGroup + length > GROUP_TOKENS) {
      groups.push([]);
      inGroup = 0;
    }
    groups.at(-1)!.push(index);
    inGroup += length;
    all += length;
  }
  return groups;
}
