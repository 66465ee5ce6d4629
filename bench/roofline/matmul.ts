/** @file The adapter's measured peak of arithmetic: a plain WGSL matrix product. Runs in browsers and in Node. */
import { widenFloat16 } from "../../src/float16.ts";
import { bestTime } from "./best-time.ts";
import { matmulShader, type MatmulDtype, type MatmulTiling } from "./matmul-shader.ts";

/** Which of these is fastest depends on the adapter: registers and workgroup memory decide. */
const TILINGS: readonly MatmulTiling[] = [
  { tile: 64, block: 4, step: 16 },
  { tile: 64, block: 8, step: 16 },
  { tile: 128, block: 8, step: 8 },
];

/** A software adapter does this one in tens of milliseconds. */
const FIRST_SIZE = 256;

/** A doubled size takes eight times as long: beyond this the next one would be no good submission (2 s is a reset). */
const GROW_BELOW_MS = 40;

const DEFAULT_SIZE = 4096;

/** Spread over the tilings. */
const DEFAULT_BUDGET_MS = 1500;

/** As of `GPUBufferUsage`, of which TypeScript has no values. */
const STORAGE_USAGE = 0x4 | 0x8 | 0x80; // COPY_SRC | COPY_DST | STORAGE
const READBACK_USAGE = 0x1 | 0x8; // MAP_READ | COPY_DST
const MAP_MODE_READ = 0x1;

const FACTOR_SEEDS = [0x1234567, 0x89abcde] as const;

/** Elements of the product that are compared with the CPU's. */
const CHECKED = 64;

/** Factors' elements: few bits, so that all sums are exact in float16 too (below 512 in quarters) and must be equal. */
const VALUES = [1, -1, 0.5, -0.5] as const;
const HALF_BITS = [0x3c00, 0xbc00, 0x3800, 0xb800] as const;

export interface MatmulOptions {
  /** f16 needs a device with `shader-f16`; sums are f16 then too. */
  readonly dtype: MatmulDtype;
  /** Largest size of the square factors to try, a power of two from 256 on; slow adapters stop before. @default 4096 */
  readonly size?: number;
  /** About how long the timing may take, in milliseconds. @default 1500 */
  readonly budgetMs?: number;
}

export interface MatmulPeak {
  /** Multiplications and additions a second: 2 · size³ a product. */
  readonly flopsPerSecond: number;
  /** Of one product, the best. */
  readonly milliseconds: number;
  /** That it came to. */
  readonly size: number;
  readonly tiling: MatmulTiling;
}

/**
 * The best rate of a few tilings at the largest size that the adapter does in time.
 *
 * @throws {Error} When a product is not the CPU's, or the device refuses a kernel.
 */
export async function measureMatmul(device: GPUDevice, options: MatmulOptions): Promise<MatmulPeak> {
  const { dtype, size: most = DEFAULT_SIZE, budgetMs = DEFAULT_BUDGET_MS } = options;
  const tilings = TILINGS.filter((tiling) => fits(device, dtype, tiling));
  let size = Math.min(FIRST_SIZE, most);
  for (; ; size *= 2) {
    const [probe] = await timeProducts(device, { dtype, size, tilings: tilings.slice(0, 1), budgetMs: 0 });
    const isSlow = probe!.milliseconds > GROW_BELOW_MS;
    // On the slowest adapters compiling the other kernels takes longer than all the rest.
    if (isSlow && size === FIRST_SIZE) return probe!;
    if (isSlow || 2 * size > most) break;
  }
  const peaks = await timeProducts(device, { dtype, size, tilings, budgetMs: budgetMs / tilings.length });
  return peaks.reduce((best, peak) => (peak.milliseconds < best.milliseconds ? peak : best));
}

function fits({ limits }: GPUDevice, dtype: MatmulDtype, { tile, block, step }: MatmulTiling): boolean {
  const storage = (dtype === "f16" ? 2 : 4) * step * (2 * tile + 1);
  // WGSL lays vectors out at multiples of their size.
  const padded = Math.ceil(storage / 16) * 16 + 16;
  return (
    (tile / block) ** 2 <= limits.maxComputeInvocationsPerWorkgroup && padded <= limits.maxComputeWorkgroupStorageSize
  );
}

