/** @file The one door to ONNX Runtime: picks its build, creates the layer session, runs it one run at a time. */
import type * as OrtModule from "onnxruntime-web";
import { EmbedError, assert } from "../errors.ts";
import type { LayerGraphs } from "../pack.ts";
import type { DeviceStatus, Execution } from "../types.ts";

export type Ort = typeof OrtModule;
export type Tensor = OrtModule.Tensor;
/** Tensors by the layer graph's input or output names. */
export type Tensors = Readonly<Record<string, Tensor>>;
/** Where each output goes: into a given tensor, or (`null`) into a new one. */
export type Fetches = Readonly<Record<string, Tensor | null>>;

/** A loaded build of ONNX Runtime; tensors and sessions must come from the same one. */
export interface Runtime {
  readonly ort: Ort;
  readonly build: DeviceStatus["build"];
}

/**
 * How long after a failed run the browser is given to say that the device is lost. The two reports are unordered;
 * they were at most 300 ms apart when measured.
 */
const LOSS_REPORT_MS = 500;

/** How ONNX Runtime, its C++ and browsers say that memory is short, or that a buffer was never there for want of it. */
const OUT_OF_MEMORY =
  /out of memory|bad_alloc|failed to allocate|allocation failed|exceeds the max buffer size|invalid buffer/i;

/**
 * The smallest build that can do it: plain WASM where no GPU is used, JSPI where the browser has it (16.8 MB instead
 * of 26.8 MB, and no frozen worker after a device loss), else asyncify.
 */
export async function loadRuntime(kind: Execution["kind"]): Promise<Runtime> {
  const build = kind === "wasm" ? "wasm" : "Suspending" in WebAssembly ? "jspi" : "asyncify";
  try {
    const ort = await importBuild(build);
    // Threads need a cross-origin isolated page and gained nothing at nano's sizes on two cores.
    ort.env.wasm.numThreads = 1;
    ort.env.logLevel = "error";
    return { ort, build };
  } catch (cause) {
    throw new EmbedError("model-fetch-failed", `ONNX Runtime (${build}) could not be loaded: ${String(cause)}`, {
      cause,
    });
  }
}

/** The smallest graph, one `Identity`: creating its session fetches, compiles and starts ONNX Runtime and nothing else. */
const IDENTITY_GRAPH = "CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCBAoAEBE=";

/**
 * Fetches, compiles and starts ONNX Runtime's WebAssembly, so that this is told apart from creating a session.
 *
 * @throws {EmbedError} `model-fetch-failed` when its files cannot be fetched or compiled.
 */
export async function startRuntime({ ort, build }: Runtime): Promise<void> {
  try {
    const graph = Uint8Array.from(atob(IDENTITY_GRAPH), (character) => character.charCodeAt(0));
    const session = await ort.InferenceSession.create(graph, { executionProviders: ["wasm"] });
    await session.release();
  } catch (cause) {
    throw new EmbedError("model-fetch-failed", `ONNX Runtime (${build}) could not start: ${String(cause)}`, { cause });
  }
}

function importBuild(build: DeviceStatus["build"]): Promise<Ort> {
  if (build === "wasm") return import("onnxruntime-web/wasm");
  return build === "jspi" ? import("onnxruntime-web/jspi") : import("onnxruntime-web/webgpu");
}

/** A run that was handed to the device. */
export interface LayerRun {
  readonly outputs: Tensors;
  /** Resolves when the device is done, with the error if memory ran short; never rejects. `null`: done already. */
  readonly settled: Promise<EmbedError | null> | null;
}

/** Which graph of a layer runs: `LayerGraphs` in pack.ts says what each is for. */
export type GraphName = keyof LayerGraphs;

/** Bytes of the graphs. */
export type GraphBytes = Readonly<Record<GraphName, ArrayBuffer>>;

/**
 * The sessions of the layer graphs, as one: that for slices is made when it is first needed. Two overlapping runs freeze
 * ONNX Runtime for good, so they are refused.
 */
export class LayerSession {
  readonly #runtime: Runtime;
  readonly #graphs: GraphBytes;
  readonly #device: GPUDevice | null;
  /**
   * None after a run without enough memory: the next run makes a new one. On the old one it would trap:
   * ONNX Runtime 1.30.0 then binds buffers that it has let go. Delete this when layers.browser.test.ts passes without.
   */
  readonly #sessions = new Map<GraphName, OrtModule.InferenceSession>();
  #running = false;
  #condemned: EmbedError | null = null;
  /** Rejects the run under way: ONNX Runtime may never settle it once the device is gone. */
  #abandon: (error: EmbedError) => void = () => undefined;
  /** Resolves with the error that ended this session for good. */
  readonly condemned: Promise<EmbedError>;
  #resolveCondemned: (error: EmbedError) => void = () => undefined;

