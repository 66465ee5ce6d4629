/** @file The adapter's peaks, off the page's thread: making the factors alone would hold it up. */
import { findAdapter, openDevice } from "../../src/gpu/device.ts";
import { measureCopy } from "../roofline/copy.ts";
import { measureMatmul } from "../roofline/matmul.ts";
import type { Peaks } from "./roofline-share.ts";

/** What the worker says, once. */
export type RooflineAnswer =
  { readonly peaks: Peaks; readonly failure: null } | { readonly peaks: null; readonly failure: string };

async function measurePeaks(): Promise<Peaks> {
  const { adapter, missing } = await findAdapter(navigator.gpu);
  if (!adapter) throw new Error(missing);
  const device = await openDevice(adapter, { kind: "webgpu", activations: "f32", subgroups: false });
  try {
    const f32 = await measureMatmul(device, { dtype: "f32" });
    const f16 = device.features.has("shader-f16") ? await measureMatmul(device, { dtype: "f16" }) : null;
    const { bytesPerSecond } = await measureCopy(device);
    return {
      f32FlopsPerSecond: f32.flopsPerSecond,
      f16FlopsPerSecond: f16?.flopsPerSecond ?? null,
      bytesPerSecond,
    };
  } finally {
    device.destroy();
  }
}

const answer = await measurePeaks().then(
  (peaks): RooflineAnswer => ({ peaks, failure: null }),
  (error: unknown): RooflineAnswer => ({ peaks: null, failure: String(error) }),
);
postMessage(answer);
