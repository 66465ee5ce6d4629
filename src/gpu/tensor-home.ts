/** @file Where tensors live while the layers run: in GPU buffers that we own, or in JS memory for WASM. */
import { EmbedError } from "../errors.ts";
import type { Activations, Architecture } from "../pack.ts";
import type { VramUse } from "../types.ts";
import type { BufferPool } from "./buffer-pool.ts";
import { narrowFloat16, widenFloat16 } from "../float16.ts";
import type { Fetches, Runtime, Tensor, Tensors } from "./session.ts";

export type TensorData = Float32Array | Uint16Array | Int32Array | Uint8Array;
export type TensorType = "float32" | "float16" | "int32" | "uint8";

export interface TensorSpec {
  /** What the GPU buffer is counted as: its label. */
  readonly use: VramUse;
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
  /** Goes on as if so many tokens had been run; what they left is of no meaning. */
  assume(tokens: number): void;
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
  /** Replaces what the tensor holds by as much. Runs that were started before still see what it held. */
  overwrite(tensor: Tensor, data: TensorData): void;
  release(tensor: Tensor): void;
  /** Frees what earlier passes left for later ones. */
  trim(): void;
  /** Where a run may write the tensor that replaces this one. */
  inPlace(tensor: Tensor): Tensor | null;
  /** KV of sequences that are run in slices, one after the other, each of up to `tokens` tokens. */
  keepKv(tokens: number): KvCache;
  /** Copies rows of a `[T, H]` float tensor, as runs that were started before leave them, into one of as many rows. */
  copyRows(tensor: Tensor, rows: readonly number[], into: Tensor): void;
  /**
   * Copies rows back to the CPU.
   *
   * @returns `[rows.length, H]`, row-major float32, when all runs before it are done.
   * @throws {EmbedError} `device-lost`, `out-of-memory`.
   */
  readRows(rows: readonly RowRef[], columns: number): Promise<Float32Array>;
  /**
   * Runs `allocate` and finds out whether there was memory for what it placed. If not, `undo` gives it back, and
   * `allocate` is called once more when all idle memory has been freed.
   *
   * @throws {EmbedError} `out-of-memory` with details `{ bytes }`, what was asked for.
   */
  allocating<T>(allocate: () => T, undo: (allocated: T) => void): Promise<T>;
}

/** A float tensor in the home's activation type. */
export function placeFloats(home: TensorHome, shape: Pick<TensorSpec, "use" | "dims">, values: Float32Array): Tensor {
  return home.activations === "f32"
    ? home.place({ ...shape, type: "float32", data: values })
    : home.place({ ...shape, type: "float16", data: narrowFloat16(values) });
}

const nothing = (): void => undefined;

/** KV of a sequence of which nothing has been run yet; what a run writes is dropped. */
export function emptyKv(home: TensorHome, architecture: Architecture, { ort }: Runtime): KvCache {
  const dims = [1, architecture.num_key_value_heads, 0, architecture.head_dim];
  const empty =
    home.activations === "f32"
      ? new ort.Tensor("float32", new Float32Array(0), dims)
      : new ort.Tensor("float16", new Uint16Array(0), dims);
  const feeds = { past_k: empty, past_v: empty };
  return { feeds, fetches: {}, reset: nothing, assume: nothing, update: nothing, release: nothing };
}

const BUFFER_USAGE = 0x4 | 0x8 | 0x80; // COPY_SRC | COPY_DST | STORAGE
const READBACK_USAGE = 0x1 | 0x8; // MAP_READ | COPY_DST

/** What one pass can hand to the next. */
const POOLED: ReadonlySet<string> = new Set<VramUse>(["hidden", "indices", "kv"]);

/** Tensors in buffers of our own device. */
export class GpuTensorHome implements TensorHome {
  readonly activations: Activations;
  readonly #device: GPUDevice;
  readonly #pool: BufferPool;
  readonly #runtime: Runtime;
  readonly #architecture: Architecture;
  /** What the `allocating` call under way has asked for and got. */
  #journal: { bytes: number; readonly buffers: GPUBuffer[] } | null = null;

