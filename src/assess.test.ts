/** @file Assessments against what a load would plan, and against packs that are there. */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { planLayout } from "../tools/pack/layout.ts";
import { SHAPES, type ShapeName } from "../tools/pack/synthetic-pack.ts";
import {
  assessModel,
  describeDevice,
  estimatePackBytes,
  measuredSpeed,
  type AssessOptions,
  type DeviceFacts,
  type MachineFacts,
  type ModelFacts,
} from "./assess.ts";
import { ACME } from "./fixtures/adapter.ts";
import { Metrics } from "./metrics.ts";
import { openPlanner } from "./open-planner.ts";
import type { PackManifest, PackTensor, WeightBits } from "./pack.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const nano = JSON.parse(
  readFileSync(new URL("../public/models/nano-q4/manifest.json", import.meta.url), "utf8"),
) as PackManifest;

const device: DeviceFacts = { adapter: ACME, missing: "", maxBindingBytes: 2 * GIB, deviceMemoryGiB: null };
const software: DeviceFacts = { ...device, adapter: { ...ACME, software: true } };
const none: DeviceFacts = { adapter: null, missing: "no adapter", maxBindingBytes: 0, deviceMemoryGiB: 8 };
const storage = { usedBytes: 0, freeBytes: 100 * GIB, persisted: false };
const machine: MachineFacts = { device, storage };

function modelOf(shape: ShapeName, bits: WeightBits = 4): ModelFacts {
  return { architecture: SHAPES[shape].architecture, bits, missingBytes: 1 };
}

/** A manifest as far as planning goes. */
function manifestOf({ architecture, bits }: ModelFacts): PackManifest {
  const tensors = planLayout(architecture, bits, 8).tensors as PackTensor[];
  return { ...nano, architecture, quantization: { bits, block: 32 }, tensors };
}

/** What an embedder's status says after one text. */
function loaded(model: ModelFacts, on: MachineFacts, { contextTokens, activations = "f32" }: AssessOptions) {
  const { adapter } = on.device;
  const execution = { kind: adapter ? ("webgpu" as const) : ("wasm" as const), activations, subgroups: false };
  const request = on.vramBudgetBytes === undefined ? {} : { vramBudgetBytes: on.vramBudgetBytes };
  const { planner } = openPlanner(request, { execution, adapter }, manifestOf(model));
  const [pass] = planner.plan([contextTokens], "normal").passes;
  planner.begin(pass!, "normal");
  return { memoryBytes: planner.predictedBytes, residentLayers: planner.residentLayers };
}

const codes = (...asked: Parameters<typeof assessModel>): string[] =>
  assessModel(...asked).reasons.map(({ code }) => code);

