/** @file Layer weights: pack → tensors that the layer graph takes as inputs, kept for good or uploaded anew in each pass. */
import { EmbedError, assert, throwIfAborted } from "../errors.ts";
import type { PackManifest, PackReader, ReadOptions } from "../pack.ts";
import { widenFloat16 } from "../float16.ts";
import {
  LayerFiles,
  layerTensors,
  layerTensorSpec,
  placedBytes,
  placedLayerBytes,
  type LayerTensor,
  type ReadTensor,
} from "./layer-files.ts";
import type { Tensor, Tensors } from "./session.ts";
import type { TensorHome, TensorSpec } from "./tensor-home.ts";

/**
 * Hands out the weights of layers: resident ones at once, streamed ones by way of slots that they share.
 * `layer` and `keep` are called with the run lock held, so that no run stands between them and its submission.
 */
export interface WeightStore {
  /** Layers of the model. */
  readonly layers: number;
  /** Layers with buffers of their own. */
  readonly residentLayers: number;
  /** Buffers that streamed layers share, each of one layer's size: 2, or 1 where a single layer is streamed. */
  readonly slots: number;
  /** Bytes of one layer as placed. */
  readonly layerBytes: number;
  /** Whether memory for a layer was refused since the load or the last `keep`; fewer layers are resident then. */
  readonly refused: boolean;
  /** Since the load: whole layers, and bytes as placed. */
  readonly uploads: { readonly layers: number; readonly bytes: number };
  /** For another store of the same pack. */
  readonly files: LayerFiles;
  /**
   * Fetches the files of layer `index` where they are not open yet. Without the run lock, before the layer's first run
   * of a pass: no query may have to wait for the network.
   *
   * @param signal - Ends the waiting; the fetch goes on for the next who needs it.
   * @throws {EmbedError} What opening throws; `aborted`.
   */
  fetch(index: number, signal?: AbortSignal): Promise<void>;
  /**
   * Weights of layer `index` by graph input name, for one run; the layer that is streamed next is read meanwhile.
   * The next call may overwrite them: it may come as soon as the run is submitted, since WebGPU's queue keeps order,
   * and a WASM run copies its inputs.
   *
   * @throws {EmbedError} `model-fetch-failed` or what else reading throws, and the next call tries again;
   *   `out-of-memory` when nothing can be given up for it any more; `disposed`.
   */
  layer(index: number): Promise<Tensors>;
  /**
   * Changes how many layers are resident. Surplus ones give their memory back at once; missing ones are kept when
   * they are uploaded next.
   */
  keep(residentLayers: number): void;
  release(): void;
}

export interface WeightOptions extends ReadOptions {
  /** Layers to keep; the others are streamed. @default all */
  readonly residentLayers?: number;
  /**
   * Of a store of the same pack: what it has open is used, other files are opened when their layers are first needed.
   *
   * @default every streamed layer's files are opened at once
   */
  readonly files?: LayerFiles;
}

/** One layer computes from the first while the second is filled. */
const STREAM_SLOTS = 2;

/** Given back when a layer is refused: a GPU that is full to the brim has no room for the runs. */
const HEADROOM_LAYERS = 2;

/** Slots that `layers` need when `residentLayers` of them are resident. */
export function streamSlots(layers: number, residentLayers: number): number {
  return Math.min(STREAM_SLOTS, layers - residentLayers);
}

/**
 * Places the resident layers and the slots, and opens the files of the streamed layers (but see `files`).
 *
 * Resident layers stand evenly among the streamed ones, the first layer among them, so that their computing hides the
 * uploads. JS memory holds two layers' files at a time, of streamed layers one tensor. When the GPU refuses a layer the
 * store goes on with fewer (`refused`).
 *
 * @throws {EmbedError} What reading throws; `out-of-memory` when not even the slots fit; `aborted`. Nothing stays
 *   allocated then.
 */
export async function openWeights(
  pack: PackReader,
  home: TensorHome,
  options: WeightOptions = {},
): Promise<WeightStore> {
  const weights = new LayerWeights(pack, home, options);
  try {
    await weights.load();
    return weights;
  } catch (error) {
    weights.release();
    throw error;
  }
}

/** `count` of `layers` layers, the first among them, as evenly spread as whole numbers allow. */
function spreadEvenly(layers: number, count: number): Set<number> {
  return new Set(Array.from({ length: layers }, (_, i) => i).filter((i) => (i * count) % layers < count));
}

/** The buffers of one layer. They are created by the first load into them and overwritten by later ones. */
interface Place {
  readonly tensors: Record<string, Tensor>;
  /** What it holds, or will hold when `filled`. */
  layer: number;
  /** Goes up when a load begins, and when the place is given up: a load that is not the latest writes nothing more. */
  turn: number;
  filling: boolean;
  filled: Promise<void>;
  /** Whether the GPU refused one of its buffers. */
  refused: boolean;
  givenUp: boolean;
}

const newPlace = (layer: number): Place => ({
  tensors: {},
  layer,
  turn: 0,
  filling: false,
  filled: Promise.resolve(),
  refused: false,
  givenUp: false,
});

const nothing = (): void => undefined;

