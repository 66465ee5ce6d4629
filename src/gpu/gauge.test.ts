import { describe, expect, it } from "vitest";
import { attachGauge, NO_VRAM } from "./gauge.ts";

/** As much of a device as the gauge touches. */
function fakeDevice(): GPUDevice {
  const createBuffer = ({ size, label = "" }: GPUBufferDescriptor) => ({ size, label, destroy: () => undefined });
  return { createBuffer } as unknown as GPUDevice;
}

describe("attachGauge", () => {
  it("counts buffers by their labels, and as runtime what has no label of ours", () => {
    const device = fakeDevice();
    const gauge = attachGauge(device);
    device.createBuffer({ size: 100, usage: 128, label: "weights" });
    device.createBuffer({ size: 20, usage: 128, label: "kv" });
    device.createBuffer({ size: 7, usage: 128 });
    device.createBuffer({ size: 5, usage: 128, label: "toString" });
    expect(gauge.live).toEqual({ ...NO_VRAM, weights: 100, kv: 20, runtime: 12 });
    expect(gauge.liveBytes).toBe(132);
  });

  it("counts a buffer that is mapped at creation, at the size it got", () => {
    const device = fakeDevice();
    device.createBuffer = ({ size }) => ({ size: size + 1, destroy: () => undefined }) as unknown as GPUBuffer;
    const gauge = attachGauge(device);
    device.createBuffer({ size: 31, usage: 6, mappedAtCreation: true });
    expect(gauge.live.runtime).toBe(32);
  });

  it("takes a destroyed buffer off once", () => {
    const device = fakeDevice();
    const gauge = attachGauge(device);
    const kept = device.createBuffer({ size: 8, usage: 128, label: "hidden" });
    const buffer = device.createBuffer({ size: 40, usage: 128, label: "hidden" });
    buffer.destroy();
    buffer.destroy();
    expect(gauge.liveBytes).toBe(8);
    kept.destroy();
    expect(gauge.live).toEqual(NO_VRAM);
  });

  it("keeps the highest of each use and of the sum, until the peaks are reset", () => {
    const device = fakeDevice();
    const gauge = attachGauge(device);
    device.createBuffer({ size: 30, usage: 128, label: "indices" }).destroy();
    device.createBuffer({ size: 20, usage: 128, label: "tables" });
    expect(gauge.peak).toEqual({ ...NO_VRAM, indices: 30, tables: 20 });
    expect(gauge.peakBytes).toBe(30);
    gauge.resetPeak();
    expect(gauge.peak).toEqual({ ...NO_VRAM, tables: 20 });
    expect(gauge.peakBytes).toBe(20);
  });

  it("counts nothing when the device throws", () => {
    const device = fakeDevice();
    device.createBuffer = () => {
      throw new RangeError("mapped buffer too large");
    };
    const gauge = attachGauge(device);
    expect(() => device.createBuffer({ size: 8, usage: 128 })).toThrow(RangeError);
    expect(gauge.liveBytes).toBe(0);
  });

  it("hands out values that later buffers leave alone", () => {
    const device = fakeDevice();
    const gauge = attachGauge(device);
    const { live, peak } = gauge;
    device.createBuffer({ size: 8, usage: 128 });
    expect([live, peak]).toEqual([NO_VRAM, NO_VRAM]);
  });
});
