/** @file Vitest global setup of the Chromium project: makes the packs that its tests load (seconds, then kept). */
import { realGpu } from "./chromium.mjs";
import { packTestModels } from "./pack-test-models.ts";

/** Runs once before the project's first test. */
export async function setup(): Promise<void> {
  await packTestModels();
  if (!realGpu)
    process.stderr.write("f16 on WebGPU: skipped, software WebGPU has no shader-f16 (STRATA_GPU=1 runs it)\n");
}
