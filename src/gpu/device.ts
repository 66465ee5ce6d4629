/** @file Which adapter there is, which executions it allows, and the device that we own. */
import { EmbedError } from "../errors.ts";
import type { Activations } from "../pack.ts";
import type { AdapterFacts, DeviceChoice, Execution } from "../types.ts";

/**
 * ONNX Runtime's flash attention is silently wrong on narrower subgroups (off by 0.04 to 0.38), and right on a device
 * without the feature; measured with 1.30.0 and 1.31.0-dev. A test in device-faults.browser.test.ts shows the fault:
 * delete this when that test no longer finds it.
 */
const SAFE_SUBGROUP_SIZE = 16;

/** Software rasterisers that browsers offer as adapters, not all of which report `isFallbackAdapter`. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;

/** Features that ONNX Runtime's kernels use where the device has them; `subgroups` is asked for separately. */
const USEFUL_FEATURES: readonly string[] = ["shader-f16", "timestamp-query", "chromium-experimental-subgroup-matrix"];

/** Limits that ONNX Runtime's kernels may need: as much as the adapter has, since the defaults are small. */
export const RAISED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** Where to look for an adapter: `navigator.gpu`, or `undefined` in a browser without WebGPU. */
export type GpuEntry = Pick<GPU, "requestAdapter"> | undefined;

/** The first `requestAdapter` after a crash of the GPU process may find none, the next one finds it: measured, Chromium 156. */
const ADAPTER_RETRY_MS = 500;

/**
 * The best adapter that the browser offers, or why there is none.
 *
 * @param options - `afterCrash`: a first answer of none is asked for once more, half a second later.
 */
export async function findAdapter(
  gpu: GpuEntry,
  options: { readonly afterCrash?: boolean } = {},
): Promise<{ adapter: GPUAdapter | null; missing: string }> {
  if (!gpu) return { adapter: null, missing: "this browser has no WebGPU" };
  const ask = (): Promise<GPUAdapter | null> => gpu.requestAdapter({ powerPreference: "high-performance" });
  try {
    let adapter = await ask();
    if (!adapter && options.afterCrash) {
      await new Promise((resolve) => setTimeout(resolve, ADAPTER_RETRY_MS));
      adapter = await ask();
    }
    return { adapter, missing: adapter ? "" : "the browser offers no WebGPU adapter" };
  } catch (cause) {
    return { adapter: null, missing: `asking for a WebGPU adapter failed: ${String(cause)}` };
  }
}

/** What an adapter is, as plain values. */
export function adapterFacts(adapter: GPUAdapter): AdapterFacts {
  const { info } = adapter;
  const subgroups = adapter.features.has("subgroups");
  const described = [info.architecture, info.device, info.description].join(" ");
  return {
    vendor: info.vendor,
    architecture: info.architecture,
    description: info.description || info.device,
    software: info.isFallbackAdapter || SOFTWARE.test(described),
    shaderF16: adapter.features.has("shader-f16"),
    subgroupMinSize: subgroups ? info.subgroupMinSize : null,
    maxBufferSize: adapter.limits.maxBufferSize,
  };
}

/** Ways to run on this machine, best first, each with why it is here. */
export interface Candidate {
  readonly execution: Execution;
  readonly reason: string;
}

/**
 * Orders the executions that the caller's wish and the adapter allow, from fastest to safest: f16 before f32, with
 * subgroups before without, WebGPU before WASM.
 *
 * @throws {EmbedError} `webgpu-unavailable` when WebGPU is demanded and there is none, or a GPU was lost and is not back.
 */
export function candidates(
  wish: {
    readonly device: DeviceChoice;
    readonly activations: Activations;
    readonly afterCrash?: boolean;
  },
  found: { readonly adapter: AdapterFacts | null; readonly missing: string },
): Candidate[] {
  const { adapter } = found;
  if (wish.device === "webgpu" && !adapter) {
    throw new EmbedError("webgpu-unavailable", `device "webgpu" was asked for, but ${found.missing}`, {
      details: { reason: found.missing },
    });
  }
  if (wish.device === "auto" && wish.afterCrash && (!adapter || adapter.software)) {
    // The GPU that was there may come back: whether to wait for it is for the page to say.
    const missing = adapter ? "the browser offers a software adapter only" : found.missing;
    throw new EmbedError("webgpu-unavailable", `the GPU did not come back: ${missing}`, {
      details: { reason: missing },
    });
  }
  const list: Candidate[] = [];
  if (adapter && (wish.device === "webgpu" || (wish.device === "auto" && !adapter.software))) {
    list.push(...gpuCandidates(wish, adapter));
  }
  if (wish.device !== "webgpu") list.push(wasmCandidate(wish, found));
  return list;
}

function gpuCandidates(
  wish: { readonly device: DeviceChoice; readonly activations: Activations },
  adapter: AdapterFacts,
) {
  const kind = adapter.software ? "software adapter, as asked for" : "hardware WebGPU adapter";
  const f16 = wish.activations === "f16" && adapter.shaderF16;
  const note = wish.activations === "f16" && !f16 ? "; f32, since the adapter has no shader-f16" : "";
  const wide = (adapter.subgroupMinSize ?? 0) >= SAFE_SUBGROUP_SIZE;
  const execution = (activations: Activations, subgroups: boolean): Candidate => ({
    execution: { kind: "webgpu", activations, subgroups },
    reason: kind + note,
  });
  return [
    ...(f16 && wide ? [execution("f16", true)] : []),
    ...(f16 ? [execution("f16", false)] : []),
    ...(!f16 && wide ? [execution("f32", true)] : []),
    execution("f32", false),
  ];
}

function wasmCandidate(
  wish: { readonly device: DeviceChoice; readonly activations: Activations },
  found: { readonly adapter: AdapterFacts | null; readonly missing: string },
): Candidate {
  const note = wish.activations === "f16" ? "; f32, since WebAssembly has no f16" : "";
  const execution = { kind: "wasm", activations: "f32", subgroups: false } as const;
  return { execution, reason: whyWasm(wish.device, found) + note };
}

function whyWasm(
  device: DeviceChoice,
  { adapter, missing }: { readonly adapter: AdapterFacts | null; readonly missing: string },
): string {
  if (device === "wasm") return "asked for";
  if (!adapter) return missing;
  if (adapter.software) return "the only WebGPU adapter is software, which is slower than WebAssembly";
  return "WebGPU did not pass its check";
}

/**
 * A device with all the limits and the useful features that the adapter offers.
 *
 * @throws {EmbedError} `webgpu-unavailable` when the browser refuses.
 */
export async function openDevice(adapter: GPUAdapter, execution: Execution): Promise<GPUDevice> {
  const features = [...USEFUL_FEATURES, ...(execution.subgroups ? ["subgroups"] : [])];
  const requiredFeatures = features.filter((name) => adapter.features.has(name)) as GPUFeatureName[];
  const requiredLimits = Object.fromEntries(RAISED_LIMITS.map((name) => [name, adapter.limits[name]]));
  try {
    const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
    // Safari has no `adapterInfo` on the device, and ONNX Runtime reads it.
    if (!("adapterInfo" in device)) Object.defineProperty(device, "adapterInfo", { value: adapter.info });
    return device;
  } catch (cause) {
    throw new EmbedError("webgpu-unavailable", `the browser refused a WebGPU device: ${String(cause)}`, { cause });
  }
}