  /** @param gpu - The device, and the pool on it, which homes may share. */
  constructor(
    gpu: { readonly device: GPUDevice; readonly pool: BufferPool },
    runtime: Runtime,
    shape: { readonly activations: Activations; readonly architecture: Architecture },
  ) {
    this.#device = gpu.device;
    this.#pool = gpu.pool;
    this.#runtime = runtime;
    this.activations = shape.activations;
    this.#architecture = shape.architecture;
  }

  place(spec: TensorSpec): Tensor {
    const tensor = this.#create(spec, spec.data.byteLength);
    this.overwrite(tensor, spec.data);
    return tensor;
  }

  overwrite(tensor: Tensor, data: TensorData): void {
    this.#device.queue.writeBuffer(tensor.gpuBuffer as GPUBuffer, 0, data as Uint8Array<ArrayBuffer>);
  }

  release(tensor: Tensor): void {
    this.#giveBack(tensor.gpuBuffer as GPUBuffer);
  }

  trim(): void {
    this.#pool.trim();
  }

  inPlace(tensor: Tensor): Tensor {
    return tensor;
  }

  /** One buffer serves as past and present, so that no run copies what came before. */
  keepKv(tokens: number): KvCache {
    const { num_key_value_heads: heads, head_dim: headDim } = this.#architecture;
    const type = this.activations === "f32" ? "float32" : "float16";
    const bytes = heads * tokens * headDim * this.#elementBytes;
    const dims = [1, heads, tokens, headDim];
    const k = this.#create({ use: "kv", type, dims }, bytes);
    const v = this.#create({ use: "kv", type, dims }, bytes);
    return {
      feeds: { past_k: k, past_v: v },
      fetches: { present_k: k, present_v: v },
      // The past's length is an input of its own, so what the buffers hold beyond it does not matter.
      reset: nothing,
      assume: nothing,
      update: nothing,
      release: () => {
        this.release(k);
        this.release(v);
      },
    };
  }

  copyRows(tensor: Tensor, rows: readonly number[], into: Tensor): void {
    const refs = rows.map((row) => ({ tensor, row }));
    this.#encodeCopies(refs, into.gpuBuffer as GPUBuffer, tensor.dims[1]! * this.#elementBytes);
  }

  async readRows(rows: readonly RowRef[], columns: number): Promise<Float32Array> {
    if (rows.length === 0) return new Float32Array(0);
    const rowBytes = columns * this.#elementBytes;
    const staging = await this.allocating(
      () => this.#take({ label: "readback", size: rows.length * rowBytes, usage: READBACK_USAGE }),
      (buffer) => this.#giveBack(buffer),
    );
    try {
      this.#encodeCopies(rows, staging, rowBytes);
      await staging.mapAsync(0x1);
      const bytes = staging.getMappedRange().slice(0);
      return this.activations === "f32" ? new Float32Array(bytes) : widenFloat16(new Uint16Array(bytes));
    } catch (cause) {
      throw new EmbedError("device-lost", `reading vectors back from the GPU failed: ${String(cause)}`, { cause });
    } finally {
      staging.unmap();
      this.#giveBack(staging);
    }
  }

