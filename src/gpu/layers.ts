/** @file The layer-major loop: for each layer, for each chunk, one run. Token ids in, last-token rows out. */
import { throwIfAborted } from "../errors.ts";
import type { Architecture } from "../pack.ts";
import type { Chunk, Pass } from "../types.ts";
import { chunkIndices, type ChunkIndices } from "./chunk-indices.ts";
import { ropeTables } from "./rope.ts";
import type { LayerSession, Runtime, Tensor, Tensors } from "./session.ts";
import { placeFloats, withoutKv, type KvCache, type RowRef, type TensorHome } from "./tensor-home.ts";
import type { TokenTable } from "./token-table.ts";
import type { WeightStore } from "./weights.ts";

/** What the loop runs on. */
export interface LayerParts {
  readonly architecture: Architecture;
  readonly runtime: Runtime;
  readonly session: LayerSession;
  readonly home: TensorHome;
  readonly weights: WeightStore;
  readonly tokens: TokenTable;
}

export interface PassOptions {
  /** Ids of a sequence of the plan. */
  readonly inputIds: (sequence: number) => Int32Array;
  /** Lets one run through at a time, all requests together. */
  readonly exclusive: <T>(run: () => Promise<T>) => Promise<T>;
  /** Told after each run how many tokens went through one layer. */
  readonly onRun?: (tokens: number) => void;
  /** Heeded before each run. */
  readonly signal?: AbortSignal | undefined;
}

/** A chunk with its tensors in place. */
interface LoadedChunk {
  readonly chunk: Chunk;
  readonly indices: Tensors;
  readonly kv: KvCache;
  hidden: Tensor;
}

/** RoPE tables start at this many positions and double: most texts are short, a full table is 16 MB. */
const FIRST_ROPE_POSITIONS = 1024;

/** Runs passes through all layers. */
export class LayerStack {
  readonly #parts: LayerParts;
  /** Each twice as long as the one before; shorter ones are kept, since a pass under way may still use them. */
  readonly #ropes: { readonly positions: number; readonly tensors: Tensors }[] = [];

  constructor(parts: LayerParts) {
    this.#parts = parts;
  }