class LayerWeights implements WeightStore {
  readonly layers: number;
  readonly layerBytes: number;
  refused = false;
  uploads = { layers: 0, bytes: 0 };
  readonly #manifest: PackManifest;
  readonly #home: TensorHome;
  readonly files: LayerFiles;
  readonly #opensLater: boolean;
  readonly #lifetime = new AbortController();
  #loading = true;
  /** Layers that are to be resident. While they are not there yet, others may stay in their stead. */
  #wanted = new Set<number>();
  readonly #residents = new Map<number, Place>();
  readonly #slots = new Set<Place>();
  /** What `layer` gave out last: a run may be about to use it. */
  #inUse: Place | null = null;
  /** Tensors go from file to home one after the other, so that JS memory holds one. */
  #lastTensor = Promise.resolve();

  constructor(pack: PackReader, home: TensorHome, options: WeightOptions) {
    this.#manifest = pack.manifest;
    this.#home = home;
    const { files: lender, residentLayers, ...reading } = options;
    this.files = new LayerFiles(pack, { ...reading, lender });
    this.#opensLater = lender !== undefined;
    this.layers = pack.manifest.architecture.num_hidden_layers;
    this.layerBytes = placedLayerBytes(pack.manifest, home.activations);
    this.#want(residentLayers ?? this.layers);
  }

  get residentLayers(): number {
    return this.#residents.size;
  }

