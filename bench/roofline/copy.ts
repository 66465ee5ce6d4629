/** @file The adapter's measured peak of memory: a copy from one buffer to another. Runs in browsers and in Node. */
import { bestTime } from "./best-time.ts";

/** A software adapter copies this in milliseconds. */
const FIRST_BYTES = 2 ** 22;

/** Beyond this time a larger copy tells nothing new. */
const GROW_BELOW_MS = 20;

/** Well above the largest caches, and two of them fit into the smallest GPU that runs anything. */
const DEFAULT_BYTES = 2 ** 28;

const DEFAULT_BUDGET_MS = 500;

/** As of `GPUBufferUsage`, of which TypeScript has no values. */
const COPY_USAGE = 0x4 | 0x8; // COPY_SRC | COPY_DST
const READBACK_USAGE = 0x1 | 0x8; // MAP_READ | COPY_DST
const MAP_MODE_READ = 0x1;

/** What is written at the beginning and at the end of the source, and must be found in the copy. */
const MARKS = [0xc0ffee, 0xbead5] as const;

export interface CopyOptions {
  /** Largest copy to try, in bytes, a power of two; slow adapters and small limits stop before. @default 256 MiB */
  readonly bytes?: number;
  /** About how long the timing may take, in milliseconds. @default 500 */
  readonly budgetMs?: number;
}

export interface CopyPeak {
  /** Memory traffic: each byte is read once and written once, so twice what was copied. */
  readonly bytesPerSecond: number;
  /** Of one copy, the best. */
  readonly milliseconds: number;
  /** That were copied. */
  readonly bytes: number;
}

/**
 * The best rate of copies as large as the adapter does in time.
 *
 * @throws {Error} When the copy is not the source.
 */
export async function measureCopy(device: GPUDevice, options: CopyOptions = {}): Promise<CopyPeak> {
  const { bytes: wanted = DEFAULT_BYTES, budgetMs = DEFAULT_BUDGET_MS } = options;
  const most = Math.min(wanted, device.limits.maxBufferSize);
  let bytes = Math.min(FIRST_BYTES, most);
  for (; 2 * bytes <= most; bytes *= 2) {
    if ((await timeCopy(device, bytes, 0)).milliseconds > GROW_BELOW_MS) break;
  }
  return timeCopy(device, bytes, budgetMs);
}

async function timeCopy(device: GPUDevice, bytes: number, budgetMs: number): Promise<CopyPeak> {
  const [source, target] = [
    device.createBuffer({ size: bytes, usage: COPY_USAGE }),
    device.createBuffer({ size: bytes, usage: COPY_USAGE }),
  ];
  try {
    MARKS.forEach((mark, i) => device.queue.writeBuffer(source, i * (bytes - 4), Uint32Array.of(mark)));
    const milliseconds = await bestTime(device, (encoder) => encoder.copyBufferToBuffer(source, 0, target, 0, bytes), {
      budgetMs,
    });
    await check(device, target);
    return { bytesPerSecond: (2 * bytes) / (milliseconds / 1000), milliseconds, bytes };
  } finally {
    source.destroy();
    target.destroy();
  }
}

async function check(device: GPUDevice, target: GPUBuffer): Promise<void> {
  const staging = device.createBuffer({ size: 8, usage: READBACK_USAGE });
  try {
    const encoder = device.createCommandEncoder();
    MARKS.forEach((_, i) => encoder.copyBufferToBuffer(target, i * (target.size - 4), staging, 4 * i, 4));
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(MAP_MODE_READ);
    const found = [...new Uint32Array(staging.getMappedRange())];
    if (found.join() !== MARKS.join()) throw new Error(`the copy has ${found.join()}, not ${MARKS.join()}`);
  } finally {
    staging.destroy();
  }
}
