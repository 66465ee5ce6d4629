/** @file Where tensors live while the layers run: in GPU buffers that we own, or in JS memory for WASM. */
import { EmbedError } from "../errors.ts";
import type { Activations, Architecture } from "../pack.ts";
import { narrowFloat16, widenFloat16 } from "./float16.ts";
import type { Fetches, Runtime, Tensor, Tensors } from "./session.ts";

export type TensorData = Float32Array | Uint16Array | Int32Array | Uint8Array;
export type TensorType = "float32" | "float16" | "int32" | "uint8";

export interface TensorSpec {
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** Keys and values of one layer: what a run reads as past and writes as present. */
export interface KvCache {
  readonly feeds: Tensors;
  readonly fetches: Fetches;
  /** Forgets what was kept: the next run starts a sequence. */
  reset(): void;
  /** Takes over what the run wrote. */
  update(outputs: Tensors): void;
  release(): void;
}

/** A row of a `[T, H]` tensor. */
export interface RowRef {
  readonly tensor: Tensor;
  readonly row: number;
}

export interface TensorHome {
  readonly activations: Activations;
  place(spec: TensorSpec): Tensor;
  release(tensor: Tensor): void;
  /** Where a run may write the tensor that replaces this one. */
  inPlace(tensor: Tensor): Tensor | null;
  /** KV of sequences that are run in slices, one after the other, each of up to `tokens` tokens. */
  keepKv(tokens: number): KvCache;
  /**
   * Copies rows back to the CPU.
   *
   * @returns `[rows.length, H]`, row-major float32.
   * @throws {EmbedError} `device-lost`.
   */
  readRows(rows: readonly RowRef[], columns: number): Promise<Float32Array>;
  /**
   * Runs `allocate` and reports when the GPU could not hold what it placed; `undo` then gives back what it could.
   *
   * @throws {EmbedError} `out-of-memory`.
   */
  allocating<T>(allocate: () => T, undo: (allocated: T) => void): Promise<T>;
}

/** A float tensor in the home's activation type. */
export function placeFloats(home: TensorHome, dims: readonly number[], values: Float32Array): Tensor {
  return home.activations === "f32"
    ? home.place({ type: "float32", dims, data: values })
    : home.place({ type: "float16", dims, data: narrowFloat16(values) });
}

/** A tensor that the pack stores as float16 (scales, norms, 16-bit weights), widened where the layers run in f32. */
export function placeHalves(home: TensorHome, dims: readonly number[], halves: Uint16Array): Tensor {
  return home.activations === "f32"
    ? home.place({ type: "float32", dims, data: widenFloat16(halves) })
    : home.place({ type: "float16", dims, data: halves });
}

const nothing = (): void => undefined;

/** KV of sequences that are run whole: no past, and what is written is dropped. */
export function withoutKv(
  home: TensorHome,
  architecture: Architecture,
  options: { sequences: number; runtime: Runtime },
): KvCache {
  const dims = [options.sequences, architecture.num_key_value_heads, 0, architecture.head_dim];
  const { Tensor: OrtTensor } = options.runtime.ort;
  const empty =
    home.activations === "f32"
      ? new OrtTensor("float32", new Float32Array(0), dims)
      : new OrtTensor("float16", new Uint16Array(0), dims);
  return { feeds: { past_k: empty, past_v: empty }, fetches: {}, reset: nothing, update: nothing, release: nothing };
}

const BUFFER_USAGE = 0x4 | 0x8 | 0x80; // COPY_SRC | COPY_DST | STORAGE
const READBACK_USAGE = 0x1 | 0x8; // MAP_READ | COPY_DST

/** Tensors in buffers of our own device. */
export class GpuTensorHome implements TensorHome {
  readonly activations: Activations;
  readonly #device: GPUDevice;
  readonly #runtime: Runtime;
  readonly #architecture: Architecture;

  constructor(device: GPUDevice, runtime: Runtime, shape: { activations: Activations; architecture: Architecture }) {
    this.#device = device;
    this.#runtime = runtime;
    this.activations = shape.activations;
    this.#architecture = shape.architecture;
  }

  place({ type, dims, data }: TensorSpec): Tensor {
    const tensor = this.#create(type, dims, data.byteLength);
    this.#device.queue.writeBuffer(tensor.gpuBuffer as GPUBuffer, 0, data as Uint8Array<ArrayBuffer>);
    return tensor;
  }

