/** @file The first layers of a pack as a pack of its own: a manifest over the same files, its known answers made anew. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EmbedError } from "../../src/errors.ts";
import { parseManifest } from "../../src/model/manifest.ts";
import type { PackManifest } from "../../src/pack.ts";
import { goldenVectors } from "../../tools/pack/golden.ts";
import { planLayout } from "../../tools/pack/layout.ts";
import { packWeights } from "../../tools/pack/weights.ts";
import { WorkerPool } from "../../tools/pack/worker-pool.ts";

/**
 * @param folder - Of a pack that `tools/pack` wrote.
 * @param layers - How many to keep; all of them give the manifest as it is. @default all
 * @throws {EmbedError} `invalid-input` for more layers than there are, `model-corrupt`.
 */
export async function cutPack(folder: string, layers?: number): Promise<PackManifest> {
  const manifest = parseManifest(JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")));
  const { num_hidden_layers: all } = manifest.architecture;
  if (layers === undefined || layers === all) return manifest;
  if (layers > all) throw new EmbedError("invalid-input", `${folder} has ${all} layers, not ${layers}`);
  const architecture = { ...manifest.architecture, num_hidden_layers: layers };
  const isCut = (name: string): boolean => Number(/^layers\.(\d+)\./.exec(name)?.[1] ?? -1) >= layers;
  const cutFiles = new Set(manifest.tensors.filter(({ name }) => isCut(name)).map(({ file }) => file));
  const layout = planLayout(architecture, manifest.quantization.bits, manifest.tokenTable.bits);
  const pool = new WorkerPool();
  try {
    const weights = packWeights(layout, { architecture, path: (name) => join(folder, name), pool });
    return parseManifest({
      ...manifest,
      architecture,
      files: manifest.files.filter(({ name }) => !cutFiles.has(name)),
      tensors: manifest.tensors.filter(({ name }) => !isCut(name)),
      golden: await goldenVectors(weights, manifest.golden),
    });
  } finally {
    await pool.close();
  }
}
