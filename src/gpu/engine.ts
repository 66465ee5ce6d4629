/** @file Device, sessions, weights and token table of one execution, put together and taken apart. */
import { EmbedError } from "../errors.ts";
import type { Activations, PackManifest, PackReader, ReadOptions, WeightBits } from "../pack.ts";
import type {
  AdapterFacts,
  DeviceChoice,
  DeviceStatus,
  Execution,
  LoadTimings,
  RunEvent,
  SelfCheckResult,
} from "../types.ts";
import { BufferPool, POOL_BYTES } from "./buffer-pool.ts";
import { adapterFacts, candidates, findAdapter, openDevice, type Candidate, type GpuEntry } from "./device.ts";
import { attachGauge, NO_GAUGE, type Gauge } from "./gauge.ts";
import { LayerStack } from "./layers.ts";
import { RunFences } from "./run-fences.ts";
import { LayerSession, loadRuntime, startRuntime, type GraphBytes, type Runtime } from "./session.ts";
import { GpuTensorHome, WasmTensorHome, type TensorHome } from "./tensor-home.ts";
import { TokenTable } from "./token-table.ts";
import { placedLayerBytes } from "./layer-files.ts";
import { openWeights, streamSlots, type WeightStore } from "./weights.ts";

/** What is to run and on what, before anything large is read. */
export interface ExecutionChoice {
  readonly execution: Execution;
  readonly reason: string;
  readonly adapter: AdapterFacts | null;
  readonly gpuAdapter: GPUAdapter | null;
  /** Whether a safer execution is left should this one fail its self-check. */
  readonly saferLeft: boolean;
}

/** What the caller wants to run on. */
export interface ExecutionWish {
  readonly device: DeviceChoice;
  readonly activations: Activations;
  /** The GPU process has crashed just before: a missing adapter is asked for twice. @default false */
  readonly afterCrash?: boolean;
}

/**
 * Picks the best execution that this machine allows and that has not failed its self-check before.
 *
 * @throws {EmbedError} `webgpu-unavailable` when WebGPU is demanded and missing.
 */