  #encodeCopies(rows: readonly RowRef[], target: GPUBuffer, rowBytes: number): void {
    const encoder = this.#device.createCommandEncoder();
    rows.forEach(({ tensor, row }, i) => {
      encoder.copyBufferToBuffer(tensor.gpuBuffer as GPUBuffer, row * rowBytes, target, i * rowBytes, rowBytes);
    });
    this.#device.queue.submit([encoder.finish()]);
  }

  async allocating<T>(allocate: () => T, undo: (allocated: T) => void): Promise<T> {
    const first = await this.#tryAllocate(allocate, undo);
    if (first.ok) return first.allocated;
    // What was freed while the GPU still used it goes when the GPU is done.
    await this.#device.queue.onSubmittedWorkDone().catch(nothing);
    const second = await this.#tryAllocate(allocate, undo);
    if (second.ok) return second.allocated;
    throw new EmbedError("out-of-memory", `not enough GPU memory for ${second.bytes} bytes: ${second.why}`, {
      details: { bytes: second.bytes },
    });
  }

  get #elementBytes(): 2 | 4 {
    return this.activations === "f32" ? 4 : 2;
  }

  async #tryAllocate<T>(
    allocate: () => T,
    undo: (allocated: T) => void,
  ): Promise<{ ok: true; allocated: T } | { ok: false; bytes: number; why: string }> {
    const journal = (this.#journal = { bytes: 0, buffers: [] as GPUBuffer[] });
    let result: { readonly allocated: T } | null = null;
    let thrown: unknown;
    this.#device.pushErrorScope("out-of-memory");
    this.#device.pushErrorScope("validation");
    try {
      result = { allocated: allocate() };
    } catch (error) {
      thrown = error;
    }
    this.#journal = null;
    const pop = (): Promise<GPUError | null> => this.#device.popErrorScope().catch(() => null);
    const refusal = (await Promise.all([pop(), pop()])).find(Boolean);
    if (result && !refusal) return { ok: true, ...result };
    if (result) undo(result.allocated);
    else journal.buffers.forEach((buffer) => buffer.destroy());
    // With the idle ones go those that were refused and given back just now: they must not be handed out again.
    this.#pool.trim();
    // `createBuffer` throws nothing else.
    if (thrown !== undefined && !(thrown instanceof RangeError)) throw thrown;
    return { ok: false, bytes: journal.bytes, why: refusal?.message ?? String(thrown) };
  }

  #create({ use, type, dims }: Omit<TensorSpec, "data">, bytes: number): Tensor {
    // WebGPU copies whole words.
    const size = Math.ceil(bytes / 4) * 4;
    const buffer = this.#take({ label: use, size, usage: BUFFER_USAGE });
    return this.#runtime.ort.Tensor.fromGpuBuffer(buffer, { dataType: type, dims });
  }

  #take(wanted: GPUBufferDescriptor & { readonly label: VramUse }): GPUBuffer {
    if (this.#journal) this.#journal.bytes += wanted.size;
    const buffer = POOLED.has(wanted.label) ? this.#pool.take(wanted) : this.#device.createBuffer(wanted);
    this.#journal?.buffers.push(buffer);
    return buffer;
  }

  #giveBack(buffer: GPUBuffer): void {
    if (POOLED.has(buffer.label)) this.#pool.give(buffer);
    else buffer.destroy();
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

  overwrite(tensor: Tensor, data: TensorData): void {
    (tensor.data as TensorData).set(data);
  }

  release(): void {
    // Garbage.
  }

  trim(): void {
    // Nothing is kept.
  }

  inPlace(): null {
    return null;
  }

  keepKv(): KvCache {
    const { feeds: empty } = emptyKv(this, this.#architecture, this.#runtime);
    let feeds = empty;
    return {
      get feeds() {
        return feeds;
      },
      fetches: { present_k: null, present_v: null },
      reset: () => {
        feeds = empty;
      },
      assume: (tokens) => {
        const { num_key_value_heads: heads, head_dim: headDim } = this.#architecture;
        const zeros = new this.#runtime.ort.Tensor("float32", new Float32Array(heads * tokens * headDim), [
          1,
          heads,
          tokens,
          headDim,
        ]);
        feeds = { past_k: zeros, past_v: zeros };
      },
      update: ({ present_k, present_v }) => {
        feeds = { past_k: present_k!, past_v: present_v! };
      },
      release: nothing,
    };
  }

  copyRows(tensor: Tensor, rows: readonly number[], into: Tensor): void {
    const refs = rows.map((row) => ({ tensor, row }));
    this.overwrite(into, packRows(refs, tensor.dims[1]!));
  }

  async readRows(rows: readonly RowRef[], columns: number): Promise<Float32Array> {
    return Promise.resolve(packRows(rows, columns));
  }

  async allocating<T>(allocate: () => T): Promise<T> {
    try {
      return await Promise.resolve(allocate());
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new EmbedError("out-of-memory", `not enough memory: ${cause.message}`, { cause });
    }
  }
}

function packRows(rows: readonly RowRef[], columns: number): Float32Array {
  const result = new Float32Array(rows.length * columns);
  rows.forEach(({ tensor, row }, i) => {
    result.set((tensor.data as Float32Array).subarray(row * columns, (row + 1) * columns), i * columns);
  });
  return result;
}
