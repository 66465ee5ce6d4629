/** @file transformers.js in a worker, set up as its documentation says for Qwen3-Embedding; its GPU watched. */
import "./gpu-probe.ts";
import { env, pipeline, type FeatureExtractionPipeline } from "@huggingface/transformers";
import { expose, transfer } from "comlink";
// The build that transformers.js itself asks a CDN for, from where the page is.
import runtimeUrl from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url";
import wasmUrl from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url";
import { RAISED_LIMITS } from "../../src/gpu/device.ts";
import type { ContenderModel } from "./contender.ts";

/** What the page calls. */
export interface TransformersService {
  /** @returns Milliseconds by phase. */
  open(model: ContenderModel): Promise<Readonly<Record<string, number>>>;
  /** One call of the pipeline a batch. @returns `[texts, dimensions]`. */
  embed(texts: readonly string[], batchSize: number): Promise<{ vectors: Float32Array; dimensions: number }>;
}

let extractor: FeatureExtractionPipeline | undefined;

const service: TransformersService = {
  async open({ url, device, dtype, storage = "none", peerDevice = "own" }) {
    const started = performance.now();
    const { origin, pathname } = new URL(url);
    // As from the hub, with its cache, but from another host.
    env.remoteHost = `${origin}/`;
    env.remotePathTemplate = "{model}/";
    env.useBrowserCache = storage === "kept";
    env.useWasmCache = storage === "kept";
    const { wasm } = env.backends.onnx;
    if (!wasm) throw new Error("transformers.js has no WebAssembly backend here");
    wasm.wasmPaths = { mjs: new URL(runtimeUrl, location.href).href, wasm: new URL(wasmUrl, location.href).href };
    const safe = device === "webgpu" && peerDevice === "no-subgroups" ? await deviceWithoutSubgroups() : null;
    extractor = await pipeline("feature-extraction", pathname.replace(/^\/|\/$/g, ""), {
      device,
      dtype,
      ...(safe && { session_options: { executionProviders: [{ name: "webgpu", device: safe }] } }),
    });
    return { scriptMs: started, pipelineMs: performance.now() - started };
  },
  async embed(texts, batchSize) {
    if (!extractor) throw new Error("transformers.js: not opened");
    const rows: Float32Array[] = [];
    for (let first = 0; first < texts.length; first += batchSize) {
      const batch = texts.slice(first, first + batchSize);
      const { data } = await extractor(batch, { pooling: "last_token", normalize: true });
      rows.push(data as Float32Array);
    }
    const vectors = joined(rows);
    return transfer({ vectors, dimensions: vectors.length / texts.length }, [vectors.buffer]);
  },
};

/** Otherwise like the one that ONNX Runtime asks for: all limits, and the features that its kernels use. */
async function deviceWithoutSubgroups(): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error("transformers.js: no WebGPU adapter");
  const requiredFeatures = (["shader-f16", "timestamp-query"] as const).filter((name) => adapter.features.has(name));
  const limits = RAISED_LIMITS.map((name) => [name, adapter.limits[name]] as const);
  return adapter.requestDevice({ requiredFeatures, requiredLimits: Object.fromEntries(limits) });
}

/** Of its own buffer, which can be transferred. */
function joined(rows: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const all = new Float32Array(rows.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const row of rows) {
    all.set(row, end);
    end += row.length;
  }
  return all;
}

expose(service);
