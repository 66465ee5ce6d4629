/** @file Choices that need no GPU. */
import { describe, expect, it, vi } from "vitest";
import { EmbedError } from "../../errors.ts";
import { chooseScan } from "./choose.ts";
import { createView, type VectorView } from "./views.ts";

const QUERY = Float32Array.of(1, 1, 1, 1);

function viewOf(rows: number, precision: "float32" | "int8" = "float32"): VectorView {
  const view = createView(precision, 4);
  view.append(new Float32Array(4 * rows).fill(0.5), 4);
  return view;
}

/** Long enough that it takes more than 5 ms anywhere. */
const large = viewOf(1_500_000);

describe("chooseScan", () => {
  it("does not try WebGPU where the scan here is fast", async () => {
    const openGpu = vi.fn(() => Promise.resolve(null));
    const choice = await chooseScan(viewOf(10), openGpu, [QUERY, QUERY, QUERY]);
    expect(choice).toMatchObject({ kind: "cpu", gpuMs: null, gpu: null, reason: expect.stringContaining("not tried") });
    expect(openGpu).not.toHaveBeenCalled();
  });

  it("stays here for other precisions than float32", async () => {
    const choice = await chooseScan(viewOf(10, "int8"), () => Promise.resolve(null), [QUERY]);
    expect(choice).toMatchObject({ kind: "cpu", reason: expect.stringContaining("int8") });
  });

  it("stays here without a GPU, or when it fails, and says so", async () => {
    const without = await chooseScan(large, () => Promise.resolve(null), [QUERY]);
    expect(without).toMatchObject({ kind: "cpu", gpuMs: null, reason: "no WebGPU, or only in software" });
    const failing = () => Promise.reject(new EmbedError("out-of-memory", "no room"));
    expect(await chooseScan(large, failing, [QUERY])).toMatchObject({ kind: "cpu", reason: "WebGPU failed: no room" });
  });
});
