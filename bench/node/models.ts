/** @file The models that are run: packs made on the spot, and the peer's export of the same integers. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { EXPORT_NUMBERS, type ExportDtype } from "../../tools/export/export-dtypes.ts";
import { exportModel } from "../../tools/export/export-model.ts";
import { packModel } from "../../tools/pack/pack-model.ts";
import { ProgressLine } from "../../tools/pack/progress.ts";
import { packSynthetic } from "../../tools/pack/synthetic-pack.ts";
import type { Activations } from "../../src/pack.ts";

/** `nano` is the built-in pack, `stress` the test fixture, the others are random weights of a full model's shape. */
export const SHAPE_NAMES = ["nano", "stress", "0.6b", "4b", "8b"] as const;

export type BenchShape = (typeof SHAPE_NAMES)[number];

/** Of the layers' weights, in every model here. */
export const BITS = 4;

/** Of the known answers of stress: both sides of where attention changes its kernel, and a text of several slices. */
const STRESS_GOLDEN = [5, 33, 70, 200];

export interface ModelPlaces {
  /** Of the repository or the bundle: has `public/models/nano-q4` and `fixtures/stress`. */
  readonly root: string;
  /** Where packs and exports are written; what is there already is used again. */
  readonly work: string;
}

/**
 * Makes the pack of a shape, or finds it.
 *
 * @param layers - Of the shapes with random weights: only so many. @default all
 * @returns Its folder.
 */
export async function makePack(shape: BenchShape, places: ModelPlaces, layers?: number): Promise<string> {
  if (shape === "nano") return join(places.root, "public/models/nano-q4");
  const line = new ProgressLine(process.stderr);
  const onProgress = line.update.bind(line);
  const out = join(places.work, `${shape}-q${BITS}${layers === undefined ? "" : `-${layers}`}`);
  try {
    if (shape === "stress") {
      const source = join(places.root, "fixtures/stress");
      await packModel({ source, out, bits: BITS, embeddingBits: BITS, name: shape, golden: STRESS_GOLDEN, onProgress });
    } else {
      await packSynthetic({ shape, out, bits: BITS, embeddingBits: 8, layers, onProgress });
    }
  } finally {
    line.end();
  }
  return out;
}

/** The peer's graph: folder, and file in its `onnx/`. */
export interface PeerModel {
  readonly folder: string;
  readonly file: string;
}

/**
 * Exports a pack as transformers.js loads it, with the activations that the other side runs.
 *
 * @param name - Of the folder in `places.work`.
 */
export async function makeExport(
  pack: string,
  activations: Activations,
  { name, work }: { readonly name: string; readonly work: string },
): Promise<PeerModel> {
  const dtype: ExportDtype = activations === "f16" ? "q4f16" : "q4";
  const folder = join(work, `${name}-export`);
  const { file } = EXPORT_NUMBERS[dtype];
  const line = new ProgressLine(process.stderr);
  try {
    const isThere = existsSync(join(folder, "onnx", file));
    if (!isThere) await exportModel({ source: pack, out: folder, dtypes: [dtype], onProgress: line.update.bind(line) });
  } finally {
    line.end();
  }
  return { folder, file };
}
