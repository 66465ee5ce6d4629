/** @file Float64 vectors of a pack's own weights, kept on the disk: they take longer than what they are for. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PackManifest } from "../../src/pack.ts";
import { planLayout } from "../../tools/pack/layout.ts";
import { referenceVectors } from "../../tools/pack/reference.ts";
import { packWeights } from "../../tools/pack/weights.ts";
import { WorkerPool } from "../../tools/pack/worker-pool.ts";

/** Ignored by git. */
const KEPT_IN = "test-packs/references";

/** Together at a time: what bounds memory, 25 MB a matrix at nano's width. */
const GROUP_TOKENS = 4096;

/** Bytes of a float64. */
const FLOAT64 = 8;

export interface ReferenceOptions {
  /** Texts are left out from where all together would have more, the shortest first. */
  readonly maxTokens: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * @param folder - Of the pack.
 * @param sequences - Token ids, end token included.
 * @returns One unit vector a sequence, `null` where the limit left it out.
 */
export async function keptReferences(
  { folder, manifest }: { readonly folder: string; readonly manifest: PackManifest },
  sequences: readonly (readonly number[])[],
  { maxTokens, onProgress }: ReferenceOptions,
): Promise<(Float64Array | null)[]> {
  const home = join(KEPT_IN, weightsHash(manifest));
  mkdirSync(home, { recursive: true });
  const paths = sequences.map((ids) => join(home, `${hashOf(Int32Array.from(ids))}.f64`));
  const missing = [...sequences.keys()].filter((i) => !existsSync(paths[i]!));
  const total = missing.length;
  for (const group of groupsOf(missing, sequences, maxTokens)) {
    const vectors = await computeGroup(
      { folder, manifest },
      group.map((i) => sequences[i]!),
    );
    vectors.forEach((vector, i) => writeFileSync(paths[group[i]!]!, new Uint8Array(vector.buffer)));
    onProgress?.(missing.filter((i) => existsSync(paths[i]!)).length, total);
  }
  return paths.map((path) => (existsSync(path) ? readVector(path) : null));
}

function readVector(path: string): Float64Array {
  const bytes = readFileSync(path);
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)).slice(
    0,
    bytes.byteLength / FLOAT64,
  );
}

/** Indices, the shortest first: as many as the limit allows, each text once. */
function groupsOf(
  missing: readonly number[],
  sequences: readonly (readonly number[])[],
  maxTokens: number,
): number[][] {
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

async function computeGroup(
  { folder, manifest }: { readonly folder: string; readonly manifest: PackManifest },
  sequences: readonly (readonly number[])[],
): Promise<Float64Array[]> {
  const { architecture, quantization, tokenTable } = manifest;
  const layout = planLayout(architecture, quantization.bits, tokenTable.bits);
  const pool = new WorkerPool();
  try {
    return await referenceVectors(
      packWeights(layout, { architecture, path: (name) => join(folder, name), pool }),
      sequences,
    );
  } finally {
    await pool.close();
  }
}

/** Of what the vectors depend on. */
function weightsHash({ architecture, files }: PackManifest): string {
  const weights = files.filter(({ name }) => name.endsWith(".bin"));
  return hashOf(JSON.stringify([architecture, weights]));
}

/** Enough of it that no two are equal. */
function hashOf(content: string | Int32Array): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 24);
}
