/** @file The page of `npm run bench:vram`: an engine whose GPU memory is measured pass by pass beside its prediction. */
import { CostModel, totalBytes } from "../../src/batch/cost.ts";
import { planPasses } from "../../src/batch/plan.ts";
import { chooseExecution, openEngine, type Engine } from "../../src/gpu/engine.ts";
import { openPack } from "../../src/fixtures/browser-packs.ts";
import type { Activations, Architecture } from "../../src/pack.ts";
import type { DeviceStatus, Pass, VramBytes } from "../../src/types.ts";

export interface EngineChoice {
  readonly activations: Activations;
  readonly residentLayers: number;
  /** `"left-out"`: every buffer and pipeline is made, but no dispatch reaches the GPU. */
  readonly dispatches: "run" | "left-out";
}

export interface Measurement {
  readonly chunks: number;
  readonly predictedBytes: number;
  readonly measuredBytes: number;
  readonly predicted: VramBytes;
  /** Largest of each use. */
  readonly measured: VramBytes;
  readonly milliseconds: number;
}

/** What the benchmark calls from outside. */
export interface VramPage {
  open(packUrl: string, choice: EngineChoice): Promise<DeviceStatus>;
  /** One pass over texts of these lengths: all that it needs is placed, its first and last chunk go through a layer. */
  measure(lengths: readonly number[], chunkTokens: number): Promise<Measurement>;
}

declare global {
  var vram: VramPage;
}

interface Opened {
  readonly engine: Engine;
  readonly cost: CostModel;
}

let opened: Opened;

globalThis.vram = {
  async open(packUrl, { activations, residentLayers, dispatches }) {
    if (dispatches === "left-out") leaveOutDispatches();
    const pack = await openPack(packUrl);
    const choice = await chooseExecution({ device: "webgpu", activations }, navigator.gpu, []);
    const engine = await openEngine(pack, choice, { residentLayers, poolBytes: 0 });
    const { bits, layerBytes, device } = engine;
    opened = { engine, cost: costModel(pack.manifest.architecture, { bits, layerBytes, device }) };
    return device;
  },
  async measure(lengths, chunkTokens) {
    const { engine, cost } = opened;
    const pass = onePass(lengths, { cost, chunkTokens });
    const predicted = { ...cost.pass(pass.chunks), weights: cost.weights(engine.weights) };
    engine.gauge.resetPeak();
    const started = performance.now();
    await engine.stack.rehearse(pass, { exclusive: (run) => run() });
    return {
      chunks: pass.chunks.length,
      predictedBytes: totalBytes(predicted),
      measuredBytes: engine.gauge.peakBytes,
      predicted,
      measured: engine.gauge.peak,
      milliseconds: performance.now() - started,
    };
  },
};

function costModel(architecture: Architecture, engine: Pick<Engine, "bits" | "layerBytes" | "device">): CostModel {
  const { bits, layerBytes, device } = engine;
  return new CostModel({ architecture, bits, layerBytes, activations: device.activations, kind: device.kind });
}

/** As the planner would with memory and time to spare. */
function onePass(lengths: readonly number[], limits: { readonly cost: CostModel; readonly chunkTokens: number }): Pass {
  const { passes } = planPasses(lengths, {
    ...limits,
    minChunkTokens: 1,
    maxRunMs: Infinity,
    runMs: () => 0,
    rooms: () => [Infinity],
    scratchBytes: 0,
    passTokens: Infinity,
  });
  const [pass] = passes;
  if (!pass || passes.length > 1) throw new Error(`${passes.length} passes where one was to be measured`);
  return pass;
}

function leaveOutDispatches(): void {
  GPUComputePassEncoder.prototype.dispatchWorkgroups = () => undefined;
  GPUComputePassEncoder.prototype.dispatchWorkgroupsIndirect = () => undefined;
}