  release(tensor: Tensor): void {
    (tensor.gpuBuffer as GPUBuffer).destroy();
  }

  inPlace(tensor: Tensor): Tensor {
    return tensor;
  }

  /** One buffer serves as past and present, so that no run copies what came before. */
  keepKv(tokens: number): KvCache {
    const { num_key_value_heads: heads, head_dim: headDim } = this.#architecture;
    const type = this.activations === "f32" ? "float32" : "float16";
    const bytes = heads * tokens * headDim * (type === "float32" ? 4 : 2);
    const k = this.#create(type, [1, heads, tokens, headDim], bytes);
    const v = this.#create(type, [1, heads, tokens, headDim], bytes);
    return {
      feeds: { past_k: k, past_v: v },
      fetches: { present_k: k, present_v: v },
      // The past's length is an input of its own, so what the buffers hold beyond it does not matter.
      reset: nothing,
      update: nothing,
      release: () => {
        this.release(k);
        this.release(v);
      },
    };
  }

  async readRows(rows: readonly RowRef[], columns: number): Promise<Float32Array> {
    const rowBytes = columns * (this.activations === "f32" ? 4 : 2);
    const staging = this.#device.createBuffer({ size: rows.length * rowBytes, usage: READBACK_USAGE });
    try {
      const encoder = this.#device.createCommandEncoder();
      rows.forEach(({ tensor, row }, i) => {
        encoder.copyBufferToBuffer(tensor.gpuBuffer as GPUBuffer, row * rowBytes, staging, i * rowBytes, rowBytes);
      });
      this.#device.queue.submit([encoder.finish()]);
      await staging.mapAsync(0x1);
      const bytes = staging.getMappedRange().slice(0);
      return this.activations === "f32" ? new Float32Array(bytes) : widenFloat16(new Uint16Array(bytes));
    } catch (cause) {
      throw new EmbedError("device-lost", `reading vectors back from the GPU failed: ${String(cause)}`, { cause });
    } finally {
      staging.destroy();
    }
  }

  async allocating<T>(allocate: () => T, undo: (allocated: T) => void): Promise<T> {
    this.#device.pushErrorScope("out-of-memory");
    this.#device.pushErrorScope("validation");
    const result = allocate();
    const errors = await Promise.all([this.#device.popErrorScope(), this.#device.popErrorScope()]);
    const error = errors.find(Boolean);
    if (!error) return result;
    undo(result);
    throw new EmbedError("out-of-memory", `not enough GPU memory: ${error.message}`);
  }

  #create(type: TensorType, dims: readonly number[], bytes: number): Tensor {
    // WebGPU copies whole words.
    const buffer = this.#device.createBuffer({ size: Math.ceil(bytes / 4) * 4, usage: BUFFER_USAGE });
    return this.#runtime.ort.Tensor.fromGpuBuffer(buffer, { dataType: type, dims });
  }
}

/** Tensors in JS memory, which ONNX Runtime copies into its heap for each run. */
export class WasmTensorHome implements TensorHome {
  readonly activations = "f32";
  readonly #runtime: Runtime;
  readonly #architecture: Architecture;

  constructor(runtime: Runtime, architecture: Architecture) {
    this.#runtime = runtime;
    this.#architecture = architecture;
  }

  place({ type, dims, data }: TensorSpec): Tensor {
    return new this.#runtime.ort.Tensor(type, data, dims);
  }

  release(): void {
    // Garbage.
  }

  inPlace(): null {
    return null;
  }

  keepKv(): KvCache {
    const { feeds: empty } = withoutKv(this, this.#architecture, { sequences: 1, runtime: this.#runtime });
    let feeds = empty;
    return {
      get feeds() {
        return feeds;
      },
      fetches: { present_k: null, present_v: null },
      reset: () => {
        feeds = empty;
      },
      update: ({ present_k, present_v }) => {
        feeds = { past_k: present_k!, past_v: present_v! };
      },
      release: nothing,
    };
  }

  async readRows(rows: readonly RowRef[], columns: number): Promise<Float32Array> {
    const result = new Float32Array(rows.length * columns);
    rows.forEach(({ tensor, row }, i) => {
      result.set((tensor.data as Float32Array).subarray(row * columns, (row + 1) * columns), i * columns);
    });
    return Promise.resolve(result);
  }

  async allocating<T>(allocate: () => T): Promise<T> {
    return Promise.resolve(allocate());
  }
}
