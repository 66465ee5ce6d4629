/** @file WebGPU under Node: Dawn by the `webgpu` package, and what ONNX Runtime's web build expects of a browser. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { attachGauge, NO_GAUGE, type Gauge } from "../../src/gpu/gauge.ts";

/**
 * What a Chromium would be started with: without it Dawn hides `shader-f16` on Linux with an NVIDIA GPU, where
 * drivers have had no known fault with it for years.
 */
const DAWN_OPTIONS = ["enable-dawn-features=vulkan_enable_f16_on_nvidia"];

/** By a variable, so that neither TypeScript nor bundlers ask for a package that only this command installs. */
const PACKAGE: string = "webgpu";

interface DawnModule {
  readonly create: (options: readonly string[]) => GPU;
  readonly globals: Readonly<Record<string, unknown>> & {
    readonly GPUQueue: { readonly prototype: { writeBuffer: GPUQueue["writeBuffer"] } };
    readonly GPUAdapter: { readonly prototype: { requestDevice: GPUAdapter["requestDevice"] } };
  };
}

export interface Dawn {
  readonly gpu: GPU;
  /** Counts the buffers of the device that was opened last, whoever opened it. */
  readonly gauge: Gauge;
}

/** There is no WebGPU to be had, and why. */
export class NoWebGpu extends Error {
  override readonly name = "NoWebGpu";
  /** `package`: it is not installed. `adapter`: Dawn found no device. */
  readonly missing: "package" | "adapter";

  constructor(missing: NoWebGpu["missing"], message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.missing = missing;
  }
}

/** One for the whole process: the entry of Dawn must outlive its devices, and globals are set once. */
let opened: Promise<Dawn> | null = null;

/**
 * Dawn's `navigator.gpu`, set up so that ONNX Runtime and our own code find what they look for in a browser.
 * The Vulkan driver is the system's; `VK_ICD_FILENAMES` names another one.
 *
 * @throws {NoWebGpu} When the package is not installed.
 */
export function openDawn(): Promise<Dawn> {
  return (opened ??= load());
}

/**
 * @throws {NoWebGpu} When Dawn finds no adapter: no driver, or one that it refuses.
 */
export async function requireAdapter({ gpu }: Dawn): Promise<GPUAdapter> {
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter) return adapter;
  const driver = process.env["VK_ICD_FILENAMES"];
  const message = driver
    ? `Dawn finds no WebGPU adapter with VK_ICD_FILENAMES=${driver}`
    : "Dawn finds no WebGPU adapter: install a Vulkan driver, or name one in VK_ICD_FILENAMES";
  throw new NoWebGpu("adapter", message);
}

/** Of the `webgpu` package; `null` where it cannot be told. */
export function dawnVersion(): string | null {
  try {
    const path = join(createRequire(import.meta.url).resolve(PACKAGE), "..", "package.json");
    return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
  } catch {
    return null;
  }
}

async function load(): Promise<Dawn> {
  // Mesa's drivers complain, and some refuse, without it.
  process.env["XDG_RUNTIME_DIR"] ??= tmpdir();
  const { create, globals } = await importDawn();
  Object.assign(globalThis, globals);
  const gpu = create(DAWN_OPTIONS);
  const navigator = { gpu, hardwareConcurrency: cpus().length, userAgent: "node" };
  // Node 21 and later have a navigator of their own, without GPU.
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
  copySharedSources(globals.GPUQueue.prototype);
  const watch = watchDevices(globals.GPUAdapter.prototype);
  return {
    gpu,
    get gauge() {
      return watch.gauge;
    },
  };
}

/** Has a gauge attached to each device before anyone else sees it. */
function watchDevices(adapter: { requestDevice: GPUAdapter["requestDevice"] }): { readonly gauge: Gauge } {
  const watch = { gauge: NO_GAUGE };
  const request = adapter.requestDevice;
  adapter.requestDevice = async function (this: GPUAdapter, ...args) {
    const device = await request.apply(this, args);
    watch.gauge = attachGauge(device);
    return device;
  };
  return watch;
}

async function importDawn(): Promise<DawnModule> {
  try {
    return (await import(PACKAGE)) as DawnModule;
  } catch (cause) {
    throw new NoWebGpu("package", `the package webgpu cannot be loaded: ${String(cause)}`, { cause });
  }
}

/**
 * ONNX Runtime's memory is a SharedArrayBuffer, and webgpu 0.6.2 refuses to write from one. Delete this when
 * bench/node/dawn.test.ts passes without.
 */
function copySharedSources(queue: { writeBuffer: GPUQueue["writeBuffer"] }): void {
  const write = queue.writeBuffer as (this: unknown, ...args: unknown[]) => undefined;
  queue.writeBuffer = function (this: unknown, ...args: Parameters<GPUQueue["writeBuffer"]>) {
    const [buffer, bufferOffset, source, start = 0, size] = args;
    const memory = ArrayBuffer.isView(source) ? source.buffer : source;
    if (!(memory instanceof SharedArrayBuffer)) return write.apply(this, args);
    // Offsets into typed arrays count elements, as `subarray` does.
    const view = ArrayBuffer.isView(source) && !(source instanceof DataView) ? (source as Uint8Array) : bytesOf(source);
    const end = size === undefined ? view.length : start + size;
    return write.call(this, buffer, bufferOffset, view.slice(start, end));
  } as GPUQueue["writeBuffer"];
}

function bytesOf(source: ArrayBufferLike | ArrayBufferView): Uint8Array {
  if (!ArrayBuffer.isView(source)) return new Uint8Array(source);
  return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
}