describe("assessModel", () => {
  beforeEach(() => void vi.stubGlobal("navigator", {}));
  afterEach(() => void vi.unstubAllGlobals());

  it.each([
    ["0.6b", 512, 2],
    ["0.6b", 32768, 2],
    ["4b", 2048, 1],
    ["4b", 2048, 4],
    ["4b", 32768, 4],
    ["8b", 512, 8],
    ["8b", 8192, 2],
  ] as const)("tells what a load of %s plans for a text of %d tokens within %d GiB", (shape, contextTokens, gib) => {
    for (const activations of ["f32", "f16"] as const) {
      const on = { ...machine, vramBudgetBytes: gib * GIB };
      const options = { contextTokens, activations };
      expect(assessModel(modelOf(shape), on, options)).toMatchObject(loaded(modelOf(shape), on, options));
    }
  });

  it("takes the budget from the adapter when the caller gives none, and the heap on WASM", () => {
    const options = { contextTokens: 512 };
    for (const on of [machine, { ...machine, device: none }]) {
      const assessed = assessModel(modelOf("4b"), on, options);
      expect(assessed).toMatchObject(loaded(modelOf("4b"), on, options));
      expect(assessed.on).toBe(on.device.adapter ? "webgpu" : "wasm");
    }
  });

  it("lets a small model run, streams one that is larger than the budget", () => {
    expect(assessModel(modelOf("0.6b"), machine, { contextTokens: 512 })).toMatchObject({
      verdict: "runs",
      residentLayers: 28,
      streamedLayers: 0,
      reasons: [],
    });
    const streaming = assessModel(modelOf("4b"), { ...machine, vramBudgetBytes: GIB }, { contextTokens: 512 });
    expect(streaming.verdict).toBe("streams");
    expect(streaming.residentLayers + streaming.streamedLayers).toBe(36);
    expect(streaming.memoryBytes).toBeLessThanOrEqual(GIB);
    const { residentLayers, streamedLayers } = streaming;
    expect(streaming.reasons).toEqual([{ code: "layers-streamed", residentLayers, streamedLayers }]);
  });

  it("cannot where one text needs more than the budget, and says how much", () => {
    const tight = { ...machine, vramBudgetBytes: 100 * MIB };
    const { verdict, memoryBytes, reasons } = assessModel(modelOf("4b"), tight, { contextTokens: 512 });
    expect(verdict).toBe("cannot");
    expect(memoryBytes).toBeGreaterThan(100 * MIB);
    expect(reasons).toContainEqual({ code: "memory-too-small", neededBytes: memoryBytes, limitBytes: 100 * MIB });
  });

  it("cannot where a tensor is larger than a kernel can see", () => {
    const narrow = { ...machine, device: { ...device, maxBindingBytes: 128 * MIB } };
    const { verdict, reasons } = assessModel(modelOf("8b", 16), narrow, { contextTokens: 512 });
    expect(verdict).toBe("cannot");
    const neededBytes = 4096 * 12288 * 4;
    expect(reasons).toContainEqual({ code: "binding-too-small", neededBytes, limitBytes: 128 * MIB });
    expect(codes(modelOf("8b"), narrow, { contextTokens: 512 })).not.toContain("binding-too-small");
  });

  it("cannot where there is no room on the disk for what is missing", () => {
    const full = { ...machine, storage: { ...storage, freeBytes: 99 } };
    const { verdict, reasons } = assessModel({ ...modelOf("nano"), missingBytes: 100 }, full, { contextTokens: 512 });
    expect(verdict).toBe("cannot");
    expect(reasons).toEqual([{ code: "storage-too-small", neededBytes: 100, freeBytes: 99 }]);
    expect(codes({ ...modelOf("nano"), missingBytes: 0 }, full, { contextTokens: 512 })).toEqual([]);
    expect(codes(modelOf("nano"), { ...machine, storage: null }, { contextTokens: 512 })).toEqual(["storage-missing"]);
  });

  it("cannot on WASM where heap and weights are more than the computer's memory", () => {
    const small = { ...machine, device: { ...none, deviceMemoryGiB: 2 } };
    const { verdict, scriptBytes, reasons } = assessModel(modelOf("4b"), small, { contextTokens: 512 });
    expect(verdict).toBe("cannot");
    expect(scriptBytes).toBeGreaterThan(1.8 * GIB);
    expect(reasons.map(({ code }) => code)).toContain("memory-too-small");
    expect(assessModel(modelOf("nano"), small, { contextTokens: 512 }).verdict).toBe("runs");
  });

  it("goes to WASM without an adapter or with a software one, unless WebGPU is demanded", () => {
    const options = { contextTokens: 512 };
    expect(assessModel(modelOf("nano"), { ...machine, device: none }, options)).toMatchObject({
      verdict: "runs",
      on: "wasm",
      reasons: [{ code: "webgpu-missing", why: "no adapter", required: false }],
    });
    expect(codes(modelOf("nano"), { ...machine, device: software }, options)).toEqual(["software-adapter"]);
    const demanded = { ...options, device: "webgpu" } as const;
    expect(assessModel(modelOf("nano"), { ...machine, device: software }, demanded).on).toBe("webgpu");
    expect(assessModel(modelOf("nano"), { ...machine, device: none }, demanded).verdict).toBe("cannot");
  });

  it("estimates the speed from what was measured on the same kind of device only", () => {
    const fast = { ...machine, measured: { kind: "webgpu", flopsPerSecond: 5e12 } } as const;
    const options = { contextTokens: 512 };
    expect(assessModel(modelOf("4b"), machine, options).tokensPerSecond).toBeNull();
    expect(assessModel(modelOf("4b"), { ...fast, device: none }, options).tokensPerSecond).toBeNull();
    const { tokensPerSecond } = assessModel(modelOf("4b"), fast, options);
    // 3.63e9 weights in the layers, two operations each, and a little attention.
    expect(tokensPerSecond).toBeGreaterThan(0.95 * (5e12 / (2 * 3.63e9)));
    expect(tokensPerSecond).toBeLessThan(5e12 / (2 * 3.63e9));
    const long = assessModel(modelOf("4b"), fast, { contextTokens: 32768 });
    expect(long.tokensPerSecond).toBeLessThan(tokensPerSecond!);
  });

  it("calls a model slow by measurement, or by what such devices do until there is one", () => {
    const options = { contextTokens: 512 };
    const assumed = assessModel(modelOf("4b"), { ...machine, device: none }, options);
    expect(assumed.verdict).toBe("slow");
    expect(assumed.reasons).toContainEqual(expect.objectContaining({ code: "low-speed", measured: false }));
    const measured = { kind: "webgpu", flopsPerSecond: 1e10 } as const;
    const { verdict, tokensPerSecond, reasons } = assessModel(modelOf("4b"), { ...machine, measured }, options);
    expect(verdict).toBe("slow");
    expect(reasons).toContainEqual({ code: "low-speed", tokensPerSecond, measured: true });
  });

  it("counts no tokens above the model's own limit", () => {
    const at = (contextTokens: number) => assessModel(modelOf("0.6b"), machine, { contextTokens }).memoryBytes;
    expect(at(1_000_000)).toBe(at(32_768));
  });
});

