/** @file How much GPU memory is in use and for what: counts every buffer created on our device, ONNX Runtime's included. */
import type { VramBytes, VramUse } from "../types.ts";

export interface Gauge {
  readonly liveBytes: number;
  readonly peakBytes: number;
  /** As of now, by use. */
  readonly live: VramBytes;
  /** Largest of each use, at moments of their own. */
  readonly peak: VramBytes;
  /** From here on the peaks are those of what comes. */
  resetPeak(): void;
}

/** No bytes at all. */
export const NO_VRAM: VramBytes = { weights: 0, tables: 0, hidden: 0, indices: 0, kv: 0, readback: 0, runtime: 0 };

/** The gauge where there is no GPU. */
export const NO_GAUGE: Gauge = {
  liveBytes: 0,
  peakBytes: 0,
  live: NO_VRAM,
  peak: NO_VRAM,
  resetPeak: () => undefined,
};

/**
 * Counts bytes by wrapping `createBuffer` and each buffer's `destroy` on this device. ONNX Runtime allocates through
 * the device that it is given, so nothing escapes; buffers that are dropped without `destroy` stay counted. A buffer
 * counts as what its label says, and as `runtime` where that is no `VramUse`.
 *
 * What is destroyed while submitted work still uses it is freed by the browser when that work is done; it counts as
 * freed at once.
 */
export function attachGauge(device: GPUDevice): Gauge {
  const tally = new Tally();
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    const use = useOf(descriptor.label);
    tally.add(use, buffer.size);
    const destroy = buffer.destroy.bind(buffer);
    let live = true;
    buffer.destroy = () => {
      if (live) tally.add(use, -buffer.size);
      live = false;
      return destroy();
    };
    return buffer;
  };
  return tally;
}

function useOf(label: string | undefined): VramUse {
  return label !== undefined && Object.hasOwn(NO_VRAM, label) ? (label as VramUse) : "runtime";
}

class Tally implements Gauge {
  liveBytes = 0;
  peakBytes = 0;
  readonly #live: Record<VramUse, number> = { ...NO_VRAM };
  readonly #peak: Record<VramUse, number> = { ...NO_VRAM };

  get live(): VramBytes {
    return { ...this.#live };
  }

  get peak(): VramBytes {
    return { ...this.#peak };
  }

  add(use: VramUse, bytes: number): void {
    this.liveBytes += bytes;
    this.#live[use] += bytes;
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes);
    this.#peak[use] = Math.max(this.#peak[use], this.#live[use]);
  }

  resetPeak(): void {
    this.peakBytes = this.liveBytes;
    Object.assign(this.#peak, this.#live);
  }
}
