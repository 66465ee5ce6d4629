/** @file Bytes of layers: pack files → tensors as the layer graph wants them, one at a time. */
import { throwIfAborted } from "../errors.ts";
import type { Activations, PackManifest, PackReader, PackTensor, ReadOptions } from "../pack.ts";
import { widenFloat16 } from "../float16.ts";
import type { TensorData, TensorSpec } from "./tensor-home.ts";

/** A tensor of a layer as the pack stores it, with its name as input of the layer graph. */
export interface LayerTensor extends PackTensor {
  readonly input: string;
}

/** The tensors of layer `index`, in the manifest's order; every layer has the same inputs of the same shapes. */
export function layerTensors(manifest: PackManifest, index: number): LayerTensor[] {
  const prefix = `layers.${index}.`;
  return manifest.tensors
    .filter(({ name }) => name.startsWith(prefix))
    .map((tensor) => ({ ...tensor, input: tensor.name.slice(prefix.length) }));
}

/** What a tensor's buffer takes; what is stored as float16 (scales, norms, 16-bit weights) is widened for f32 layers. */
export function placedBytes({ dtype, bytes }: PackTensor, activations: Activations): number {
  const placed = dtype === "float16" && activations === "f32" ? 2 * bytes : bytes;
  // WebGPU copies whole words.
  return Math.ceil(placed / 4) * 4;
}

/** GPU bytes of one layer's weights; pure, so that residency can be planned before anything is loaded. */
export function placedLayerBytes(manifest: PackManifest, activations: Activations): number {
  return layerTensors(manifest, 0).reduce((sum, tensor) => sum + placedBytes(tensor, activations), 0);
}

/** @param stored - The tensor's bytes, on a float16's boundary. */
export function layerTensorSpec(tensor: PackTensor, stored: Uint8Array, activations: Activations): TensorSpec {
  const shape = { use: "weights", dims: tensor.shape } as const;
  if (tensor.dtype === "uint8") return { ...shape, type: "uint8", data: stored };
  const halves = new Uint16Array(stored.buffer, stored.byteOffset, stored.byteLength / 2);
  const data: TensorData = activations === "f32" ? widenFloat16(halves) : halves;
  return { ...shape, type: activations === "f32" ? "float32" : "float16", data };
}

/** Reads tensors of a layer whose files are there. */
export type ReadTensor = (tensor: PackTensor) => Promise<Uint8Array>;

/** The open and the read files of a pack's layers. */
export class LayerFiles {
  readonly #pack: PackReader;
  /** Files that stay open, outside the JS heap. A file stays open once it was, since its layer may be streamed again. */
  readonly #open = new Map<string, Promise<ReadTensor>>();
  /** Files that have been reported to `onBytes`: what is read again comes from a cache. */
  readonly #reported = new Set<string>();
  readonly #lender: LayerFiles | undefined;
  /** A whole file that `readOnce` is going to ask for. */
  #ahead: { readonly file: string; readonly whole: Promise<ArrayBuffer> } | null = null;
  #options: ReadOptions;

  /** @param options - For the load, until `loaded`; `lender` has files of the same pack, and what it has open is used. */
  constructor(pack: PackReader, { lender, ...options }: ReadOptions & { readonly lender?: LayerFiles | undefined }) {
    this.#pack = pack;
    this.#lender = lender;
    this.#options = options;
  }

  /** From now on nothing is reported, and reading heeds another signal. */
  loaded(signal: AbortSignal): void {
    this.#options = { signal };
  }

  /** @throws {EmbedError} What opening throws; the next call tries again. */
  async open(tensors: readonly PackTensor[]): Promise<ReadTensor> {
    return this.#reader(tensors, (file) => this.#opened(file));
  }

  /**
   * For a layer that is read once: whole files, which is faster than ranges and keeps no copy outside the heap.
   *
   * @throws {EmbedError} What reading throws.
   */
  async readOnce(tensors: readonly PackTensor[]): Promise<ReadTensor> {
    return this.#reader(tensors, async (file) => {
      if (this.#open.has(file)) return this.#opened(file);
      const ahead = this.#ahead?.file === file ? this.#ahead.whole : null;
      this.#ahead = null;
      const whole = await (ahead ?? this.#pack.readFile(file, this.#optionsFor(file)));
      return ({ offset, bytes }) => Promise.resolve(new Uint8Array(whole, offset, bytes));
    });
  }

  /**
   * Begins to read the file of a layer that `readOnce` is asked for next: reading and hashing go on beside the upload of
   * the layer before.
   */
  readAhead(tensors: readonly PackTensor[]): void {
    const file = tensors[0]?.file;
    if (file === undefined || this.#open.has(file) || this.#ahead?.file === file) return;
    const whole = this.#pack.readFile(file, this.#optionsFor(file));
    // Whoever asks for it is told.
    whole.catch(() => undefined);
    this.#ahead = { file, whole };
  }

  async #reader(tensors: readonly PackTensor[], readerOf: (file: string) => Promise<ReadTensor>): Promise<ReadTensor> {
    const readers = new Map<string, ReadTensor>();
    for (const { file } of tensors) if (!readers.has(file)) readers.set(file, await readerOf(file));
    return async (tensor) => {
      throwIfAborted(this.#options.signal);
      return readers.get(tensor.file)!(tensor);
    };
  }

  #opened(file: string): Promise<ReadTensor> {
    const known = this.#known(file);
    if (known) return known;
    const opening = this.#pack.openFile(file, this.#optionsFor(file)).then((ranges): ReadTensor => {
      return async ({ offset, bytes }) => new Uint8Array(await ranges.read(offset, bytes));
    });
    this.#open.set(file, opening);
    opening.catch(() => this.#open.delete(file));
    return opening;
  }

  #known(file: string): Promise<ReadTensor> | undefined {
    return this.#open.get(file) ?? (this.#lender && this.#lender.#known(file));
  }

  #optionsFor(file: string): ReadOptions {
    const { signal, onBytes } = this.#options;
    const first = !this.#reported.has(file);
    this.#reported.add(file);
    return { ...(signal && { signal }), ...(onBytes && first && { onBytes }) };
  }
}