interface Products {
  readonly dtype: MatmulDtype;
  readonly size: number;
  readonly tilings: readonly MatmulTiling[];
  /** Of each tiling. */
  readonly budgetMs: number;
}

async function timeProducts(device: GPUDevice, products: Products): Promise<MatmulPeak[]> {
  const { dtype, size, tilings, budgetMs } = products;
  const bytes = (dtype === "f16" ? 2 : 4) * size * size;
  const buffers = [1, 2, 3].map(() =>
    device.createBuffer({
      size: bytes,
      usage: STORAGE_USAGE,
    }),
  );
  try {
    FACTOR_SEEDS.forEach((seed, i) => device.queue.writeBuffer(buffers[i]!, 0, factor(dtype, size, seed)));
    const peaks: MatmulPeak[] = [];
    for (const tiling of tilings) {
      const encode = await prepare(device, buffers, { dtype, size, tiling });
      const milliseconds = await bestTime(device, encode, { budgetMs });
      await check(device, buffers[2]!, { dtype, size });
      peaks.push({ flopsPerSecond: (2 * size ** 3) / (milliseconds / 1000), milliseconds, size, tiling });
    }
    return peaks;
  } finally {
    for (const buffer of buffers) buffer.destroy();
  }
}

async function prepare(
  device: GPUDevice,
  buffers: readonly GPUBuffer[],
  { dtype, size, tiling }: { readonly dtype: MatmulDtype; readonly size: number; readonly tiling: MatmulTiling },
): Promise<(encoder: GPUCommandEncoder) => void> {
  const module = device.createShaderModule({ code: matmulShader(dtype, size, tiling) });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  return (encoder) => {
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(size / tiling.tile, size / tiling.tile);
    pass.end();
  };
}

/** Which of `VALUES` stands at a place: looks random, so that the adapter's power draw is that of real work. */
function choice(seed: number, place: number): number {
  return Math.imul(Math.imul(place + 1, 0x9e3779b1) ^ seed, 0x85ebca6b) >>> 30;
}

function factor(dtype: MatmulDtype, size: number, seed: number): Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> {
  const length = size * size;
  const elements = dtype === "f16" ? new Uint16Array(length) : new Float32Array(length);
  const values = dtype === "f16" ? HALF_BITS : VALUES;
  for (let i = 0; i < length; i++) elements[i] = values[choice(seed, i)]!;
  return elements;
}

/** Compares elements spread over the product with sums that the CPU works out. */
async function check(
  device: GPUDevice,
  product: GPUBuffer,
  { dtype, size }: { readonly dtype: MatmulDtype; readonly size: number },
): Promise<void> {
  const rowBytes = (dtype === "f16" ? 2 : 4) * size;
  const staging = device.createBuffer({
    size: CHECKED * rowBytes,
    usage: READBACK_USAGE,
  });
  try {
    const rows = Array.from({ length: CHECKED }, (_, i) => Math.floor((i * size) / CHECKED));
    const encoder = device.createCommandEncoder();
    rows.forEach((row, i) => encoder.copyBufferToBuffer(product, row * rowBytes, staging, i * rowBytes, rowBytes));
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(MAP_MODE_READ);
    const bytes = staging.getMappedRange();
    const actual = dtype === "f16" ? widenFloat16(new Uint16Array(bytes)) : new Float32Array(bytes);
    rows.forEach((row, i) => {
      // Another column in each row.
      const column = (i * 37 + row) % size;
      const [found, expected] = [actual[i * size + column], element(size, row, column)];
      if (found !== expected) throw new Error(`${dtype} product at ${row}, ${column} is ${found}, not ${expected}`);
    });
  } finally {
    staging.destroy();
  }
}

function element(size: number, row: number, column: number): number {
  const [seedA, seedB] = FACTOR_SEEDS;
  let sum = 0;
  for (let k = 0; k < size; k++) {
    sum += VALUES[choice(seedA, row * size + k)]! * VALUES[choice(seedB, k * size + column)]!;
  }
  return sum;
}
