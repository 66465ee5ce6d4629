/** @file The one door to ONNX Runtime: picks its build, creates the layer session, runs it one run at a time. */
import type * as OrtModule from "onnxruntime-web";
import { EmbedError, assert } from "../errors.ts";
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

/** How ONNX Runtime, its C++ and browsers say that memory is short. */
const OUT_OF_MEMORY = /out of memory|bad_alloc|failed to allocate|allocation failed/i;

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

/** The session of the layer graph. Two overlapping runs freeze ONNX Runtime for good, so they are refused. */
export class LayerSession {
  readonly #session: OrtModule.InferenceSession;
  readonly #device: GPUDevice | null;
  #running = false;
  #condemned: EmbedError | null = null;
  /** Resolves with the error that ended this session for good. */
  readonly condemned: Promise<EmbedError>;
  #condemn: (error: EmbedError) => void = () => undefined;

  private constructor(session: OrtModule.InferenceSession, device: GPUDevice | null) {
    this.#session = session;
    this.#device = device;
    this.condemned = new Promise((resolve) => {
      this.#condemn = resolve;
    });
  }

  /**
   * @param graph - Bytes of `layer.f32.onnx` or `layer.f16.onnx`.
   * @param device - Ours, with the gauge attached; `null` runs on WASM.
   * @throws {EmbedError} `model-corrupt` when ONNX Runtime rejects the graph.
   */
  static async create(runtime: Runtime, graph: ArrayBuffer, device: GPUDevice | null): Promise<LayerSession> {
    const provider: OrtModule.InferenceSession.ExecutionProviderConfig = device
      ? // lazyRelease: scratch goes back after each run; "bucket" keeps the largest shape seen for good.
        { name: "webgpu", device, storageBufferCacheMode: "lazyRelease" }
      : { name: "wasm" };
    try {
      const session = await runtime.ort.InferenceSession.create(new Uint8Array(graph), {
        executionProviders: [provider],
        ...(device ? { preferredOutputLocation: "gpu-buffer" as const } : {}),
      });
      return new LayerSession(session, device);
    } catch (cause) {
      throw new EmbedError("model-corrupt", `ONNX Runtime rejects the layer graph: ${String(cause)}`, { cause });
    }
  }

  /**
   * One layer over one chunk.
   *
   * @throws {EmbedError} `out-of-memory`; else `device-lost` (WASM: `worker-crashed`), and so does every later run.
   */
  async run(feeds: Tensors, fetches: Fetches): Promise<Tensors> {
    if (this.#condemned) throw this.#condemned;
    assert(!this.#running, "two ONNX Runtime runs overlap");
    this.#running = true;
    try {
      return await this.#session.run(feeds, fetches);
    } catch (cause) {
      throw await this.#explain(cause);
    } finally {
      this.#running = false;
    }
  }

  /** A second run on a dead session freezes the asyncify build: the first failure that is not for want of memory ends it. */
  async #explain(cause: unknown): Promise<EmbedError> {
    const lost = await this.#loss();
    // A trap leaves ONNX Runtime's heap as it was at that moment: nothing after it can be trusted.
    const trapped = cause instanceof WebAssembly.RuntimeError;
    if (!lost && !trapped && OUT_OF_MEMORY.test(String(cause))) {
      return new EmbedError("out-of-memory", `a run did not fit into memory: ${String(cause)}`, { cause });
    }
    const why = lost ? `the GPU device was lost (${lost.reason}): ${lost.message}` : `a run failed: ${String(cause)}`;
    this.#condemned = new EmbedError(this.#device ? "device-lost" : "worker-crashed", why, { cause });
    this.#condemn(this.#condemned);
    return this.#condemned;
  }

  async #loss(): Promise<GPUDeviceLostInfo | null> {
    if (!this.#device) return null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const nothingSaid = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), LOSS_REPORT_MS);
    });
    const lost = await Promise.race([this.#device.lost, nothingSaid]);
    clearTimeout(timer);
    return lost;
  }

  /** Not while a run is under way: two calls at once freeze ONNX Runtime, and then the worker ends anyway. */
  async release(): Promise<void> {
    if (!this.#running && !this.#condemned) await this.#session.release();
  }
}
