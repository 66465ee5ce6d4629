/** @file The peer: transformers.js' whole-graph export, run by onnxruntime-web as transformers.js runs it. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type * as OrtModule from "onnxruntime-web";
import { adapterFacts, RAISED_LIMITS } from "../../src/gpu/device.ts";
import type { Gauge } from "../../src/gpu/gauge.ts";
import { openDawn, requireAdapter } from "./dawn.ts";

/** What ONNX Runtime asks a device for when it makes its own, as it does under transformers.js. */
const OWN_FEATURES: readonly string[] = [
  "subgroups",
  "subgroup-size-control",
  "shader-f16",
  "timestamp-query",
  "chromium-experimental-subgroup-matrix",
];

/** `own`: as ONNX Runtime asks for them itself. `narrow`: without `subgroups`, so that kernels are those of Strata's device. */
export type PeerFeatures = "own" | "narrow";

export interface PeerOptions {
  /** Of an export: `onnx/` lies in it. */
  readonly folder: string;
  /** Of the graph, in `onnx/`. */
  readonly file: string;
  readonly padTokenId: number;
  readonly features: PeerFeatures;
}

export interface Peer {
  /** Such as `webgpu asyncify, subgroups 32`. */
  readonly execution: string;
  readonly gauge: Gauge;
  /**
   * @param batch - Token ids, the end token last; all of them in one call, padded on the left to the longest.
   * @returns Unit vectors.
   */
  embedIds(batch: readonly Int32Array[]): Promise<Float32Array[]>;
  close(): Promise<void>;
}

/**
 * A device, an instance of ONNX Runtime and a session of its own: nothing is shared with Strata but the process.
 *
 * @throws What ONNX Runtime or Dawn throws.
 */
export async function openPeer(options: PeerOptions): Promise<Peer> {
  const dawn = await openDawn();
  const adapter = await requireAdapter(dawn);
  const device = await openPeerDevice(adapter, options.features);
  const { gauge } = dawn;
  const { ort, build } = await loadOwnRuntime();
  const onnx = join(options.folder, "onnx");
  const names = readdirSync(onnx).filter((name) => name.startsWith(`${options.file}_data`));
  const externalData = names.map((path) => ({ path, data: new Uint8Array(readFileSync(join(onnx, path))) }));
  const session = await ort.InferenceSession.create(readFileSync(join(onnx, options.file)), {
    executionProviders: [{ name: "webgpu", device }],
    // Errors only: it warns of every graph that it keeps shapes on the CPU.
    logSeverityLevel: 3,
    externalData,
  });
  const width = device.features.has("subgroups")
    ? `subgroups ${adapterFacts(adapter).subgroupMinSize}`
    : "no subgroups";
  return {
    execution: `webgpu ${build}, ${width}`,
    gauge,
    embedIds: (batch) => embedPadded({ ort, session, padTokenId: options.padTokenId }, batch),
    close: async () => {
      await session.release();
      device.destroy();
    },
  };
}

async function openPeerDevice(adapter: GPUAdapter, wish: PeerFeatures): Promise<GPUDevice> {
  const wanted = OWN_FEATURES.filter((name) => wish === "own" || !name.startsWith("subgroup"));
  const requiredFeatures = wanted.filter((name) => adapter.features.has(name)) as GPUFeatureName[];
  const requiredLimits = Object.fromEntries(RAISED_LIMITS.map((name) => [name, adapter.limits[name]]));
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
  if (!("adapterInfo" in device)) Object.defineProperty(device, "adapterInfo", { value: adapter.info });
  return device;
}

/** The build that Strata runs, as a second instance: ONNX Runtime's state is that of its module. */
async function loadOwnRuntime(): Promise<{ readonly ort: typeof OrtModule; readonly build: string }> {
  const build = "Suspending" in WebAssembly ? "jspi" : "asyncify";
  const url = import.meta.resolve(`onnxruntime-web/${build === "jspi" ? "jspi" : "webgpu"}`);
  const ort = (await import(`${url}?peer`)) as typeof OrtModule;
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  return { ort, build };
}

interface PeerSession {
  readonly ort: typeof OrtModule;
  readonly session: OrtModule.InferenceSession;
  readonly padTokenId: number;
}

/** As transformers.js: all hidden states come back, and the last position's row is taken. */
async function embedPadded(
  { ort, session, padTokenId }: PeerSession,
  batch: readonly Int32Array[],
): Promise<Float32Array[]> {
  const columns = Math.max(...batch.map(({ length }) => length));
  const inputs = leftPadded(batch, columns, padTokenId);
  const entries = Object.entries(inputs).map(([name, values]) => {
    return [name, new ort.Tensor("int64", values, [batch.length, columns])] as const;
  });
  const { last_hidden_state: output } = await session.run(Object.fromEntries(entries));
  const states = (await output!.getData()) as Float32Array;
  const size = output!.dims[2]!;
  output!.dispose();
  return batch.map((_, row) => unit(states.subarray(((row + 1) * columns - 1) * size, (row + 1) * columns * size)));
}

/** Positions are what transformers.js makes of the mask. */
function leftPadded(batch: readonly Int32Array[], columns: number, padTokenId: number) {
  const cells = batch.length * columns;
  const input_ids = new BigInt64Array(cells).fill(BigInt(padTokenId));
  const attention_mask = new BigInt64Array(cells);
  const position_ids = new BigInt64Array(cells).fill(1n);
  batch.forEach((ids, row) => {
    const start = (row + 1) * columns - ids.length;
    ids.forEach((id, i) => {
      input_ids[start + i] = BigInt(id);
      attention_mask[start + i] = 1n;
      position_ids[start + i] = BigInt(i);
    });
  });
  return { input_ids, attention_mask, position_ids };
}

function unit(row: Float32Array): Float32Array {
  const length = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
  return row.map((x) => x / length);
}
