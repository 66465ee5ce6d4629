/** @file Vitest global setup of the Chromium project: makes the packs that its tests load (seconds, then kept). */
import type { TestProject } from "vitest/node";

import { makeTinyPack } from "../src/model/fixtures/tiny-pack.ts";
import { realGpu } from "./chromium.mjs";
import { exportModel } from "./export/export-model.ts";
import { startFaultServer } from "./fault-server.ts";
import { packTestModels } from "./pack-test-models.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Of a server of `test-packs/` that misbehaves on demand; `tiny` there has a file of three blocks, `large.bin`. */
    faultServerUrl: string;
  }
}

/** Runs once before the project's first test. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await packTestModels();
  await exportModel({ source: "public/models/nano-q4", out: "test-packs/nano-q4-export", dtypes: ["q4"] });
  if (!realGpu)
    process.stderr.write("f16 on WebGPU: skipped, software WebGPU has no shader-f16 (STRATA_GPU=1 runs it)\n");
  const server = await startFaultServer({ root: "test-packs" });
  const { manifest, contents } = makeTinyPack(4, "large");
  server.addPack("tiny", new Map([...contents, ["manifest.json", new TextEncoder().encode(JSON.stringify(manifest))]]));
  project.provide("faultServerUrl", server.url);
  return () => server.close();
}
