import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import {
  builtInPackUrl,
  compare,
  hasPack,
  mixedLengths,
  packUrl,
  randomIds,
  readGolden,
  realGpu,
  type Difference,
  type Golden,
} from "./fixtures/browser-packs.ts";
import { openPipeline } from "./open-pipeline.ts";
import type { EmbedPipeline } from "./pipeline.ts";
import type { Activations, PackManifest } from "./pack.ts";
import type { EmbedInput, LoadRequest } from "./types.ts";

declare const __STRATA_FAULTS__: number;

const opened = new Map<string, EmbedPipeline>();
afterAll(() => opened.forEach((pipeline) => pipeline.dispose()));
afterEach(() => vi.restoreAllMocks());

/** What is not kept need not be cleared away. */
const from = (url: string) => ({ model: { url }, storage: "none" }) as const;

/** Opened once for all tests: on software WebGPU the self-check alone takes half a minute. */
async function open(url: string, request: Omit<LoadRequest, "model">): Promise<EmbedPipeline> {
  const key = JSON.stringify([url, request]);
  const pipeline = opened.get(key) ?? (await openPipeline({ ...from(url), ...request }, {}));
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

/** Tokens of the longest reference text. Software WebGPU does some 70 nano tokens a second, of the stress model 200. */
function longest(device: "wasm" | "webgpu", model: "nano" | "stress"): number {
  if (device === "wasm" || realGpu) return Infinity;
  return model === "nano" ? 140 : 1000;
}
interface Wish extends Omit<LoadRequest, "model"> {
  readonly device: "wasm" | "webgpu";
  readonly activations: Activations;
}

const EXECUTIONS: readonly Wish[] = [
  { device: "wasm", activations: "f32" },
  // Software WebGPU would run slices of 32 tokens to stay within 250 ms a run, at half the speed.
  { device: "webgpu", activations: "f32", ...(!realGpu && { chunkTokens: 512, maxRunMs: Infinity }) },
  // Software WebGPU has no shader-f16; the global setup says that this is skipped.
  ...(realGpu ? [{ device: "webgpu", activations: "f16" } as const] : []),
];
/** f16 rounds activations to 11 bits; its bound is the self-check's. */
const LIMITS = { f32: { minCosine: 0.99999, maxAbsDiff: 2e-5 }, f16: { minCosine: 0.999, maxAbsDiff: 5e-3 } };
const stress = packUrl("stress-q16");

describe.each(EXECUTIONS)("a pipeline on $device in $activations", (execution) => {
  const { device, activations } = execution;
  const limits = LIMITS[activations];

  it.for(["stress-q16", "nano-q16"])("gives the reference's vectors with %s", async (pack, { skip }) => {
    if (!(await hasPack(packUrl(pack)))) skip(`${pack}: ../shared/models/nano is not here`);
    const model = pack.startsWith("nano") ? "nano" : "stress";
    const golden = await goldenUpTo(model, longest(device, model));
    const pipeline = await open(packUrl(pack), execution);
    const actual = await vectorsOf(
      pipeline,
      golden.map(({ input_ids }) => input_ids),
    );
    const difference = compare(
      actual,
      golden.map(({ embedding }) => embedding),
    );
    const left = (await readGolden(model)).length - golden.length;
    const skipped = left > 0 ? `, ${left} longer texts skipped: software WebGPU is slow (STRATA_GPU=1 runs them)` : "";
    console.log(`${pack} ${device} ${activations}: ${JSON.stringify(difference)}${skipped}`);
    expect(difference.minCosine).toBeGreaterThanOrEqual(limits.minCosine);
    expect(difference.maxAbsDiff).toBeLessThanOrEqual(limits.maxAbsDiff);
  });

  it.each([4, 8, 16])("gives the pack's own known answers in %i bits", async (bits) => {
    const { status } = await open(packUrl(`stress-q${bits}`), execution);
    expect(status.model.bits).toBe(bits);
    expect(status.selfChecks).toHaveLength(1);
    expect(status.selfChecks[0]!.maxAbsDiff).toBeLessThanOrEqual(limits.maxAbsDiff);
  });

  it("gives a sequence the same vector alone, in a mixed batch, and in slices of 16 and of 48", async () => {
    const [count, longest] = device === "wasm" || realGpu ? [64, 2000] : [16, 300];
    // As many as published where time does not matter; of the same lengths, but half as many, for every change.
    const inputs = mixedLengths(__STRATA_FAULTS__ >= 20 ? count : count / 2, longest).map(randomIds);
    const batch = await vectorsOf(await open(stress, execution), inputs);
    const alone: Float32Array[] = [];
    for (const input of inputs) alone.push(...(await vectorsOf(await open(stress, execution), [input])));
    const differences = { alone: compare(alone, batch).maxAbsDiff, 16: NaN, 48: NaN };
    for (const chunkTokens of [16, 48] as const) {
      const sliced = await vectorsOf(await open(stress, { ...execution, chunkTokens }), inputs);
      differences[chunkTokens] = compare(sliced, batch).maxAbsDiff;
    }
    console.log(`alone, sliced against batch on ${device} ${activations}: ${JSON.stringify(differences)}`);
    for (const difference of Object.values(differences)) expect(difference).toBeLessThanOrEqual(limits.maxAbsDiff);
  });
});

/** Has the next loads read a changed manifest. */
function serveManifest(change: (manifest: PackManifest) => PackManifest): void {
  const { fetch } = globalThis;
  vi.spyOn(globalThis, "fetch").mockImplementation(async (url, init) => {
    const response = await fetch(url, init);
    if (!String(url).endsWith("manifest.json")) return response;
    return Response.json(change((await response.json()) as PackManifest));
  });
}

describe("a pack whose known answers do not come out", () => {
  it("is refused with the numbers", async () => {
    serveManifest((manifest) => {
      const [first, ...others] = manifest.golden;
      return { ...manifest, golden: [{ ...first!, vector: first!.vector.toReversed() }, ...others] };
    });
    await expect(openPipeline({ ...from(stress), device: "wasm" }, {})).rejects.toMatchObject({
      code: "numeric-fault",
      details: { retry: false, selfCheck: { passed: false, tolerance: 2e-5 } },
    });
  });

  it("is refused when its tokenizer reads a known text as other ids", async () => {
    serveManifest((manifest) => ({
      ...manifest,
      golden: manifest.golden.map((known) => ({ ...known, text: "other" })),
    }));
    const loading = openPipeline({ ...from(builtInPackUrl()), device: "wasm" }, {});
    await expect(loading).rejects.toMatchObject({ code: "model-corrupt", details: { text: "other" } });
  });
});

describe("truncation", () => {
  it("embeds what fits, marks the row, and keeps the end token", async () => {
    serveManifest((manifest) => ({ ...manifest, maxTokens: 256 }));
    const pipeline = await openPipeline({ ...from(stress), device: "wasm" }, {});
    const long = randomIds(300, 7);
    await expect(pipeline.embed([[5], long], {}, {})).rejects.toMatchObject({
      code: "invalid-input",
      details: { index: 1, tokens: 300, limit: 256 },
    });
    const cut = await pipeline.embed([[5], long], { overflow: "truncate" }, {});
    expect([[...cut.tokenCounts], [...cut.truncated]]).toEqual([
      [2, 256],
      [0, 1],
    ]);
    const [, expected] = await vectorsOf(pipeline, [[5], [...long.slice(0, 255), 1]]);
    expect(compare([(cut.data as Float32Array).subarray(cut.dimensions)], [expected!]).maxAbsDiff).toBe(0);
    pipeline.dispose();
  });
});

describe("a quantised pack", () => {
  const vectorsIn = async (url: string, golden: readonly Golden[]): Promise<Float32Array[]> => {
    const ids = golden.map(({ input_ids }) => input_ids);
    return vectorsOf(await open(url, { device: "wasm" }), ids);
  };
  const report = (bits: number, actual: readonly Float32Array[], golden: readonly Golden[]): Difference => {
    const expected = golden.map(({ embedding }) => embedding);
    const difference = compare(actual, expected);
    console.log(
      `nano in ${bits} bits against the unquantised model, ${golden.length} texts: ${JSON.stringify(difference)}`,
    );
    return difference;
  };

  it("stays within 0.9995 of the unquantised model in 8 bits", async ({ skip }) => {
    if (!(await hasPack(packUrl("nano-q8")))) skip("nano-q8: ../shared/models/nano is not here");
    const [empty, ...texts] = await readGolden("nano");
    expect(empty!.name).toBe("empty");
    const [emptyVector, ...vectors] = await vectorsIn(packUrl("nano-q8"), [empty!, ...texts]);
    expect(report(8, vectors, texts).minCosine).toBeGreaterThanOrEqual(0.9995);
    // One token alone has nothing to average its rounding with.
    expect(report(8, [emptyVector!], [empty!]).minCosine).toBeGreaterThanOrEqual(0.999);
  });

  it("stays as close as the model card says in 4 bits", async () => {
    // Mean cosine 0.9857 with the card's simulated rounding, less 0.002.
    const golden = await readGolden("nano");
    const { meanCosine } = report(4, await vectorsIn(builtInPackUrl(), golden), golden);
    expect(meanCosine).toBeGreaterThanOrEqual(0.9837);
  });
});
