/** @file How much GPU memory is in use: counts every buffer created on our device, ONNX Runtime's included. */

export interface Gauge {
  readonly liveBytes: number;
  readonly peakBytes: number;
}

/**
 * Counts bytes by wrapping `createBuffer` and each buffer's `destroy` on this device. ONNX Runtime allocates through
 * the device that it is given, so nothing escapes; buffers that are dropped without `destroy` stay counted.
 */
export function attachGauge(device: GPUDevice): Gauge {
  const gauge = { liveBytes: 0, peakBytes: 0 };
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    gauge.liveBytes += buffer.size;
    gauge.peakBytes = Math.max(gauge.peakBytes, gauge.liveBytes);
    const destroy = buffer.destroy.bind(buffer);
    let live = true;
    buffer.destroy = () => {
      if (live) gauge.liveBytes -= buffer.size;
      live = false;
      return destroy();
    };
    return buffer;
  };
  return gauge;
}
