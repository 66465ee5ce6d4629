/** @file What scans, and that a GPU that fails costs no answer. */
import { describe, expect, it } from "vitest";
import { EmbedError } from "../errors.ts";
import type { ScanChoice } from "./scan/choose.ts";
import type { GpuScan } from "./scan/gpu-scan.ts";
import { createView, type VectorView } from "./scan/views.ts";
import { Scanner, type ScannerOptions } from "./scanner.ts";
import { MemoryRecords } from "./store/memory-records.ts";
import { MemoryFiles } from "./store/segment-files.ts";
import { VectorStore } from "./store/vector-store.ts";

const ROWS = 4096;
const DIMENSIONS = 8;

function unitRows(rows: number, seed: number): Float32Array {
  let state = seed;
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5;
  const vectors = Float32Array.from({ length: rows * DIMENSIONS }, random);
  for (let row = 0; row < rows; row++) {
    const unit = vectors.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS);
    const length = Math.hypot(...unit);
    unit.forEach((value, i) => (unit[i] = value / length));
  }
  return vectors;
}

async function filledScanner(options: Omit<ScannerOptions, "onChoice">) {
  const store = new VectorStore(new MemoryRecords(), new MemoryFiles(), { stored: "float32", dimensions: DIMENSIONS });
  const view = createView("float32", DIMENSIONS);
  const append = async (vectors: Float32Array): Promise<void> => {
    await store.append(new Uint32Array(vectors.length / DIMENSIONS), vectors);
    view.append(vectors, DIMENSIONS);
  };
  const vectors = unitRows(ROWS, 1);
  await append(vectors);
  let chosen = (): void => {};
  const choice = new Promise<void>((resolve) => (chosen = resolve));
  const scanner = new Scanner(view, store, { ...options, onChoice: () => chosen() });
  scanner.consider();
  await choice;
  return { scanner, view, append, query: vectors.slice(0, DIMENSIONS) };
}

/** In place of a GPU: another view, whose scans can be made to fail. */
class StandIn implements GpuScan {
  readonly dimensions = DIMENSIONS;
  readonly bytes = 0;
  readonly #view: VectorView = createView("float32", DIMENSIONS);
  fails = false;
  disposed = 0;

  get rows(): number {
    return this.#view.rows;
  }

  async append(vectors: Float32Array, storedDimensions: number): Promise<void> {
    this.#view.append(vectors, storedDimensions);
  }

  async scan(query: Float32Array, limit: number, accepted: Uint8Array | null) {
    if (this.fails) throw new EmbedError("device-lost", "the device is gone");
    return this.#view.scan(query, limit, accepted);
  }

  dispose(): void {
    this.disposed++;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A measurement that the GPU has won. */
const gpuWins: ScannerOptions["choose"] = async (_cpu, openGpu): Promise<ScanChoice> => {
  return { kind: "webgpu", cpuMs: 9, gpuMs: 1, reason: "measured", gpu: await openGpu() };
};

describe("Scanner", () => {
  it("stays on the CPU where there is no GPU, and says why", async () => {
    const { scanner, view, query } = await filledScanner({ openGpu: async () => null });
    expect(scanner.status.kind).toBe("cpu");
    expect(scanner.status.reason).not.toBe("");
    expect(await scanner.scan(query, 5, null)).toEqual(view.scan(query, 5, null));
  });

  it("sends a GPU that was chosen every row, those that come later too", async () => {
    const gpu = new StandIn();
    const { scanner, view, append, query } = await filledScanner({ openGpu: async () => gpu, choose: gpuWins });
    expect([scanner.status, gpu.rows]).toEqual([{ kind: "webgpu", reason: "measured" }, ROWS]);
    await append(unitRows(10, 2));
    expect(await scanner.scan(query, 5, null)).toEqual(view.scan(query, 5, null));
    expect(gpu.rows).toBe(ROWS + 10);
  });

  it("gives up a GPU that fails, and answers from the CPU", async () => {
    const gpu = new StandIn();
    const { scanner, view, query } = await filledScanner({ openGpu: async () => gpu, choose: gpuWins });
    gpu.fails = true;
    expect(await scanner.scan(query, 5, null)).toEqual(view.scan(query, 5, null));
    expect([scanner.status.kind, gpu.disposed]).toEqual(["cpu", 1]);
    expect(scanner.status.reason).toContain("the device is gone");
  });

  it("lets go of its GPU when it is closed", async () => {
    const gpu = new StandIn();
    const { scanner } = await filledScanner({ openGpu: async () => gpu, choose: gpuWins });
    scanner.close();
    expect(gpu.disposed).toBe(1);
  });
});