  get slots(): number {
    return streamSlots(this.layers, this.#wanted.size);
  }

  async load(): Promise<void> {
    for (let next = this.#nextToLoad(); next !== undefined; next = this.#nextToLoad()) await this.#filledPlace(next);
    this.#loading = false;
    for (let index = 0; index < this.layers; index++) {
      if (!this.#opensLater) await this.fetch(index);
    }
    this.files.loaded(this.#lifetime.signal);
    this.uploads = { layers: 0, bytes: 0 };
  }

  /** Slots come first: without them no layer could be streamed, whatever else fits. */
  #nextToLoad(): number | undefined {
    const indices = Array.from({ length: this.layers }, (_, i) => i);
    const missing = indices.filter((i) => !this.#placeOf(i));
    const streamed = this.#slots.size < this.slots ? missing.find((i) => !this.#wanted.has(i)) : undefined;
    return streamed ?? missing.find((i) => this.#wanted.has(i));
  }

  async fetch(index: number, signal?: AbortSignal): Promise<void> {
    if (!this.#residents.has(index)) await orAborted(this.files.open(layerTensors(this.#manifest, index)), signal);
  }

  async layer(index: number): Promise<Tensors> {
    // The run that used it is submitted by now.
    this.#inUse = null;
    const place = await this.#filledPlace(index);
    this.#inUse = place;
    this.#readAhead(index);
    return place.tensors;
  }

  keep(residentLayers: number): void {
    this.refused = false;
    this.#want(residentLayers);
  }

  release(): void {
    this.#lifetime.abort();
    for (const place of [...this.#residents.values(), ...this.#slots]) this.#giveUp(place);
  }

  /** Gives surplus layers up, and lets a slot whose layer is to stay become that layer's own. */
  #want(count: number): void {
    this.#wanted = spreadEvenly(this.layers, Math.min(Math.max(0, Math.floor(count)), this.layers));
    for (const [layer, place] of [...this.#residents]) {
      if (this.#residents.size > this.#wanted.size && !this.#wanted.has(layer)) this.#giveUp(place);
    }
    for (const slot of [...this.#slots]) {
      if (!this.#wanted.has(slot.layer) || this.#residents.size === this.#wanted.size) continue;
      this.#slots.delete(slot);
      this.#residents.set(slot.layer, slot);
    }
    for (const slot of [...this.#slots].slice(this.slots)) this.#giveUp(slot);
  }

  /** The place of layer `index`, once it is filled; gives residents up as long as the GPU refuses it one. */
  async #filledPlace(index: number): Promise<Place> {
    for (;;) {
      this.#throwIfReleased();
      const place = this.#placeOf(index) ?? this.#fillFor(index);
      assert(place, `no slot for layer ${index}`);
      const streamed = this.#slots.has(place);
      try {
        await place.filled;
        if (this.#placeOf(index) === place) return place;
      } catch (error) {
        this.#throwIfReleased();
        if (!place.refused || (streamed && this.#residents.size === 0)) throw error;
        this.refused = true;
        this.#want(this.#residents.size - HEADROOM_LAYERS - (STREAM_SLOTS - this.#slots.size));
      }
    }
  }

  /** Only up to the end of the pass: nobody knows whether another one follows. */
  #readAhead(index: number): void {
    let next = index + 1;
    while (this.#residents.has(next)) next++;
    if (next < this.layers && !this.#placeOf(next)) this.#fillFor(next);
  }

  #placeOf(index: number): Place | undefined {
    return this.#residents.get(index) ?? [...this.#slots].find(({ layer }) => layer === index);
  }

  /** Starts to load layer `index`, unless a run stands in the way; who waits for `filled` is told of a failure. */
  #fillFor(index: number): Place | null {
    const place = this.#ownPlace(index) ?? this.#freeSlot(index);
    if (!place) return null;
    place.layer = index;
    place.turn++;
    place.filled = this.#fill(place, index);
    place.filled.catch(nothing);
    return place;
  }

  /** For a layer that is to be resident: buffers of a layer that is not, or new ones. */
  #ownPlace(index: number): Place | null {
    if (!this.#wanted.has(index)) return null;
    const spare = [...this.#residents].find(([layer, place]) => !this.#wanted.has(layer) && place !== this.#inUse);
    if (!spare && this.#residents.size === this.#wanted.size) return null;
    if (spare) this.#residents.delete(spare[0]);
    const place = spare?.[1] ?? newPlace(index);
    this.#residents.set(index, place);
    return place;
  }

  /** A slot that may be overwritten, rather one that is being read ahead: what is wanted now must not wait for that. */
  #freeSlot(index: number): Place | null {
    if (this.#slots.size < this.slots) {
      const slot = newPlace(index);
      this.#slots.add(slot);
      return slot;
    }
    const free = [...this.#slots].filter((slot) => slot !== this.#inUse);
    return free.find(({ filling }) => filling) ?? free[0] ?? null;
  }

  async #fill(place: Place, index: number): Promise<void> {
    const { turn } = place;
    const current = (): boolean => place.turn === turn;
    const tensors = layerTensors(this.#manifest, index);
    place.filling = true;
    try {
      const read = await (this.#slots.has(place) ? this.files.open(tensors) : this.files.readOnce(tensors));
      const next = this.#loading ? this.#nextToLoad() : undefined;
      if (next !== undefined && this.#wanted.has(next)) this.files.readAhead(layerTensors(this.#manifest, next));
      const placing: Promise<void>[] = [];
      for (const tensor of tensors) {
        const task = (): Promise<void> => this.#place(place, { tensor, read, current });
        // In a load whole files are in memory: their tensors need not wait for the GPU's word on each other.
        if (this.#loading && !this.#slots.has(place)) placing.push(task());
        else await this.#inOrder(task);
      }
      const failed = (await Promise.allSettled(placing)).find((result) => result.status === "rejected");
      if (failed) throw failed.reason;
      if (current()) this.uploads.layers++;
    } catch (error) {
      if (current()) this.#giveUp(place);
      throw error;
    } finally {
      if (current()) place.filling = false;
    }
  }

  async #inOrder(task: () => Promise<void>): Promise<void> {
    const result = this.#lastTensor.then(task);
    this.#lastTensor = result.catch(nothing);
    await result;
  }

  async #place(
    place: Place,
    what: { readonly tensor: LayerTensor; readonly read: ReadTensor; readonly current: () => boolean },
  ): Promise<void> {
    const { tensor, read, current } = what;
    if (!current()) return;
    const stored = await read(tensor);
    if (!current()) return;
    const spec = layerTensorSpec(tensor, stored, this.#home.activations);
    await this.#upload(place, tensor.input, spec);
    this.uploads.bytes += placedBytes(tensor, this.#home.activations);
  }

  /** In an error scope even where a buffer is overwritten: writing needs memory of its own, and fails without a word. */
  async #upload(place: Place, input: string, spec: TensorSpec): Promise<void> {
    const known = place.tensors[input];
    const release = (tensor: Tensor): void => this.#home.release(tensor);
    const upload = (): Tensor => {
      if (!known) return this.#home.place(spec);
      this.#home.overwrite(known, spec.data);
      return known;
    };
    try {
      const tensor = await this.#home.allocating(upload, known ? nothing : release);
      if (known) return;
      if (place.givenUp) release(tensor);
      else place.tensors[input] = tensor;
    } catch (error) {
      place.refused = true;
      throw error;
    }
  }

  #giveUp(place: Place): void {
    if (this.#residents.get(place.layer) === place) this.#residents.delete(place.layer);
    this.#slots.delete(place);
    place.turn++;
    place.givenUp = true;
    for (const tensor of Object.values(place.tensors)) this.#home.release(tensor);
  }

  #throwIfReleased(): void {
    if (this.#lifetime.signal.aborted) throw new EmbedError("disposed", "the weights have been released");
  }
}

/** Leaves the task to itself when the signal fires. */
async function orAborted(task: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  const settled = new AbortController();
  const aborted = new Promise<void>((resolve) => {
    if (signal?.aborted) resolve();
    else signal?.addEventListener("abort", () => resolve(), { once: true, signal: settled.signal });
  });
  try {
    await Promise.race([aborted, task]);
  } finally {
    settled.abort();
  }
  throwIfAborted(signal);
}

/**
 * The gain of the final norm, for the CPU.
 *
 * @returns `[H]`.
 */
export async function readFinalNorm(pack: PackReader, options: ReadOptions = {}): Promise<Float32Array> {
  const tensor = pack.manifest.tensors.find(({ name }) => name === "final.norm");
  assert(tensor, "parseManifest lets no manifest without final.norm through");
  const file = await pack.readFile(tensor.file, options);
  return widenFloat16(new Uint16Array(file, tensor.offset, tensor.bytes / 2));
}
