/** @file The float32 scan on WebGPU: products there, the best of them here. Owns its device and all that lies on it. */
import { EmbedError } from "../../errors.ts";
import { TopK } from "../top-k.ts";
import type { Candidate } from "./coding.ts";
import { cutAndNormalize, cutQuery } from "./cut.ts";
import { GROUP_ROWS, SCAN_SHADER } from "./gpu-shader.ts";

/** A buffer of vectors: below the 128 MiB that every device can bind, and not much to hold empty. */
const BUFFER_BYTES = 32 * 1024 * 1024;
/** Workgroups of one dispatch that every device allows. */
const MAX_GROUPS = 65_535;

/** Software rasterisers, not all of which report `isFallbackAdapter`: slower than the scan without WebGPU. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;

/** Of GPUBufferUsage and GPUMapMode, which workers of some browsers and TypeScript's page types do not have. */
const MAP_READ = 0x1;
const COPY_SRC = 0x4;
const COPY_DST = 0x8;
const UNIFORM = 0x40;
const STORAGE = 0x80;
const MODE_READ = 0x1;

export interface GpuScanOptions {
  /** Of the view: the vectors' first so many components, L2 again. */
  readonly dimensions: number;
  /** A software adapter will do: for tests. @default false */
  readonly allowSoftware?: boolean;
  /** Where to look for an adapter. @default navigator.gpu */
  readonly gpu?: Pick<GPU, "requestAdapter"> | undefined;
}

/** All vectors of an index in float32 on a GPU. */
export interface GpuScan extends Disposable {
  readonly dimensions: number;
  readonly rows: number;
  /** GPU memory that is held. */
  readonly bytes: number;
  /**
   * As `VectorView.append`.
   *
   * @throws {EmbedError} `out-of-memory`, nothing is appended then; `numeric-fault`; `device-lost`; `disposed`.
   */
  append(vectors: Float32Array, storedDimensions: number): Promise<void>;
  /**
   * As `VectorView.scan`; scores are within 1e-6 of those.
   *
   * @throws {EmbedError} Besides those of `VectorView.scan` `device-lost` and `disposed`.
   */
  scan(query: Float32Array, limit: number, accepted: Uint8Array | null): Promise<Candidate[]>;
  /** Frees the device; what is under way rejects with `disposed`. */
  dispose(): void;
}

/**
 * A scan on a device of its own, with no vectors yet.
 *
 * @returns `null` where the browser offers no WebGPU, or only in software.
 * @throws {EmbedError} `webgpu-unavailable` when the browser has WebGPU and it fails.
 */
export async function openGpuScan(options: GpuScanOptions): Promise<GpuScan | null> {
  const { allowSoftware = false } = options;
  const gpu = "gpu" in options ? options.gpu : globalThis.navigator?.gpu;
  let device: GPUDevice | null = null;
  try {
    const adapter = (await gpu?.requestAdapter({ powerPreference: "high-performance" })) ?? null;
    if (adapter === null || (isSoftware(adapter) && !allowSoftware)) return null;
    device = await adapter.requestDevice();
    const module = device.createShaderModule({ code: SCAN_SHADER });
    const compute = { module, entryPoint: "scan" };
    const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute });
    return new DeviceScan(device, pipeline, options.dimensions);
  } catch (cause) {
    device?.destroy();
    throw new EmbedError("webgpu-unavailable", `the search's WebGPU device cannot be opened: ${String(cause)}`, {
      cause,
    });
  }
}

function isSoftware({ info }: GPUAdapter): boolean {
  return info.isFallbackAdapter || SOFTWARE.test([info.architecture, info.device, info.description].join(" "));
}

/** Some rows, and what their scan needs. */
interface Block {
  readonly vectors: GPUBuffer;
  readonly scores: GPUBuffer;
  readonly shape: GPUBuffer;
  readonly bindings: GPUBindGroup;
  rows: number;
}

/** What a lost device's calls reject with may come before the news of the loss. */
function asLoss(cause: unknown): EmbedError {
  if (cause instanceof EmbedError) return cause;
  return new EmbedError("device-lost", `the search's GPU device failed: ${String(cause)}`, { cause });
}

