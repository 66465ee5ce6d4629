/** @file A layer under the clock: whole, in the graph for slices, as the last one, and kernel by kernel. Browsers and Node. */
import { openEngine, type Engine, type ExecutionChoice } from "../../src/gpu/engine.ts";
import type { LayerRunReport } from "../../src/gpu/layers.ts";
import type { PackReader } from "../../src/pack.ts";
import type { Pass } from "../../src/types.ts";
import { timeDispatches, type DispatchRecord, type DispatchTimer } from "./dispatch-timer.ts";

/** Milliseconds of single runs of one text's tokens through a layer. */
export interface LayerTimes {
  readonly wholeMs: readonly number[];
  readonly slicedMs: readonly number[];
  readonly lastMs: readonly number[];
  /** Of one run of `wholeMs`' kind; empty without timestamps. */
  readonly kernels: readonly DispatchRecord[];
}

/** An engine whose dispatches can be timed. */
export interface ProfiledEngine {
  readonly engine: Engine;
  /** `null` on WASM. */
  readonly device: GPUDevice | null;
  /** `null` where the device has no `timestamp-query`. */
  readonly timer: DispatchTimer | null;
}

/** Opens the pack with a look at the device before anything compiles on it. */
export async function openProfiled(pack: PackReader, choice: ExecutionChoice): Promise<ProfiledEngine> {
  const { gpuAdapter } = choice;
  let device: GPUDevice | null = null;
  let timer: DispatchTimer | null = null;
  if (gpuAdapter) {
    const request = gpuAdapter.requestDevice.bind(gpuAdapter);
    gpuAdapter.requestDevice = async (descriptor) => {
      device = await request(descriptor);
      timer = device.features.has("timestamp-query") ? timeDispatches(device) : null;
      return device;
    };
  }
  const engine = await openEngine(pack, choice);
  return { engine, device, timer };
}

/**
 * @param inputIds - Of the text; `[tokens]`.
 * @param rounds - Of each kind in turn, after one that is not counted: it compiles.
 */
export async function timeLayers(
  { engine, timer }: ProfiledEngine,
  inputIds: Int32Array,
  rounds: number,
): Promise<LayerTimes> {
  const times = { wholeMs: [] as number[], slicedMs: [] as number[], lastMs: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    const whole = await runOnce(engine, inputIds, "whole");
    const sliced = await runOnce(engine, inputIds, "sliced");
    if (round === 0) continue;
    for (const { rows, ms } of whole) (rows === "all" ? times.wholeMs : times.lastMs).push(ms);
    for (const { rows, ms } of sliced) if (rows === "all") times.slicedMs.push(ms);
  }
  return { ...times, kernels: timer ? await timeKernels({ engine, timer }, inputIds) : [] };
}

async function runOnce(
  { stack }: Engine,
  inputIds: Int32Array,
  graph: "whole" | "sliced",
): Promise<readonly LayerRunReport[]> {
  const reports: LayerRunReport[] = [];
  await stack.runPass(passOf(inputIds.length, graph), {
    inputIds: () => inputIds,
    exclusive: (run) => run(),
    onRun: (report) => reports.push(report),
  });
  return reports;
}

/** The first layer's run. */
async function timeKernels(
  { engine, timer }: { readonly engine: Engine; readonly timer: DispatchTimer },
  inputIds: Int32Array,
): Promise<readonly DispatchRecord[]> {
  let kernels: readonly DispatchRecord[] | null = null;
  await engine.stack.runPass(passOf(inputIds.length, "whole"), {
    inputIds: () => inputIds,
    exclusive: async (run) => {
      if (kernels) return run();
      timer.start();
      const result = await run();
      kernels = await timer.stop();
      return result;
    },
  });
  return kernels ?? [];
}

/** All tokens in one run; by the graph for slices as the only slice. */
function passOf(tokens: number, graph: "whole" | "sliced"): Pass {
  const slices = [{ sequence: 0, start: 0, length: tokens }];
  return { chunks: [{ slices, tokenCount: tokens, sliced: graph === "sliced" }], tokenCount: tokens };
}
