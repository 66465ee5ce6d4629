/** @file Device, session, weights and token table of one execution, put together and taken apart. */
import { EmbedError } from "../errors.ts";
import type { Activations, PackReader, ReadOptions } from "../pack.ts";
import type { AdapterFacts, DeviceChoice, DeviceStatus, Execution, LoadTimings, SelfCheckResult } from "../types.ts";
import { adapterFacts, candidates, findAdapter, openDevice, type Candidate, type GpuEntry } from "./device.ts";
import { attachGauge, type Gauge } from "./gauge.ts";
import { LayerStack } from "./layers.ts";
import { LayerSession, loadRuntime, startRuntime, type Runtime } from "./session.ts";
import { GpuTensorHome, WasmTensorHome, type TensorHome } from "./tensor-home.ts";
import { TokenTable } from "./token-table.ts";
import { loadResidentWeights } from "./weights.ts";

/** What is to run and on what, before anything large is read. */
export interface ExecutionChoice {
  readonly execution: Execution;
  readonly reason: string;
  readonly adapter: AdapterFacts | null;
  readonly gpuAdapter: GPUAdapter | null;
  /** Whether a safer execution is left should this one fail its self-check. */
  readonly saferLeft: boolean;
}

/**
 * Picks the best execution that this machine allows and that has not failed its self-check before.
 *
 * @throws {EmbedError} `webgpu-unavailable` when WebGPU is demanded and missing.
 */
export async function chooseExecution(
  wish: { readonly device: DeviceChoice; readonly activations: Activations },
  gpu: GpuEntry,
  failedChecks: readonly SelfCheckResult[],
): Promise<ExecutionChoice> {
  const { adapter: gpuAdapter, missing } =
    wish.device === "wasm" ? { adapter: null, missing: "" } : await findAdapter(gpu);
  const adapter = gpuAdapter && adapterFacts(gpuAdapter);
  const failed = new Set(failedChecks.map(({ execution }) => nameOf(execution)));
  const left = candidates(wish, { adapter, missing }).filter(({ execution }) => !failed.has(nameOf(execution)));
  const chosen: Candidate | undefined = left[0];
  if (!chosen) {
    throw new EmbedError("numeric-fault", "every execution failed its self-check", { details: { failedChecks } });
  }
  return { ...chosen, adapter, gpuAdapter, saferLeft: left.length > 1 };
}

function nameOf({ kind, activations, subgroups }: Execution): string {
  return `${kind} ${activations} ${subgroups}`;
}

/** A pack on a device, ready to run passes. */
export interface Engine {
  readonly stack: LayerStack;
  readonly device: DeviceStatus;
  readonly gauge: Gauge;
  /** Resolves with what ended the engine for good: `device-lost`, on WASM `worker-crashed`. */
  readonly failed: Promise<EmbedError>;
  readonly timings: Pick<LoadTimings, "deviceMs" | "runtimeMs" | "sessionMs" | "weightsMs">;
  release(): void;
}

/**
 * Opens the device, creates the layer session and places all weights; the last two at once.
 *
 * @throws {EmbedError} What reading throws, `webgpu-unavailable`, `out-of-memory`; nothing stays open then.
 */
export async function openEngine(
  pack: PackReader,
  choice: ExecutionChoice,
  options: ReadOptions = {},
): Promise<Engine> {
  const { execution, gpuAdapter } = choice;
  const { value: runtime, ms: importMs } = await timed(() => loadRuntime(execution.kind));
  const started = performance.now();
  const device = execution.kind === "webgpu" && gpuAdapter ? await openDevice(gpuAdapter, execution) : null;
  const gauge = device ? attachGauge(device) : { liveBytes: 0, peakBytes: 0 };
  const deviceMs = performance.now() - started;
  try {
    const { runtimeMs, sessionMs, weightsMs, ...parts } = await loadParts(
      { pack, runtime, device, execution },
      options,
    );
    const stack = new LayerStack({ architecture: pack.manifest.architecture, runtime, ...parts });
    return {
      stack,
      gauge,
      device: { ...execution, reason: choice.reason, adapter: choice.adapter, build: runtime.build },
      failed: Promise.race([parts.session.condemned, ...(device ? [device.lost.then(lossError)] : [])]),
      timings: { deviceMs, runtimeMs: importMs + runtimeMs, sessionMs, weightsMs },
      release: () => {
        stack.release();
        parts.session.release().catch(() => undefined);
        device?.destroy();
      },
    };
  } catch (error) {
    device?.destroy();
    throw error;
  }
}

async function loadParts(
  what: {
    readonly pack: PackReader;
    readonly runtime: Runtime;
    readonly device: GPUDevice | null;
    readonly execution: Execution;
  },
  options: ReadOptions,
) {
  const { pack, runtime, device, execution } = what;
  const { architecture, graphs } = pack.manifest;
  const home: TensorHome = device
    ? new GpuTensorHome(device, runtime, { activations: execution.activations, architecture })
    : new WasmTensorHome(runtime, architecture);
  const start = timed(() => startRuntime(runtime));
  const graph = pack.readFile(graphs[execution.activations], options);
  const [started, session, weights, tokens] = await Promise.all([
    start,
    Promise.all([graph, start]).then(([bytes]) => timed(() => LayerSession.create(runtime, bytes, device))),
    timed(() => loadResidentWeights(pack, home, options)),
    timed(() => TokenTable.open(pack, options)),
  ]);
  return {
    session: session.value,
    home,
    weights: weights.value,
    tokens: tokens.value,
    runtimeMs: started.ms,
    sessionMs: session.ms,
    weightsMs: Math.max(weights.ms, tokens.ms),
  };
}

/** @param info - What the browser says; `reason` is "destroyed" or "unknown". */
function lossError({ reason, message }: GPUDeviceLostInfo): EmbedError {
  return new EmbedError("device-lost", `the GPU device was lost (${reason}): ${message}`, { details: { reason } });
}

async function timed<T>(task: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const started = performance.now();
  const value = await task();
  return { value, ms: performance.now() - started };
}