class DeviceScan implements GpuScan {
  readonly dimensions: number;
  readonly #device: GPUDevice;
  readonly #pipeline: GPUComputePipeline;
  /** Components of a row with the zeros that make fours of them. */
  readonly #width: number;
  readonly #rowsPerBlock: number;
  readonly #query: GPUBuffer;
  readonly #blocks: Block[] = [];
  /** Rejects when the device is gone. */
  readonly #gone: Promise<never>;
  #end: EmbedError | null = null;
  #rows = 0;
  /** Calls take turns: they share the query's buffer and the scores'. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(device: GPUDevice, pipeline: GPUComputePipeline, dimensions: number) {
    this.dimensions = dimensions;
    this.#device = device;
    this.#pipeline = pipeline;
    this.#width = Math.ceil(dimensions / 4) * 4;
    const fitting = Math.floor(BUFFER_BYTES / (4 * this.#width));
    this.#rowsPerBlock = Math.max(1, Math.min(fitting, MAX_GROUPS * GROUP_ROWS));
    this.#query = device.createBuffer({ size: 4 * this.#width, usage: STORAGE | COPY_DST });
    this.#gone = device.lost.then(({ message, reason }) => {
      this.#end ??= new EmbedError("device-lost", `the search's GPU device is lost: ${message || reason}`);
      throw this.#end;
    });
    // Every call that is under way hears of it; between calls nobody needs to.
    this.#gone.catch(() => undefined);
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    const held = this.#blocks.map(({ vectors, scores, shape }) => vectors.size + scores.size + shape.size);
    return held.reduce((sum, size) => sum + size, this.#query.size);
  }

  async append(vectors: Float32Array, storedDimensions: number): Promise<void> {
    // Taken now: the caller may use its memory again at once.
    const unit = cutAndNormalize(vectors, storedDimensions, this.dimensions);
    return this.#inTurn(() => this.#write(unit));
  }

  async scan(query: Float32Array, limit: number, accepted: Uint8Array | null): Promise<Candidate[]> {
    const unit = cutQuery(query, this.dimensions);
    return this.#inTurn(async () => {
      if (this.#rows === 0) return [];
      const scores = await this.#score(unit);
      const best = new TopK(limit);
      for (let row = 0; row < scores.length; row++) {
        if (!accepted || accepted[row] !== 0) best.offer(row, scores[row]!);
      }
      return best.toSorted();
    });
  }

  dispose(): void {
    this.#end ??= new EmbedError("disposed", "the scan has been disposed of");
    this.#device.destroy();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** One call after the other, and none for longer than there is a device. */
  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(async () => {
      if (this.#end) throw this.#end;
      try {
        return await Promise.race([task(), this.#gone]);
      } catch (error) {
        throw this.#end ?? asLoss(error);
      }
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #write(unit: Float32Array): Promise<void> {
    const count = unit.length / this.dimensions;
    await this.#reserve(this.#rows + count);
    for (let written = 0; written < count;) {
      const block = this.#blocks[Math.floor(this.#rows / this.#rowsPerBlock)]!;
      const taken = Math.min(count - written, this.#rowsPerBlock - block.rows);
      const rows = this.#padded(unit.subarray(written * this.dimensions, (written + taken) * this.dimensions));
      this.#device.queue.writeBuffer(block.vectors, 4 * this.#width * block.rows, rows);
      block.rows += taken;
      this.#device.queue.writeBuffer(block.shape, 0, Uint32Array.of(block.rows, this.#width / 4));
      this.#rows += taken;
      written += taken;
    }
  }

  #padded(rows: Float32Array): Float32Array<ArrayBuffer> {
    const { dimensions } = this;
    const wide = new Float32Array((rows.length / dimensions) * this.#width);
    for (let row = 0; row < rows.length / dimensions; row++) {
      wide.set(rows.subarray(row * dimensions, (row + 1) * dimensions), row * this.#width);
    }
    return wide;
  }

  async #reserve(rows: number): Promise<void> {
    while (this.#blocks.length * this.#rowsPerBlock < rows) {
      this.#device.pushErrorScope("out-of-memory");
      const block = this.#createBlock();
      const failure = await this.#device.popErrorScope();
      if (failure) {
        for (const buffer of [block.vectors, block.scores, block.shape]) buffer.destroy();
        throw new EmbedError("out-of-memory", `the GPU has no memory for ${BUFFER_BYTES} bytes of vectors`, {
          cause: failure,
          details: { rows, sizeBytes: BUFFER_BYTES },
        });
      }
      this.#blocks.push(block);
    }
  }

  #createBlock(): Block {
    const create = (size: number, usage: number): GPUBuffer => this.#device.createBuffer({ size, usage });
    const vectors = create(4 * this.#width * this.#rowsPerBlock, STORAGE | COPY_DST);
    const scores = create(4 * this.#rowsPerBlock, STORAGE | COPY_SRC);
    const shape = create(8, UNIFORM | COPY_DST);
    const entries = [vectors, this.#query, scores, shape].map((buffer, binding) => ({ binding, resource: { buffer } }));
    const bindings = this.#device.createBindGroup({ layout: this.#pipeline.getBindGroupLayout(0), entries });
    return { vectors, scores, shape, bindings, rows: 0 };
  }

  /** @param query - Of length 1; `[dimensions]`. @returns `[rows]`. */
  async #score(query: Float32Array): Promise<Float32Array> {
    this.#device.queue.writeBuffer(this.#query, 0, this.#padded(query));
    const result = this.#device.createBuffer({ size: 4 * this.#rows, usage: MAP_READ | COPY_DST });
    try {
      this.#submit(result);
      await result.mapAsync(MODE_READ);
      return new Float32Array(result.getMappedRange()).slice();
    } finally {
      result.destroy();
    }
  }

  #submit(result: GPUBuffer): void {
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(this.#pipeline);
    for (const { bindings, rows } of this.#blocks) {
      pass.setBindGroup(0, bindings);
      pass.dispatchWorkgroups(Math.ceil(rows / GROUP_ROWS));
    }
    pass.end();
    for (const [index, { scores, rows }] of this.#blocks.entries()) {
      encoder.copyBufferToBuffer(scores, 0, result, 4 * index * this.#rowsPerBlock, 4 * rows);
    }
    this.#device.queue.submit([encoder.finish()]);
  }
}