  /**
   * Hidden states of each sequence's last token after the last layer, before the final norm.
   *
   * @returns Rows `[H]` by sequence.
   * @throws {EmbedError} `aborted` between runs, `device-lost`, `out-of-memory`.
   */
  async runPass(pass: Pass, options: PassOptions): Promise<Map<number, Float32Array>> {
    const { architecture, weights } = this.#parts;
    const loaded: LoadedChunk[] = [];
    const rope = await this.#ropeFor(pass);
    const kept = await this.#keptKv(pass);
    try {
      for (const chunk of pass.chunks) loaded.push(await this.#load(chunk, kept, options));
      for (let layer = 0; layer < architecture.num_hidden_layers; layer++) {
        const layerFeeds = { ...(await weights.layer(layer)), ...rope };
        for (const item of loaded) {
          throwIfAborted(options.signal);
          await options.exclusive(() => this.#run(item, layerFeeds));
          options.onRun?.(item.chunk.tokenCount);
        }
      }
      return await this.#lastRows(loaded, options);
    } finally {
      for (const item of loaded) this.#unload(item);
      kept?.release();
    }
  }

  release(): void {
    for (const { tensors } of this.#ropes.splice(0)) Object.values(tensors).forEach((tensor) => this.#release(tensor));
    this.#parts.weights.release();
  }

  async #load(chunk: Chunk, kept: KvCache | null, options: PassOptions): Promise<LoadedChunk> {
    const { architecture, home, runtime, tokens } = this.#parts;
    const ids = new Int32Array(chunk.tokenCount);
    let row = 0;
    for (const { sequence, start, length } of chunk.slices) {
      ids.set(options.inputIds(sequence).subarray(start, start + length), row);
      row += length;
    }
    const rows = await tokens.rows(ids);
    const indices = chunkIndices(chunk);
    const { sequences } = indices;
    const place = (): LoadedChunk => ({
      chunk,
      hidden: placeFloats(home, [chunk.tokenCount, architecture.hidden_size], rows),
      indices: this.#placeIndices(indices),
      kv: chunk.sliced && kept ? kept : withoutKv(home, architecture, { sequences, runtime }),
    });
    return home.allocating(place, (loaded) => this.#unload(loaded));
  }

  #placeIndices({ sequences, longest, padIndex, unpadIndex, seqlensK, totalSequence }: ChunkIndices): Tensors {
    const { home, runtime } = this.#parts;
    return {
      pad_index: home.place({ type: "int32", dims: [sequences, longest], data: padIndex }),
      unpad_index: home.place({ type: "int32", dims: [unpadIndex.length], data: unpadIndex }),
      seqlens_k: home.place({ type: "int32", dims: [sequences], data: seqlensK }),
      // The kernel reads it on the CPU to size its outputs.
      total_seq: new runtime.ort.Tensor("int32", totalSequence, [1]),
    };
  }

  async #run(item: LoadedChunk, layerFeeds: Tensors): Promise<void> {
    const { session, home } = this.#parts;
    const { chunk, kv, indices, hidden } = item;
    if (chunk.slices[0]!.start === 0) kv.reset();
    const feeds = { ...layerFeeds, ...indices, ...kv.feeds, hidden };
    const outputs = await session.run(feeds, { hidden_out: home.inPlace(hidden), ...kv.fetches });
    kv.update(outputs);
    item.hidden = outputs.hidden_out!;
  }

  async #lastRows(loaded: readonly LoadedChunk[], options: PassOptions): Promise<Map<number, Float32Array>> {
    const ends: (RowRef & { readonly sequence: number })[] = [];
    for (const { chunk, hidden } of loaded) {
      let row = -1;
      for (const { sequence, start, length } of chunk.slices) {
        row += length;
        if (start + length === options.inputIds(sequence).length) ends.push({ tensor: hidden, row, sequence });
      }
    }
    const columns = this.#parts.architecture.hidden_size;
    const rows = await this.#parts.home.readRows(ends, columns);
    return new Map(ends.map(({ sequence }, i) => [sequence, rows.subarray(i * columns, (i + 1) * columns)]));
  }

  /** KV buffers for the longest sliced sequence; slices of one sequence run next to each other, so all share them. */
  async #keptKv(pass: Pass): Promise<KvCache | null> {
    const { home } = this.#parts;
    const sliced = pass.chunks.filter((chunk) => chunk.sliced);
    if (sliced.length === 0) return null;
    return home.allocating(
      () => home.keepKv(longestOf(sliced)),
      (kv) => kv.release(),
    );
  }

  async #ropeFor(pass: Pass): Promise<Tensors> {
    const needed = longestOf(pass.chunks);
    const known = this.#ropes.find(({ positions }) => positions >= needed);
    if (known) return known.tensors;
    const { home, architecture } = this.#parts;
    const positions = Math.max(FIRST_ROPE_POSITIONS, 2 ** Math.ceil(Math.log2(needed)));
    const { cos, sin } = ropeTables({ positions, headDim: architecture.head_dim, theta: architecture.rope_theta });
    const dims = [positions, architecture.head_dim / 2];
    const tensors = await home.allocating(
      () => ({ cos: placeFloats(home, dims, cos), sin: placeFloats(home, dims, sin) }),
      (placed) => Object.values(placed).forEach((tensor) => this.#release(tensor)),
    );
    this.#ropes.push({ positions, tensors });
    return tensors;
  }

  #unload({ hidden, indices }: LoadedChunk): void {
    for (const tensor of [hidden, ...Object.values(indices)]) this.#release(tensor);
  }

  /** Tensors that stay on the CPU (`total_seq`) are garbage. */
  #release(tensor: Tensor): void {
    if (tensor.location === "gpu-buffer") this.#parts.home.release(tensor);
  }
}

/** Positions that the chunks reach. */
function longestOf(chunks: readonly Chunk[]): number {
  return Math.max(...chunks.flatMap(({ slices }) => slices.map((slice) => slice.start + slice.length)));
}
