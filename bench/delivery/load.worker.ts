/** @file Ours beside `plain.worker.ts`: every layer from the store, verified, into its buffers on the GPU. */
import { BufferPool } from "../../src/gpu/buffer-pool.ts";
import { openDevice } from "../../src/gpu/device.ts";
import { chooseExecution } from "../../src/gpu/engine.ts";
import { loadRuntime } from "../../src/gpu/session.ts";
import { GpuTensorHome } from "../../src/gpu/tensor-home.ts";
import { openWeights } from "../../src/gpu/weights.ts";
import { openStoredPack } from "../../src/model/store/stored-pack.ts";
import type { Activations } from "../../src/pack.ts";
import type { Took } from "./plain.worker.ts";

export interface LoadOrder {
  /** `StoredPack.id`. */
  readonly id: string;
  readonly activations: Activations;
}

onmessage = ({ data }: MessageEvent<LoadOrder>) => void load(data).then(postMessage, reportError);

/** `bytes` are those of the layers' files, as the plain load counts them. */
async function load({ id, activations }: LoadOrder): Promise<Took> {
  const { execution, gpuAdapter } = await chooseExecution({ device: "webgpu", activations }, navigator.gpu, []);
  const device = await openDevice(gpuAdapter!, execution);
  const runtime = await loadRuntime("webgpu");
  const pool = new BufferPool(device, 0);
  using pack = await openStoredPack(id);
  const { architecture, files } = pack.manifest;
  const home = new GpuTensorHome({ device, pool }, runtime, { activations, architecture });
  const started = performance.now();
  const weights = await openWeights(pack, home);
  await device.queue.onSubmittedWorkDone();
  const ms = performance.now() - started;
  weights.release();
  device.destroy();
  const layers = files.filter(({ name }) => name.startsWith("layer-"));
  return { ms, bytes: layers.reduce((sum, { bytes }) => sum + bytes, 0) };
}
