/** @file Tests of what the pipeline does with rows that f16 cannot do; the device is a made-up one, as none here has f16. */
import { describe, expect, it } from "vitest";
import { VramBudget } from "./batch/budget.ts";
import { CostModel } from "./batch/cost.ts";
import { nanoCost } from "./batch/fixtures/shapes.ts";
import { RunPace } from "./batch/pace.ts";
import { Planner } from "./batch/planner.ts";
import { EmbedError } from "./errors.ts";
import type { Engine } from "./gpu/engine.ts";
import { NO_GAUGE } from "./gpu/gauge.ts";
import type { LayerStack, PassOptions } from "./gpu/layers.ts";
import { makeTinyPack } from "./model/fixtures/tiny-pack.ts";
import { EmbedPipeline } from "./pipeline.ts";
import type { Pass } from "./types.ts";

const WIDTH = 2;
const SAFER_BYTES = 1_000_000;

type RowOf = (inputIds: Int32Array) => readonly number[];

/** A stack whose rows are made up; `passes` are the lengths that it was given. */
function stackOf(rowOf: RowOf) {
  const passes: number[][] = [];
  const runPass = async (pass: Pass, options: PassOptions): Promise<Map<number, Float32Array>> => {
    const sequences = new Set(pass.chunks.flatMap(({ slices }) => slices.map(({ sequence }) => sequence)));
    passes.push([...sequences].map((sequence) => options.inputIds(sequence).length));
    await options.exclusive(() => Promise.resolve());
    return new Map([...sequences].map((sequence) => [sequence, Float32Array.from(rowOf(options.inputIds(sequence)))]));
  };
  return { stack: { runPass } as unknown as LayerStack, passes };
}

/** Rows of texts of 7 tokens are NaN in f16. */
const f16: RowOf = (inputIds) => (inputIds.length === 7 ? [NaN, 1] : [3, 4]);

function openPipeline(safer: () => Promise<LayerStack | null>) {
  const main = stackOf(f16);
  const planner = new Planner({
    cost: new CostModel({ ...nanoCost, activations: "f16" }),
    budget: new VramBudget({ bytes: 2 ** 30, ceiling: 2 ** 30 }, "caller"),
    pace: new RunPace("gpu"),
    chunkTokens: 512,
    maxRunMs: Infinity,
  });
  const engine = {
    stack: main.stack,
    weights: { layers: 4, residentLayers: 4, uploads: { layers: 0, bytes: 0 }, refused: false, keep: () => undefined },
    gauge: NO_GAUGE,
    device: { kind: "webgpu", activations: "f16" },
    failed: new Promise<EmbedError>(() => undefined),
    ready: () => Promise.resolve(),
    safer,
    saferBytes: SAFER_BYTES,
    releaseSafer: () => undefined,
    trim: () => undefined,
  } as unknown as Engine;
  return new EmbedPipeline({
    manifest: { ...manifest, dimensions: { min: 1, max: WIDTH } },
    engine,
    planner,
    budgetKey: "",
    queue: undefined,
    tokenizer: null,
    gain: Float32Array.of(1, 1),
    space: "",
    loaded: { selfChecks: [], load: {} as never, storage: {} as never },
  });
}

const { manifest } = makeTinyPack();
const ids = (length: number): number[] => [...Array<number>(length - 1).fill(0), manifest.endTokenId];
const reruns = (pipeline: EmbedPipeline): number => pipeline.metrics().strata_rows_rerun_total[0]!.value;

describe("a row that comes back without a direction in f16", () => {
  it("is run again in f32, with the other such rows and no others", async () => {
    const { stack, passes } = stackOf(() => [1, 0]);
    const pipeline = openPipeline(() => Promise.resolve(stack));
    const { data, faulty } = await pipeline.embed([ids(5), ids(7), ids(7), ids(9)], {}, {});
    const rounded = [...(data as Float32Array)].map((value) => Number(value.toFixed(3)));
    expect(rounded).toEqual([0.6, 0.8, 1, 0, 1, 0, 0.6, 0.8]);
    expect([...faulty]).toEqual([]);
    expect(passes).toEqual([[7, 7]]);
    expect(reruns(pipeline)).toBe(2);
  });

  it("is the fault of its request alone when f32 cannot do it either", async () => {
    const pipeline = openPipeline(() => Promise.resolve(stackOf(() => [0, 0]).stack));
    const bad = pipeline.embed([ids(5), ids(7)], {}, {});
    const good = pipeline.embed([ids(6)], {}, {});
    await expect(bad).rejects.toMatchObject({ code: "numeric-fault", details: { index: 1 } });
    expect((await good).rows).toBe(1);
    const { data, faulty } = await pipeline.embed([ids(5), ids(7)], { faultyRows: "zero" }, {});
    expect([...faulty]).toEqual([1]);
    expect([...(data as Float32Array).subarray(WIDTH)]).toEqual([0, 0]);
  });

  it("harms no other row when the f32 stack cannot be opened", async () => {
    const offline = () => Promise.reject(new EmbedError("model-fetch-failed", "offline"));
    const { faulty, rows } = await openPipeline(offline).embed([ids(5), ids(7)], { faultyRows: "zero" }, {});
    expect([rows, ...faulty]).toEqual([2, 1]);
  });

  it("is not mended while the device is being checked", async () => {
    const pipeline = openPipeline(() => expect.fail("f32 was asked for"));
    const check = pipeline.embedIds([Int32Array.from(ids(7))]);
    await expect(check).rejects.toMatchObject({ code: "numeric-fault" });
  });
});
