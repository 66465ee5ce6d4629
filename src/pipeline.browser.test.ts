import { afterAll, describe, expect, it } from "vitest";
import {
  compare,
  hasPack,
  mixedLengths,
  packUrl,
  randomIds,
  readGolden,
  realGpu,
  type Golden,
} from "./fixtures/browser-packs.ts";
import { openPipeline } from "./open-pipeline.ts";
import type { EmbedPipeline } from "./pipeline.ts";
import type { EmbedInput, LoadRequest } from "./types.ts";

const opened = new Map<string, EmbedPipeline>();
afterAll(() => opened.forEach((pipeline) => pipeline.dispose()));

/** Opened once for all tests: on software WebGPU the self-check alone takes half a minute. */
async function open(pack: string, request: Omit<LoadRequest, "modelUrl">): Promise<EmbedPipeline> {
  const key = JSON.stringify([pack, request]);
  const pipeline = opened.get(key) ?? (await openPipeline({ modelUrl: packUrl(pack), ...request }, {}));
  opened.set(key, pipeline);
  return pipeline;
}

async function vectorsOf(pipeline: EmbedPipeline, inputs: readonly EmbedInput[]): Promise<Float32Array[]> {
  const { data, dimensions, rows } = await pipeline.embed(inputs, {}, {});
  return Array.from({ length: rows }, (_, i) => (data as Float32Array).subarray(i * dimensions, (i + 1) * dimensions));
}

async function goldenUpTo(model: "nano" | "stress", tokens: number): Promise<Golden[]> {
  return (await readGolden(model)).filter((golden) => golden.input_ids.length <= tokens);
}

/** Software WebGPU does some 70 nano tokens a second. */
const LONGEST = { wasm: Infinity, webgpu: realGpu ? Infinity : 140 };
const DEVICES = ["wasm", "webgpu"] as const;

describe.each(DEVICES)("a pipeline on %s", (device) => {
  it.for(["stress-q16", "nano-q16"])("gives the reference's vectors with %s", async (pack, { skip }) => {
    if (!(await hasPack(pack))) skip(`${pack}: ../shared/models/nano is not here`);
    const golden = await goldenUpTo(pack.startsWith("nano") ? "nano" : "stress", LONGEST[device]);
    const pipeline = await open(pack, { device });
    const actual = await vectorsOf(
      pipeline,
      golden.map(({ input_ids }) => input_ids),
    );
    const difference = compare(
      actual,
      golden.map(({ embedding }) => embedding),
    );
    console.log(`${pack} ${device}: ${JSON.stringify(difference)}`);
    expect(difference.minCosine).toBeGreaterThanOrEqual(0.99999);
    expect(difference.maxAbsDiff).toBeLessThanOrEqual(2e-5);
  });

  it("gives a sequence the same vector alone, in a mixed batch, and in slices of 16 and of 48", async () => {
    const [count, longest] = device === "wasm" || realGpu ? [64, 2000] : [16, 300];
    const inputs = mixedLengths(count, longest).map(randomIds);
    const batch = await vectorsOf(await open("stress-q16", { device }), inputs);
    const alone: Float32Array[] = [];
    for (const input of inputs) alone.push(...(await vectorsOf(await open("stress-q16", { device }), [input])));
    const differences = { alone: compare(alone, batch).maxAbsDiff, 16: NaN, 48: NaN };
    for (const chunkTokens of [16, 48] as const) {
      const sliced = await vectorsOf(await open("stress-q16", { device, chunkTokens }), inputs);
      differences[chunkTokens] = compare(sliced, batch).maxAbsDiff;
    }
    console.log(`alone, sliced against batch on ${device}: ${JSON.stringify(differences)}`);
    for (const difference of Object.values(differences)) expect(difference).toBeLessThanOrEqual(2e-5);
  });
});

describe("a quantised pack", () => {
  // Cosine to the unquantised model: the bound for 8 bit; the model card's simulated 4 bit less 0.002.
  it.for([
    ["nano-q8", "minCosine", 0.9995],
    ["nano-q4", "meanCosine", 0.9837],
  ] as const)("stays close to the unquantised model: %s", async ([pack, measure, bound], { skip }) => {
    if (!(await hasPack(pack))) skip(`${pack}: ../shared/models/nano is not here`);
    const golden = await readGolden("nano");
    const actual = await vectorsOf(
      await open(pack, { device: "wasm" }),
      golden.map(({ input_ids }) => input_ids),
    );
    const difference = compare(
      actual,
      golden.map(({ embedding }) => embedding),
    );
    console.log(`${pack} wasm: ${JSON.stringify(difference)}`);
    expect(difference[measure]).toBeGreaterThanOrEqual(bound);
  });
});