  private constructor(runtime: Runtime, graphs: GraphBytes, device: GPUDevice | null) {
    this.#runtime = runtime;
    this.#graphs = graphs;
    this.#device = device;
    this.condemned = new Promise((resolve) => {
      this.#resolveCondemned = resolve;
    });
    void device?.lost.then((lost) => this.#condemn(lossError(lost)));
  }

  /**
   * Not while a run is under way.
   *
   * @param device - Ours, with the gauge attached; `null` runs on WASM.
   * @throws {EmbedError} `model-corrupt` when ONNX Runtime rejects the graph, `out-of-memory`, `device-lost`.
   */
  static async create(runtime: Runtime, graphs: GraphBytes, device: GPUDevice | null): Promise<LayerSession> {
    const session = new LayerSession(runtime, graphs, device);
    await session.#usable("whole");
    return session;
  }

  /**
   * One layer over one chunk.
   *
   * @throws {EmbedError} `out-of-memory`; else `device-lost` (WASM: `worker-crashed`), and so does every later run.
   */
  async run(graph: GraphName, feeds: Tensors, fetches: Fetches): Promise<LayerRun> {
    if (this.#condemned) throw this.#condemned;
    assert(!this.#running, "two ONNX Runtime runs overlap");
    this.#running = true;
    const abandoned = new Promise<never>((_, reject) => {
      this.#abandon = reject;
    });
    const { value, error, shortage } = await Promise.race([
      scoped(this.#device, () => this.#usable(graph).then((session) => session.run(feeds, fetches))).finally(() => {
        this.#running = false;
      }),
      abandoned,
    ]);
    if (!value) {
      const failure = (await shortage) ?? (await this.#explain(error));
      if (failure.code === "out-of-memory") await this.#discard(graph);
      throw failure;
    }
    const done = this.#device?.queue.onSubmittedWorkDone().catch(() => undefined);
    return { outputs: value, settled: done ? done.then(() => shortage) : null };
  }

  async #usable(name: GraphName): Promise<OrtModule.InferenceSession> {
    const made = this.#sessions.get(name);
    if (made) return made;
    const session = await createSession({ runtime: this.#runtime, graph: this.#graphs[name], device: this.#device });
    this.#sessions.set(name, session);
    return session;
  }

  async #discard(name: GraphName): Promise<void> {
    const session = this.#sessions.get(name);
    this.#sessions.delete(name);
    await session?.release().catch(() => undefined);
  }

  /** A second run on a dead session freezes the asyncify build: the first failure that is not for want of memory ends it. */
  async #explain(cause: unknown): Promise<EmbedError> {
    // A trap leaves ONNX Runtime's heap as it was at that moment: nothing after it can be trusted.
    const trapped = cause instanceof WebAssembly.RuntimeError;
    if (!trapped && OUT_OF_MEMORY.test(String(cause))) return shortageError(String(cause), { cause });
    const lost = this.#device && (await lossOf(this.#device));
    const code = this.#device ? "device-lost" : "worker-crashed";
    return this.#condemn(lost ? lossError(lost) : new EmbedError(code, `a run failed: ${String(cause)}`, { cause }));
  }

  #condemn(error: EmbedError): EmbedError {
    this.#condemned ??= error;
    this.#resolveCondemned(this.#condemned);
    this.#abandon(this.#condemned);
    return this.#condemned;
  }

  /** Not while a run is under way: two calls at once freeze ONNX Runtime, and then the worker ends anyway. */
  async release(): Promise<void> {
    if (this.#running || this.#condemned) return;
    for (const name of [...this.#sessions.keys()]) await this.#discard(name);
  }
}

interface SessionSource {
  readonly runtime: Runtime;
  readonly graph: ArrayBuffer;
  readonly device: GPUDevice | null;
}

async function createSession({ runtime, graph, device }: SessionSource): Promise<OrtModule.InferenceSession> {
  const provider: OrtModule.InferenceSession.ExecutionProviderConfig = device
    ? // lazyRelease: scratch goes back after each run; "bucket" keeps the largest shape seen for good.
      { name: "webgpu", device, storageBufferCacheMode: "lazyRelease" }
    : { name: "wasm" };
  const creating = scoped(device, () =>
    runtime.ort.InferenceSession.create(new Uint8Array(graph), {
      executionProviders: [provider],
      ...(device ? { preferredOutputLocation: "gpu-buffer" as const } : {}),
    }),
  );
  const { value, error: cause, shortage } = await Promise.race([creating, ...(device ? [rejectWhenLost(device)] : [])]);
  const short = await shortage;
  if (value && !short) return value;
  // An allocation that failed while a session was made does not fail the making.
  await value?.release().catch(() => undefined);
  if (short) throw short;
  if (OUT_OF_MEMORY.test(String(cause))) throw shortageError(String(cause), { cause });
  const lost = device && (await lossOf(device));
  if (lost) throw lossError(lost);
  throw new EmbedError("model-corrupt", `ONNX Runtime rejects the layer graph: ${String(cause)}`, { cause });
}

/**
 * Runs a task of ONNX Runtime in an error scope of its own: a driver that has no memory left says so there, and what
 * ONNX Runtime makes of it is a validation error or nothing. Scopes nest, and other code opens and closes its own in one go.
 */
async function scoped<T>(
  device: GPUDevice | null,
  task: () => Promise<T>,
): Promise<{ readonly value?: T; readonly error?: unknown; readonly shortage: Promise<EmbedError | null> }> {
  device?.pushErrorScope("out-of-memory");
  const outcome = await task().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  const popped = device?.popErrorScope().catch(() => null) ?? Promise.resolve(null);
  return { ...outcome, shortage: popped.then((error) => error && shortageError(error.message)) };
}

function shortageError(message: string, options: { readonly cause?: unknown } = {}): EmbedError {
  return new EmbedError("out-of-memory", `a run did not fit into memory: ${message}`, options);
}

/** @param info - What the browser says; `reason` is "destroyed" or "unknown". */
function lossError({ reason, message }: GPUDeviceLostInfo): EmbedError {
  return new EmbedError("device-lost", `the GPU device was lost (${reason}): ${message}`, { details: { reason } });
}

async function rejectWhenLost(device: GPUDevice): Promise<never> {
  throw lossError(await device.lost);
}

/** Why the device was lost, or `null` when it was not, as far as the browser says in time. */
async function lossOf(device: GPUDevice): Promise<GPUDeviceLostInfo | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const nothingSaid = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), LOSS_REPORT_MS);
  });
  const lost = await Promise.race([device.lost, nothingSaid]);
  clearTimeout(timer);
  return lost;
}
