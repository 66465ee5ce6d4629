/**
 * @file Counts what a worker does to its GPUs, whatever library does it: buffers, readback, dispatches, submits. To be
 * imported before what opens a device.
 */
import { attachGauge, type Gauge } from "../../src/gpu/gauge.ts";
import { wasmBytes } from "../harness/wasm-memory.ts";
import type { Dispatches, GpuUsage } from "./contender.ts";

/** What the page may ask; see `probe-client.ts`. */
export type GpuQuestion =
  | { readonly kind: "gpu-usage"; readonly id: number }
  | { readonly kind: "gpu-dispatches"; readonly id: number; readonly dispatches: Dispatches };

/** With the question's kind and number. */
export interface GpuAnswer {
  readonly kind: GpuQuestion["kind"];
  readonly id: number;
  readonly usage: GpuUsage;
}

/** `GPUMapMode.READ`, which TypeScript's own types do not declare. */
const MAP_READ = 1;

/** Of devices that are not lost: with a device its buffers go. */
const gauges = new Set<Gauge>();
const counted = { peakBytes: 0, readBackBytes: 0, dispatches: 0, submits: 0 };
let dispatches: Dispatches = "run";

if ("GPUAdapter" in globalThis) {
  watchDevices();
  watchReadback();
  watchCommands();
}

addEventListener("message", (event: MessageEvent<Partial<GpuQuestion>>) => {
  const { data } = event;
  if (data.kind !== "gpu-usage" && data.kind !== "gpu-dispatches") return;
  event.stopImmediatePropagation();
  const { kind, id } = data as GpuQuestion;
  if (data.kind === "gpu-dispatches" && data.dispatches) dispatches = data.dispatches;
  const answer: GpuAnswer = { kind, id, usage: kind === "gpu-usage" ? takeUsage() : usage() };
  postMessage(answer);
});

function watchDevices(): void {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (this: GPUAdapter, descriptor) {
    const device = await requestDevice.call(this, descriptor);
    const gauge = attachGauge(device);
    gauges.add(gauge);
    void device.lost.then(() => gauges.delete(gauge));
    const { createBuffer } = device;
    device.createBuffer = (wanted) => {
      const buffer = createBuffer(wanted);
      // The peak of all devices together is none of the gauges' own.
      counted.peakBytes = Math.max(counted.peakBytes, liveBytes());
      return buffer;
    };
    return device;
  };
}

function watchReadback(): void {
  const { mapAsync } = GPUBuffer.prototype;
  GPUBuffer.prototype.mapAsync = function (this: GPUBuffer, ...range) {
    const [mode, offset = 0, size = this.size - offset] = range;
    if (mode & MAP_READ) counted.readBackBytes += size;
    return mapAsync.apply(this, range);
  };
}

function watchCommands(): void {
  const { dispatchWorkgroups, dispatchWorkgroupsIndirect } = GPUComputePassEncoder.prototype;
  GPUComputePassEncoder.prototype.dispatchWorkgroups = function (this: GPUComputePassEncoder, ...groups) {
    counted.dispatches++;
    if (dispatches === "run") dispatchWorkgroups.apply(this, groups);
  };
  GPUComputePassEncoder.prototype.dispatchWorkgroupsIndirect = function (this: GPUComputePassEncoder, ...groups) {
    counted.dispatches++;
    if (dispatches === "run") dispatchWorkgroupsIndirect.apply(this, groups);
  };
  const { submit } = GPUQueue.prototype;
  GPUQueue.prototype.submit = function (this: GPUQueue, buffers) {
    counted.submits++;
    submit.call(this, buffers);
  };
}

function liveBytes(): number {
  let bytes = 0;
  for (const gauge of gauges) bytes += gauge.liveBytes;
  return bytes;
}

function usage(): GpuUsage {
  return { ...counted, liveBytes: liveBytes(), wasmBytes: wasmBytes() };
}

/** Counting starts again. */
function takeUsage(): GpuUsage {
  const taken = usage();
  Object.assign(counted, { peakBytes: taken.liveBytes, readBackBytes: 0, dispatches: 0, submits: 0 });
  return taken;
}
