/** @file How close a pack's vectors are to those of the weights it was made from, in float64. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseManifest } from "../../src/model/manifest.ts";
import { planLayout } from "./layout.ts";
import { referenceVectors } from "./reference.ts";
import { packWeights } from "./weights.ts";
import { WorkerPool } from "./worker-pool.ts";

/** An entry of a model's `golden.json`. */
export interface ReferenceAnswer {
  readonly input_ids: readonly number[];
  readonly embedding: readonly number[];
}

/**
 * Embeds the inputs with a pack's dequantised weights.
 *
 * @param folder - Of the pack; its files are read where they lie.
 * @returns Cosine of each vector to its answer.
 */
export async function packCosines(folder: string, answers: readonly ReferenceAnswer[]): Promise<number[]> {
  const { architecture, quantization, tokenTable } = parseManifest(
    JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")),
  );
  const layout = planLayout(architecture, quantization.bits, tokenTable.bits);
  const pool = new WorkerPool();
  try {
    const weights = packWeights(layout, { architecture, path: (name) => join(folder, name), pool });
    const inputs = answers.map((answer) => answer.input_ids);
    const vectors = await referenceVectors(weights, inputs);
    return vectors.map((vector, i) => vector.reduce((sum, value, d) => sum + value * answers[i]!.embedding[d]!, 0));
  } finally {
    await pool.close();
  }
}