describe("measuredSpeed", () => {
  it("is the weights' operations by the time of the runs, once there are enough", () => {
    const metrics = new Metrics();
    const { architecture } = SHAPES["0.6b"];
    const measure = () => measuredSpeed({ metrics: metrics.snapshot(), architecture, kind: "wasm" });
    expect(measure()).toBeNull();
    metrics.add("strata_tokens_total", 1000);
    for (let run = 0; run < 28; run++) metrics.observe("strata_run_duration_seconds", 0.5);
    const weights = 28 * 1024 * (2 * 2048 + 2 * 1024 + 3 * 3072);
    expect(measure()).toMatchObject({ kind: "wasm" });
    expect(measure()!.flopsPerSecond / ((1000 * 2 * weights) / 14)).toBeCloseTo(1, 3);
  });
});

describe("estimatePackBytes", () => {
  it("is the size of the built-in pack to a thousandth", () => {
    const actual = nano.files.reduce((sum, { bytes }) => sum + bytes, 0);
    const estimate = estimatePackBytes(nano.architecture, { layers: 4, table: 4 });
    expect(Math.abs(estimate / actual - 1)).toBeLessThan(1e-3);
  });

  it.each(["0.6b", "4b", "8b", "nano", "line"] as const)("counts the weight files of %s to the byte", (name) => {
    const { architecture } = SHAPES[name];
    for (const [layers, table] of [
      [4, 8],
      [8, 4],
      [16, 16],
    ] as const) {
      const files = planLayout(architecture, layers, table).files.reduce((sum, { bytes }) => sum + bytes, 0);
      const small = estimatePackBytes(architecture, { layers, table }) - files;
      expect(small).toBe(4_776_000);
    }
  });
});

describe("describeDevice", () => {
  it("tells the adapter's facts and limits, or why there is none", async () => {
    vi.stubGlobal("navigator", { deviceMemory: 8 });
    const limits = { maxBufferSize: 4 * GIB, maxStorageBufferBindingSize: 2 * GIB };
    const adapter = { info: { vendor: "acme" }, features: new Set(["shader-f16"]), limits } as unknown as GPUAdapter;
    const gpu = (found: GPUAdapter | null) => ({ requestAdapter: () => Promise.resolve(found) });
    expect(await describeDevice(gpu(adapter))).toMatchObject({
      adapter: { vendor: "acme", shaderF16: true, maxBufferSize: 4 * GIB },
      missing: "",
      maxBindingBytes: 2 * GIB,
      deviceMemoryGiB: 8,
    });
    const without = await describeDevice(gpu(null));
    expect(without).toMatchObject({ adapter: null, maxBindingBytes: 0 });
    expect(without.missing).toContain("no WebGPU adapter");
    vi.unstubAllGlobals();
  });
});
