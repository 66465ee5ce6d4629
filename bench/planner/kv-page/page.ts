/** @file The page of the KV scenario: an engine that keeps a long text's KV in one buffer, or copies it with each slice. */
import { chooseExecution, openEngine, type Engine } from "../../../src/gpu/engine.ts";
import { GpuTensorHome, type KvCache } from "../../../src/gpu/tensor-home.ts";
import { openPack } from "../../../src/fixtures/browser-packs.ts";
import type { Chunk, DeviceStatus, Pass } from "../../../src/types.ts";

/** `"shared"`: past and present are one buffer, as in the product. `"copied"`: two, and each run copies the past. */
export type KvMode = "shared" | "copied";

/** A text in slices. */
export interface Sliced {
  readonly tokens: number;
  readonly chunkTokens: number;
  readonly mode: KvMode;
}

/** One text. */
export interface KvSample {
  readonly row: readonly number[];
  readonly milliseconds: number;
  readonly peakBytes: number;
  readonly weightBytes: number;
  /** Largest. */
  readonly kvBytes: number;
}

/** What the benchmark calls from outside. */
export interface KvPage {
  /** @param dispatches - `"left-out"`: every buffer and pipeline is made, but no dispatch reaches the GPU. */
  open(packUrl: string, dispatches: "run" | "left-out"): Promise<DeviceStatus>;
  embed(inputIds: readonly number[], sliced: Sliced): Promise<KvSample>;
  /** Places all that a text needs and runs its first and its last slice through one layer. */
  rehearse(sliced: Sliced): Promise<Omit<KvSample, "row">>;
}

declare global {
  var kvBench: KvPage;
}

let engine: Engine;
let mode: KvMode = "shared";

const keepKv = GpuTensorHome.prototype.keepKv;
GpuTensorHome.prototype.keepKv = function (tokens) {
  const kept = keepKv.call(this, tokens);
  return mode === "shared" ? kept : copying(kept, keepKv.call(this, tokens));
};

/** What one run writes is the next one's past, in turn: each run has to copy what came before. */
function copying(a: KvCache, b: KvCache): KvCache {
  let [past, present] = [a, b];
  return {
    get feeds() {
      return past.feeds;
    },
    get fetches() {
      return present.fetches;
    },
    reset: () => past.reset(),
    assume: (tokens) => past.assume(tokens),
    update: () => {
      [past, present] = [present, past];
    },
    release: () => {
      a.release();
      b.release();
    },
  };
}

globalThis.kvBench = {
  async open(packUrl, dispatches) {
    if (dispatches === "left-out") GPUComputePassEncoder.prototype.dispatchWorkgroups = () => undefined;
    const pack = await openPack(new URL(packUrl, location.href).href);
    const choice = await chooseExecution({ device: "webgpu", activations: "f32" }, navigator.gpu, []);
    engine = await openEngine(pack, choice, { poolBytes: 0 });
    return engine.device;
  },
  async embed(inputIds, sliced) {
    const ids = Int32Array.from(inputIds);
    const pass = passOf(sliced);
    const measured = await measure(sliced, () =>
      engine.stack.runPass(pass, { inputIds: () => ids, exclusive: (run) => run() }),
    );
    return { ...measured.sample, row: [...measured.result.get(0)!] };
  },
  async rehearse(sliced) {
    const pass = passOf(sliced);
    return (await measure(sliced, () => engine.stack.rehearse(pass, { exclusive: (run) => run() }))).sample;
  },
};

async function measure<T>(
  sliced: Sliced,
  task: () => Promise<T>,
): Promise<{ readonly result: T; readonly sample: Omit<KvSample, "row"> }> {
  mode = sliced.mode;
  engine.gauge.resetPeak();
  const started = performance.now();
  const result = await task();
  const milliseconds = performance.now() - started;
  const { peakBytes, peak } = engine.gauge;
  return { result, sample: { milliseconds, peakBytes, weightBytes: peak.weights, kvBytes: peak.kv } };
}

/** One text, slices of one size. */
function passOf({ tokens, chunkTokens }: Sliced): Pass {
  const chunks = Array.from({ length: Math.ceil(tokens / chunkTokens) }, (_, i): Chunk => {
    const start = i * chunkTokens;
    const length = Math.min(chunkTokens, tokens - start);
    return { slices: [{ sequence: 0, start, length }], tokenCount: length, sliced: true };
  });
  return { chunks, tokenCount: tokens };
}
