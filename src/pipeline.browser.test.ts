import { afterAll, describe, expect, it } from "vitest";
import { openPipeline } from "./open-pipeline.ts";
import type { EmbedPipeline } from "./pipeline.ts";
import type { DeviceChoice, EmbedInput, LoadRequest } from "./types.ts";

declare const __STRATA_GPU__: boolean;

/** An entry of `golden.json`: float64 reference of the unquantised weights. */
interface Golden {
  readonly name: string;
  readonly text: string | null;
  readonly input_ids: readonly number[];
  readonly embedding: readonly number[];
}

const packUrl = (name: string): string => new URL(`/test-packs/${name}/`, location.href).href;
const exists = async (name: string): Promise<boolean> => {
  const response = await fetch(`${packUrl(name)}manifest.json`);
  return response.ok && (response.headers.get("content-type") ?? "").includes("json");
};
const readGolden = async (model: string): Promise<Golden[]> =>
  (await fetch(`/fixtures/${model}/golden.json`)).json() as Promise<Golden[]>;

const opened: EmbedPipeline[] = [];
const open = async (pack: string, request: Omit<LoadRequest, "modelUrl">): Promise<EmbedPipeline> => {
  const pipeline = await openPipeline({ modelUrl: packUrl(pack), ...request }, {});
  opened.push(pipeline);
  return pipeline;
};
afterAll(() => opened.forEach((pipeline) => pipeline.dispose()));

async function vectorsOf(pipeline: EmbedPipeline, inputs: readonly EmbedInput[]): Promise<Float32Array[]> {
  const { data, dimensions, rows } = await pipeline.embed(inputs, {}, {});
  return Array.from({ length: rows }, (_, i) => (data as Float32Array).subarray(i * dimensions, (i + 1) * dimensions));
}

/** Largest component difference and smallest cosine over pairs of unit vectors. */
function compare(actual: readonly ArrayLike<number>[], expected: readonly ArrayLike<number>[]) {
  let maxAbsDiff = 0;
  const cosines = actual.map((vector, n) => {
    let dot = 0;
    for (let i = 0; i < vector.length; i++) {
      dot += vector[i]! * expected[n]![i]!;
      maxAbsDiff = Math.max(maxAbsDiff, Math.abs(vector[i]! - expected[n]![i]!));
    }
    return dot;
  });
  const meanCosine = cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length;
  return { maxAbsDiff, minCosine: Math.min(...cosines), meanCosine };
}

/** Software WebGPU does about 70 nano tokens a second. */
const LONGEST: Readonly<Record<string, number>> = { wasm: Infinity, webgpu: __STRATA_GPU__ ? Infinity : 300 };

describe.each(["wasm", "webgpu"] as const satisfies DeviceChoice[])("pipeline on %s", (device) => {
  it.each(["stress-q16", "nano-q16"])("gives the reference's vectors with %s", async (pack) => {
    if (!(await exists(pack))) return void console.log(`skipped: ${pack} needs ../shared/models`);
    const pipeline = await open(pack, { device });
    const golden = (await readGolden(pack.split("-")[0]!)).filter((g) => g.input_ids.length <= LONGEST[device]!);
    const vectors = await vectorsOf(pipeline, golden.map((g) => [...g.input_ids]));
    const result = compare(vectors, golden.map((g) => g.embedding));
    console.log(pack, device, JSON.stringify(result), JSON.stringify(pipeline.status));
    expect(result.minCosine).toBeGreaterThanOrEqual(0.99999);
    expect(result.maxAbsDiff).toBeLessThanOrEqual(2e-5);
  });
});
