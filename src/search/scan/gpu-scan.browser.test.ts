/** @file The scan on WebGPU against the one here: on the software adapter, unless there is a real one. */
import { describe, expect, it } from "vitest";
import { captureDevices } from "../../fixtures/capture-devices.ts";
import { chooseScan } from "./choose.ts";
import { openGpuScan, type GpuScan } from "./gpu-scan.ts";
import { createView } from "./views.ts";

/** Float32 sums of 300 products in another order. */
const TOLERANCE = 1e-6;

function randomRows(count: number, dimensions: number): Float32Array {
  let state = count;
  return Float32Array.from({ length: count * dimensions }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}

async function open(dimensions: number): Promise<GpuScan> {
  const scan = await openGpuScan({ dimensions, allowSoftware: true });
  if (!scan) throw new Error("no WebGPU adapter at all: the tests start Chromium with one");
  return scan;
}

describe("openGpuScan", () => {
  it.each([
    { stored: 300, dimensions: 300, rows: 1000 },
    { stored: 100, dimensions: 7, rows: 33 },
    { stored: 4, dimensions: 1, rows: 1 },
  ])("finds what the scan here finds: $rows × $dimensions of $stored", async ({ stored, dimensions, rows }) => {
    using scan = await open(dimensions);
    const view = createView("float32", dimensions);
    const vectors = randomRows(rows, stored);
    const cut = Math.floor(rows / 3) * stored;
    for (const piece of [vectors.subarray(0, cut), vectors.subarray(cut)]) {
      view.append(piece, stored);
      await scan.append(piece, stored);
    }
    expect(scan.rows).toBe(rows);
    const accepted = Uint8Array.from({ length: rows }, (_, row) => (row % 3 ? 1 : 0));
    for (const mask of [null, accepted]) {
      const query = randomRows(2, stored).subarray(stored);
      const exact = new Map(view.scan(query, rows, mask).map(({ row, score }) => [row, score]));
      const [all, some] = await Promise.all([scan.scan(query, rows, mask), scan.scan(query, 5, mask)]);
      expect(all).toHaveLength(exact.size);
      for (const { row, score } of all) expect(Math.abs(score - exact.get(row)!)).toBeLessThan(TOLERANCE);
      expect(some).toEqual(all.slice(0, 5));
    }
  });

  it("goes on in another buffer where one is full", async () => {
    // 512 of these rows fill a buffer of 32 MiB.
    const dimensions = 16_384;
    using scan = await open(dimensions);
    const batch = randomRows(103, dimensions);
    for (let i = 0; i < 5; i++) await scan.append(batch, dimensions);
    const last = await scan.scan(batch.subarray(102 * dimensions), 5, null);
    expect(last.map(({ row }) => row)).toEqual([102, 205, 308, 411, 514]);
    expect(last[4]!.score).toBe(last[0]!.score);
    expect(scan.bytes).toBeGreaterThan(2 * 32 * 1024 * 1024);
  });

  it("is null without WebGPU, and on a software adapter that nobody asked for", async () => {
    expect(await openGpuScan({ dimensions: 4, gpu: undefined })).toBeNull();
    const adapter = await navigator.gpu.requestAdapter();
    const scan = await openGpuScan({ dimensions: 4 });
    expect(scan === null).toBe(adapter!.info.isFallbackAdapter || /swiftshader/i.test(adapter!.info.architecture));
    scan?.dispose();
  });

  it("rejects with device-lost what is under way and what comes after", async () => {
    const devices = captureDevices();
    using scan = await open(64);
    await scan.append(randomRows(500, 64), 64);
    const running = scan.scan(randomRows(1, 64), 5, null);
    devices[0]!.destroy();
    await expect(running).rejects.toMatchObject({ code: "device-lost" });
    await expect(scan.scan(randomRows(1, 64), 5, null)).rejects.toMatchObject({ code: "device-lost" });
    await expect(scan.append(randomRows(1, 64), 64)).rejects.toMatchObject({ code: "device-lost" });
  });

  it("rejects with disposed what is under way and what comes after", async () => {
    const scan = await open(64);
    await scan.append(randomRows(500, 64), 64);
    const running = scan.scan(randomRows(1, 64), 5, null);
    scan.dispose();
    await expect(running).rejects.toMatchObject({ code: "disposed" });
    await expect(scan.scan(randomRows(1, 64), 5, null)).rejects.toMatchObject({ code: "disposed" });
  });
});

describe("a query that no scan takes", () => {
  it("rejects and leaves the scan as it is", async () => {
    using scan = await open(4);
    await scan.append(randomRows(3, 4), 4);
    await expect(scan.scan(Float32Array.of(1), 1, null)).rejects.toMatchObject({ code: "index-mismatch" });
    await expect(scan.scan(new Float32Array(4), 1, null)).rejects.toMatchObject({ code: "invalid-input" });
    await expect(scan.append(Float32Array.of(1, NaN, 0, 0), 4)).rejects.toMatchObject({ code: "numeric-fault" });
    expect(await scan.scan(randomRows(3, 4).subarray(4, 8), 1, null)).toMatchObject([{ row: 1 }]);
  });
});

describe("chooseScan", () => {
  it("measures both, and frees the one that is slower", async () => {
    const view = createView("float32", 1024);
    const vectors = randomRows(1000, 1024);
    // Slow enough here to be worth a try.
    for (let i = 0; i < 20; i++) view.append(vectors, 1024);
    const scan = await open(1024);
    for (let i = 0; i < 20; i++) await scan.append(vectors, 1024);
    const choice = await chooseScan(view, () => Promise.resolve(scan), [
      randomRows(1, 1024),
      randomRows(3, 1024).subarray(2048),
    ]);
    expect(choice.gpuMs).toBeGreaterThan(0);
    expect(choice.reason).toMatch(/ms on WebGPU, .* ms on the CPU/);
    expect(choice.gpu).toBe(choice.kind === "webgpu" ? scan : null);
    const after = scan.scan(randomRows(1, 1024), 1, null);
    if (choice.kind === "cpu") await expect(after).rejects.toMatchObject({ code: "disposed" });
    else await after;
    scan.dispose();
  });
});