export async function chooseExecution(
  wish: ExecutionWish,
  gpu: GpuEntry,
  failedChecks: readonly SelfCheckResult[],
): Promise<ExecutionChoice> {
  const { adapter: gpuAdapter, missing } =
    wish.device === "wasm" ? { adapter: null, missing: "" } : await findAdapter(gpu, wish);
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

export interface EngineOptions extends ReadOptions {
  /** Layers to keep on the GPU; the others are streamed. @default all */
  readonly residentLayers?: number;
  /** How many bytes of pass buffers may lie idle until `trim`. @default POOL_BYTES */
  readonly poolBytes?: number;
  /** Told of each run's start and end on the device. */
  readonly onRun?: (event: RunEvent) => void;
}

/** A pack on a device, ready to run passes. */
export interface Engine {
  readonly stack: LayerStack;
  readonly weights: WeightStore;
  /** Bytes of one layer as placed. */
  readonly layerBytes: number;
  readonly bits: WeightBits;
  readonly device: DeviceStatus;
  /** Of ONNX Runtime. */
  readonly runtimeVersion: string;
  readonly gauge: Gauge;
  /** Resolves with what ended the engine for good: `device-lost`, on WASM `worker-crashed`. */
  readonly failed: Promise<EmbedError>;
  readonly timings: Pick<LoadTimings, "deviceMs" | "runtimeMs" | "sessionMs" | "weightsMs">;
  /**
   * Resolves when another run may be handed to the device. Whoever grants turns waits for it before picking whose turn
   * it is: then at most two runs are ahead of the most urgent one.
   */
  ready(): Promise<void>;
  /**
   * The same model in f32 on the same device, for rows that came out not finite in f16; opened at the first call and
   * the first after `releaseSafer`, with all layers streamed. Its layers' files are fetched as its passes come to them.
   * `null` when this engine runs in f32.
   *
   * @param exclusive - The lock of the runs: ONNX Runtime must not run while it makes a session.
   * @throws {EmbedError} What reading throws, `out-of-memory`, `device-lost`, `aborted`; the next call tries again.
   */
  safer(exclusive: Exclusive, signal?: AbortSignal): Promise<LayerStack | null>;
  /** GPU bytes of the weights that the stack of `safer` holds while it is open: `saferWeightBytes`. */
  readonly saferBytes: number;
  /** Frees the GPU memory of the stack of `safer`, if it is open. Not while one of its passes is under way. */
  releaseSafer(): void;
  /** Frees the buffers that passes left for the next: for when no work is waiting. */
  trim(): void;
  release(): void;
}

type Exclusive = <T>(run: () => Promise<T>) => Promise<T>;

/**
 * Opens the device, creates the layer session and places the weights; the last two at once.
 *
 * @throws {EmbedError} What reading throws, `webgpu-unavailable`, `out-of-memory`, `device-lost`; nothing stays open then.
 */
export async function openEngine(
  pack: PackReader,
  choice: ExecutionChoice,
  options: EngineOptions = {},
): Promise<Engine> {
  const { execution, gpuAdapter } = choice;
  const { value: runtime, ms: importMs } = await timed(() => loadRuntime(execution.kind));
  const started = performance.now();
  const device = execution.kind === "webgpu" && gpuAdapter ? await openDevice(gpuAdapter, execution) : null;
  const gauge = device ? attachGauge(device) : NO_GAUGE;
  const deviceMs = performance.now() - started;
  const pool = device && new BufferPool(device, options.poolBytes ?? POOL_BYTES);
  const fences = new RunFences({ onRun: options.onRun });
  const base: EngineBase = { pack, runtime, gpu: device && pool && { device, pool }, fences };
  try {
    const { sessionMs, weightsMs, runtimeMs, ...parts } = await loadParts(base, execution.activations, options);
    const main = openStack(base, parts);
    const safer = new SaferStack(base, parts);
    const failed = Promise.race([main.failed, safer.failed]);
    void failed.then(() => fences.close());
    return {
      stack: main.stack,
      weights: parts.weights,
      layerBytes: parts.weights.layerBytes,
      bits: pack.manifest.quantization.bits,
      gauge,
      device: { ...execution, reason: choice.reason, adapter: choice.adapter, build: runtime.build },
      runtimeVersion: runtime.ort.env.versions.common,
      failed,
      timings: { deviceMs, runtimeMs: importMs + runtimeMs, sessionMs, weightsMs },
      ready: () => fences.ready(),
      safer: async (exclusive, signal) => (execution.activations === "f16" ? safer.open(exclusive, signal) : null),
      saferBytes: saferWeightBytes(pack.manifest, execution.activations),
      releaseSafer: () => safer.close(),
      trim: () => pool?.trim(),
      release: () => {
        main.release();
        safer.release();
        pool?.trim();
        device?.destroy();
      },
    };
  } catch (error) {
    device?.destroy();
    throw error;
  }
}

/** GPU bytes of the slots in which `Engine.safer` streams its f32 layers beside those of an f16 engine; else 0. */
export function saferWeightBytes(manifest: PackManifest, activations: Activations): number {
  if (activations === "f32") return 0;
  return streamSlots(manifest.architecture.num_hidden_layers, 0) * placedLayerBytes(manifest, "f32");
}

/** What all stacks of a device share. */
interface EngineBase {
  readonly pack: PackReader;
  readonly runtime: Runtime;
  /** `null` on WASM. */
  readonly gpu: { readonly device: GPUDevice; readonly pool: BufferPool } | null;
  readonly fences: RunFences;
}

/** What a stack has for itself, and the token table. */
interface StackParts {
  readonly session: LayerSession;
  readonly home: TensorHome;
  readonly weights: WeightStore;
  readonly tokens: TokenTable;
}

interface OpenStack {
  readonly stack: LayerStack;
  readonly failed: Promise<EmbedError>;
  release(): void;
}

function openStack({ pack, runtime, fences }: EngineBase, parts: StackParts): OpenStack {
  const stack = new LayerStack({ architecture: pack.manifest.architecture, runtime, fences, ...parts });
  return {
    stack,
    failed: parts.session.condemned,
    release: () => {
      stack.release();
      parts.session.release().catch(() => undefined);
    },
  };
}

function openHome({ runtime, gpu }: EngineBase, manifest: PackManifest, activations: Activations): TensorHome {
  const { architecture } = manifest;
  if (!gpu) return new WasmTensorHome(runtime, architecture);
  return new GpuTensorHome(gpu, runtime, { activations, architecture });
}

async function loadParts(
  base: EngineBase,
  activations: Activations,
  options: EngineOptions,
): Promise<StackParts & { readonly runtimeMs: number; readonly sessionMs: number; readonly weightsMs: number }> {
  const { pack, runtime, gpu } = base;
  const home = openHome(base, pack.manifest, activations);
  const start = timed(() => startRuntime(runtime));
  const graphs = readGraphs(pack, activations, options);
  const [started, session, weights, tokens] = await Promise.all([
    start,
    Promise.all([graphs, start]).then(([bytes]) =>
      timed(() => LayerSession.create(runtime, bytes, gpu?.device ?? null)),
    ),
    timed(() => openWeights(pack, home, options)),
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

async function readGraphs(pack: PackReader, activations: Activations, options: ReadOptions): Promise<GraphBytes> {
  const names = pack.manifest.graphs[activations];
  const [whole, sliced] = await Promise.all([
    pack.readFile(names.whole, options),
    pack.readFile(names.sliced, options),
  ]);
  return { whole, sliced };
}

/** The f32 stack beside an f16 one, opened when it is first needed. */
class SaferStack {
  readonly #base: EngineBase;
  readonly #main: StackParts;
  #opening: Promise<LayerStack> | null = null;
  #stack: LayerStack | null = null;
  /** Stays when the stack is closed: it holds no weights, and releasing it could overlap a run. */
  #session: LayerSession | null = null;
  #released = false;
  /** Resolves with what ended the stack for good. */
  readonly failed: Promise<EmbedError>;
  #fail: (error: EmbedError) => void = () => undefined;

  constructor(base: EngineBase, main: StackParts) {
    this.#base = base;
    this.#main = main;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  async open(exclusive: Exclusive, signal: AbortSignal | undefined): Promise<LayerStack> {
    for (;;) {
      const opening = (this.#opening ??= this.#open(exclusive, signal));
      try {
        return await opening;
      } catch (error) {
        if (this.#opening === opening) this.#opening = null;
        // It may have been another caller's signal.
        const aborted = error instanceof EmbedError && error.code === "aborted";
        if (!aborted || signal?.aborted || this.#released) throw error;
      }
    }
  }

  close(): void {
    if (!this.#stack) return;
    this.#stack.release();
    this.#stack = null;
    this.#opening = null;
  }

  release(): void {
    this.#released = true;
    const free = (): void => {
      this.close();
      this.#session?.release().catch(() => undefined);
    };
    void Promise.resolve(this.#opening).then(free, free);
  }

  async #open(exclusive: Exclusive, signal: AbortSignal | undefined): Promise<LayerStack> {
    const { pack, runtime, fences } = this.#base;
    const { architecture } = pack.manifest;
    const home = openHome(this.#base, pack.manifest, "f32");
    const { files } = this.#main.weights;
    const reading = signal ? { signal } : {};
    const weights = await openWeights(pack, home, { ...reading, residentLayers: 0, files });
    try {
      const session = (this.#session ??= await this.#createSession(exclusive, reading));
      const { tokens } = this.#main;
      return (this.#stack = new LayerStack({ architecture, runtime, fences, session, home, weights, tokens }));
    } catch (error) {
      weights.release();
      throw error;
    }
  }

  async #createSession(exclusive: Exclusive, reading: ReadOptions): Promise<LayerSession> {
    const { pack, runtime, gpu } = this.#base;
    const graphs = await readGraphs(pack, "f32", reading);
    return exclusive(async () => {
      if (this.#released) throw new EmbedError("disposed", "the engine has been released");
      const session = await LayerSession.create(runtime, graphs, gpu!.device);
      void session.condemned.then((error) => this.#fail(error));
      return session;
    });
  }
}

async function timed<T>(task: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const started = performance.now();
  const value = await task();
  return { value, ms: performance.now() - started };
}
