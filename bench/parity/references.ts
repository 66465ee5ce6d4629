/** @file Float64 vectors of a pack's weights and of those it was made from, kept on the disk: they take minutes. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { planLayout } from "../../tools/pack/layout.ts";
import { referenceVectors, type ReferenceWeights } from "../../tools/pack/reference.ts";
import type { ModelSource } from "../../tools/pack/source.ts";
import { packWeights, sourceWeights } from "../../tools/pack/weights.ts";
import { WorkerPool } from "../../tools/pack/worker-pool.ts";
import { note } from "../harness/browser.ts";
import { hashOf, type ParityPack } from "./packs.ts";

/** Ignored by git. */
const KEPT_IN = "test-packs/references";

/** Together at a time: what bounds memory, 25 MB a matrix at nano's width. */
const GROUP_TOKENS = 4096;

export type Sequences = readonly Int32Array[];

/** Of the very pack: what is left of the difference is the runtime's. @returns Unit vectors, `[H]` each. */
export function packReferences({ folder, manifest }: ParityPack, sequences: Sequences): Promise<Float64Array[]> {
  const { architecture, files, quantization, tokenTable } = manifest;
  const layout = planLayout(architecture, quantization.bits, tokenTable.bits);
  const weights = files.filter(({ name }) => name.endsWith(".bin"));
  return kept(hashOf(JSON.stringify([architecture, weights])), sequences, (pool) =>
    packWeights(layout, { architecture, path: (name) => join(folder, name), pool }),
  );
}

/** Of the unrounded weights: the difference to a pack's is what rounding costs. @returns Unit vectors, `[H]` each. */
export function sourceReferences(
  { source, hash }: { readonly source: ModelSource; readonly hash: string },
  sequences: Sequences,
): Promise<Float64Array[]> {
  return kept(hash, sequences, (pool) => sourceWeights(source, pool));
}

async function kept(
  weightsHash: string,
  sequences: Sequences,
  openWeights: (pool: WorkerPool) => ReferenceWeights,
): Promise<Float64Array[]> {
  const home = join(KEPT_IN, weightsHash);
  mkdirSync(home, { recursive: true });
  const paths = sequences.map((ids) => join(home, `${hashOf(ids)}.f64`));
  const missing = paths.flatMap((path, i) => (existsSync(path) ? [] : [i]));
  const pool = new WorkerPool();
  try {
    const weights = openWeights(pool);
    let done = 0;
    for (const group of groupsOf(missing, sequences)) {
      const vectors = await referenceVectors(
        weights,
        group.map((i) => Array.from(sequences[i]!)),
      );
      vectors.forEach((vector, i) => write(paths[group[i]!]!, vector));
      done += group.length;
      note(`float64 reference: ${done} of ${missing.length} texts`);
    }
  } finally {
    await pool.close();
  }
  return paths.map((path) => new Float64Array(Uint8Array.from(readFileSync(path)).buffer));
}

/** Whole or not at all: a run that is ended must not leave half a vector to the next one. */
function write(path: string, vector: Float64Array): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, new Uint8Array(vector.buffer));
  renameSync(draft, path);
}

/** Indices in groups of bounded size; a longer text is a group of its own. */
function groupsOf(indices: readonly number[], sequences: Sequences): number[][] {
  const groups: number[][] = [];
  let tokens = Infinity;
  for (const i of indices) {
    const { length } = sequences[i]!;
    if (tokens + length > GROUP_TOKENS) {
      groups.push([]);
      tokens = 0;
    }
    groups.at(-1)!.push(i);
    tokens += length;
  }
  return groups;
}
