/** @file The layer-major loop: for each layer, for each chunk, one run. Token ids in, last-token rows out. */
import { throwIfAborted, type EmbedError } from "../errors.ts";
import type { Architecture } from "../pack.ts";
import type { Chunk, Pass } from "../types.ts";
import { chunkIndices, lastRowCount, type ChunkIndices } from "./chunk-indices.ts";
import { ropeTables } from "./rope.ts";
import type { RunFences, RunReport, Submitted } from "./run-fences.ts";
import type { LayerSession, Runtime, Tensor, Tensors } from "./session.ts";
import { placeFloats, type KvCache, type TensorHome } from "./tensor-home.ts";
import type { TokenTable } from "./token-table.ts";
import type { WeightStore } from "./weights.ts";

/** What the loop runs on. */
export interface LayerParts {
  readonly architecture: Architecture;
  readonly runtime: Runtime;
  readonly session: LayerSession;
  /** Shared by all stacks of a device. */
  readonly fences: RunFences;
  readonly home: TensorHome;
  readonly weights: WeightStore;
  readonly tokens: TokenTable;
}

/** A run that is done. */
export interface LayerRunReport {
  readonly chunk: Chunk;
  readonly ms: number;
  /** The last layer works out the last tokens' rows only, so its time says nothing about other layers. */
  readonly rows: "all" | "last";
}

export interface PassOptions {
  /** Ids of a sequence of the plan. */
  readonly inputIds: (sequence: number) => Int32Array;
  /** Lets one run through at a time, all requests together. */
  readonly exclusive: <T>(run: () => Promise<T>) => Promise<T>;
  /** Told when a chunk has gone through one layer and the device is done with it; not after the pass has ended. */
  readonly onRun?: (run: LayerRunReport) => void;
  /** How long a run of the chunk should take; `null` if unknown. @default unknown */
  readonly expectedMs?: (chunk: Chunk) => number | null;
  /** Heeded before each run. */
  readonly signal?: AbortSignal | undefined;
}

/** A chunk with its tensors in place. */
interface LoadedChunk {
  readonly chunk: Chunk;
  /** Where its sequences end. */
  readonly ends: readonly SequenceEnd[];
  /** `null`: whole sequences, whose keys and values nobody asks for later. */
  readonly kv: KvCache | null;
  readonly indices: Tensors;
  hidden: Tensor;
  readonly last: LastRows;
  /** What the next run gives: rows of all tokens, or `last`. */
  rows: LayerRunReport["rows"];
}

/** What the last layer goes on with behind the attention, and gives. */
interface LastRows {
  /** Of the packed tokens: one for each end, the last one again where there are fewer than `lastRowCount`. */
  readonly rows: readonly number[];
  readonly unpadIndex: Tensor;
  /** `[rows, H]`. */
  residual: Tensor;
}

/** A pass under way. */
interface PassState {
  readonly rope: Tensors;
  /** KV of the sliced sequences, one after the other. */
  readonly kept: KvCache | null;
  readonly loaded: LoadedChunk[];
  /** What went wrong in a run that was handed over before: on the device, or in who was told of its end. */
  failure: Error | null;
  ended: boolean;
  /** Resolves when the last run so far is done on the device. */
  lastRun: Promise<void>;
}

/** RoPE tables start at this many positions and double: most texts are short, a full table is 16 MB. */
const FIRST_ROPE_POSITIONS = 1024;

/** Runs passes through all layers. */
export class LayerStack {
  readonly #parts: LayerParts;
  /** Each twice as long as the one before; shorter ones are kept, since a pass under way may still use them. */
  #ropes: { readonly positions: number; readonly tensors: Promise<Tensors> }[] = [];

  constructor(parts: LayerParts) {
    this.#parts = parts;
  }

  /**
   * Hidden states of each sequence's last token after the last layer, before the final norm.
   *
   * @returns Rows `[H]` by sequence.
   * @throws {EmbedError} `aborted` between runs, `device-lost`, `out-of-memory` (the next pass may be tried).
   */
  async runPass(pass: Pass, options: PassOptions): Promise<Map<number, Float32Array>> {
    const { architecture, tokens } = this.#parts;
    return this.#holding(pass, async (state) => {
      const lengthOf = (sequence: number): number => options.inputIds(sequence).length;
      for (const chunk of pass.chunks) {
        const rows = await tokens.rows(idsOf(chunk, options.inputIds));
        await this.#load({ chunk, ends: endsIn(chunk, lengthOf), rows }, state);
      }
      // What this pass could not use must not lie beside it.
      this.#parts.home.trim();
      const last = architecture.num_hidden_layers - 1;
      for (let layer = 0; layer <= last; layer++) {
        await this.#parts.weights.fetch(layer, options.signal);
        for (const item of state.loaded) {
          if (layer === last) this.#narrow(item);
          await this.#run({ layer, item, state }, options);
        }
      }
      return this.#lastRows(state);
    });
  }

  /**
   * Places all that a pass needs and runs its first, its largest and its last chunk through one layer as if it were any
   * and as if it were the last, with all their past, then frees it: compiles the pass's pipelines and takes its memory at
   * a fraction of its time.
   *
   * @throws {EmbedError} As `runPass`.
   */
  async rehearse(pass: Pass, options: Omit<PassOptions, "inputIds">): Promise<void> {
    const columns = this.#parts.architecture.hidden_size;
    await this.#holding(pass, async (state) => {
      for (const chunk of pass.chunks) {
        const rows = new Float32Array(chunk.tokenCount * columns);
        await this.#load({ chunk, ends: endsIn(chunk, lengthIn(pass)), rows }, state);
      }
      this.#parts.home.trim();
      await this.#parts.weights.fetch(0, options.signal);
      const chosen = new Set([pass.chunks[0], largestOf(pass.chunks), pass.chunks.at(-1)]);
      const runChosen = async (item: LoadedChunk): Promise<void> => {
        if (!chosen.has(item.chunk)) return;
        item.kv?.assume(item.chunk.slices[0]!.start);
        await this.#run({ layer: 0, item, state }, options);
      };
      for (const item of state.loaded) await runChosen(item);
      for (const item of state.loaded) {
        this.#narrow(item);
        await runChosen(item);
      }
      await this.#lastRows(state);
    });
  }

  /** Frees the weights and the tables. Not while a pass is under way. */
  release(): void {
    for (const { tensors } of this.#ropes) tensors.then((placed) => this.#releaseAll(placed)).catch(() => undefined);
    this.#ropes = [];
    this.#parts.weights.release();
  }

  /** Gives back what a pass holds, however it ends. Runs under way keep what they use: the queue is in order. */
  async #holding<T>(pass: Pass, run: (state: PassState) => Promise<T>): Promise<T> {
    const rope = await this.#ropeFor(pass);
    const kept = await this.#keptKv(pass);
    const state: PassState = { rope, kept, loaded: [], failure: null, ended: false, lastRun: Promise.resolve() };
    try {
      return await run(state);
    } finally {
      state.ended = true;
      for (const item of state.loaded) this.#unload(item);
      kept?.release();
    }
  }

  async #load(
    what: Pick<LoadedChunk, "chunk" | "ends"> & { readonly rows: Float32Array },
    state: PassState,
  ): Promise<void> {
    const { architecture, home } = this.#parts;
    const { chunk, ends, rows } = what;
    const indices = chunkIndices(chunk);
    const place = (): LoadedChunk => ({
      chunk,
      ends,
      rows: "all",
      hidden: placeFloats(home, { use: "hidden", dims: [chunk.tokenCount, architecture.hidden_size] }, rows),
      last: this.#placeLast(what, indices),
      indices: this.#placeIndices(indices),
      kv: chunk.sliced ? state.kept : null,
    });
    state.loaded.push(await home.allocating(place, (loaded) => this.#unload(loaded)));
  }

  #placeIndices({ sequences, longest, padIndex, unpadIndex, seqlensK, totalSequence }: ChunkIndices): Tensors {
    const { home, runtime } = this.#parts;
    return {
      pad_index: home.place({ use: "indices", type: "int32", dims: [sequences, longest], data: padIndex }),
      unpad_index: this.#placeUnpadIndex(unpadIndex),
      seqlens_k: home.place({ use: "indices", type: "int32", dims: [sequences], data: seqlensK }),
      // The kernel reads it on the CPU to size its outputs.
      total_seq: new runtime.ort.Tensor("int32", totalSequence, [1]),
    };
  }

  #placeUnpadIndex(data: Int32Array): Tensor {
    return this.#parts.home.place({ use: "indices", type: "int32", dims: [data.length], data });
  }

  #placeLast({ chunk, ends }: Pick<LoadedChunk, "chunk" | "ends">, { unpadIndex }: ChunkIndices): LastRows {
    const { architecture, home } = this.#parts;
    const rows = lastRowsOf(chunk, ends);
    const dims = [rows.length, architecture.hidden_size];
    return {
      rows,
      unpadIndex: this.#placeUnpadIndex(Int32Array.from(rows, (row) => unpadIndex[row]!)),
      residual: placeFloats(home, { use: "hidden", dims }, new Float32Array(rows.length * architecture.hidden_size)),
    };
  }

  /** From the next run on the chunk is in its last layer: attention needs all rows, what comes behind it only some. */
  #narrow(item: LoadedChunk): void {
    this.#parts.home.copyRows(item.hidden, item.last.rows, item.last.residual);
    item.rows = "last";
  }

  async #run(
    what: { readonly layer: number; readonly item: LoadedChunk; readonly state: PassState },
    options: Pick<PassOptions, "exclusive" | "onRun" | "expectedMs" | "signal">,
  ): Promise<void> {
    const { layer, item, state } = what;
    const { fences, weights } = this.#parts;
    const { chunk, rows } = item;
    const expectedMs = options.expectedMs?.(chunk) ?? null;
    const onEnd = ({ ms, failure }: RunReport<EmbedError>): void => {
      state.failure ??= failure;
      if (!state.ended) options.onRun?.({ chunk, ms, rows });
    };
    const { ended } = await options.exclusive(async () => {
      await fences.ready();
      throwIfAborted(options.signal);
      if (state.failure) throw state.failure;
      // Before each run: layers that are streamed take turns, and another pass may have run since.
      const layerFeeds = { ...(await weights.layer(layer)), ...state.rope };
      return fences.run({ expectedMs, onEnd }, () => this.#submit(item, layerFeeds));
    });
    ended.catch((error: Error) => (state.failure ??= error));
    state.lastRun = ended;
  }

  async #submit(item: LoadedChunk, layerFeeds: Tensors): Promise<Submitted<void, EmbedError>> {
    const { session, home } = this.#parts;
    const { chunk, kv, indices, hidden, last, rows } = item;
    if (chunk.slices[0]!.start === 0) kv?.reset();
    const own = rows === "all" ? { residual: hidden } : { residual: last.residual, unpad_index: last.unpadIndex };
    const feeds = { ...layerFeeds, ...indices, ...kv?.feeds, hidden, ...own };
    const fetches = { hidden_out: home.inPlace(own.residual), ...kv?.fetches };
    const { outputs, settled } = await session.run(kv ? "sliced" : "whole", feeds, fetches);
    kv?.update(outputs);
    if (rows === "all") item.hidden = outputs.hidden_out!;
    else last.residual = outputs.hidden_out!;
    return { value: undefined, settled };
  }

  /** The rows once the device is done with all runs of the pass, if it did them all. */
  async #lastRows(state: PassState): Promise<Map<number, Float32Array>> {
    const columns = this.#parts.architecture.hidden_size;
    const { fences, home } = this.#parts;
    const ends = state.loaded.flatMap(({ ends: own, hidden, last, rows }) =>
      own.map(({ sequence, row }, i) =>
        rows === "last" ? { sequence, tensor: last.residual, row: i } : { sequence, tensor: hidden, row },
      ),
    );
    // Counted like a run: a readback that never settles is found by the same deadline.
    const { value: rows } = await fences.run({ expectedMs: null }, async () => ({
      value: await home.readRows(ends, columns),
      settled: null,
    }));
    await state.lastRun;
    if (state.failure) throw state.failure;
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

  #ropeFor(pass: Pass): Promise<Tensors> {
    const needed = longestOf(pass.chunks);
    const known = this.#ropes.find(({ positions }) => positions >= needed);
    if (known) return known.tensors;
    const positions = Math.max(FIRST_ROPE_POSITIONS, 2 ** Math.ceil(Math.log2(needed)));
    const rope = { positions, tensors: this.#placeRope(positions) };
    this.#ropes.push(rope);
    rope.tensors.catch(() => (this.#ropes = this.#ropes.filter((other) => other !== rope)));
    return rope.tensors;
  }

  async #placeRope(positions: number): Promise<Tensors> {
    const { home, architecture } = this.#parts;
    const { cos, sin } = ropeTables({ positions, headDim: architecture.head_dim, theta: architecture.rope_theta });
    const table = { use: "tables", dims: [positions, architecture.head_dim / 2] } as const;
    return home.allocating(
      () => ({ cos: placeFloats(home, table, cos), sin: placeFloats(home, table, sin) }),
      (placed) => this.#releaseAll(placed),
    );
  }

  #unload({ hidden, last, indices }: LoadedChunk): void {
    this.#releaseAll({ ...indices, hidden });
    this.#releaseAll({ residual: last.residual, unpad_index: last.unpadIndex });
  }

  /** Tensors that stay on the CPU (`total_seq`) are garbage. */
  #releaseAll(tensors: Tensors): void {
    for (const tensor of Object.values(tensors)) {
      if (tensor.location === "gpu-buffer") this.#parts.home.release(tensor);
    }
  }
}

/** A slice that no sequence ends in is run for its keys and values; a tensor of no rows is no tensor. */
function lastRowsOf({ tokenCount, slices }: Chunk, ends: readonly SequenceEnd[]): number[] {
  const count = lastRowCount({ tokens: tokenCount, sequences: slices.length });
  return Array.from({ length: count }, (_, i) => ends[i]?.row ?? tokenCount - 1);
}

/** Positions that the chunks reach. */
function longestOf(chunks: readonly Chunk[]): number {
  return Math.max(...chunks.flatMap(({ slices }) => slices.map((slice) => slice.start + slice.length)));
}

/** The chunk whose run takes the most memory: of those with most tokens, the one with most past. */
function largestOf(chunks: readonly Chunk[]): Chunk | undefined {
  return chunks.toSorted((a, b) => b.tokenCount - a.tokenCount || longestOf([b]) - longestOf([a]))[0];
}

/** Where the last token of a sequence is. */
interface SequenceEnd {
  readonly sequence: number;
  /** Of the chunk's packed tokens. */
  readonly row: number;
}

function idsOf(chunk: Chunk, inputIds: PassOptions["inputIds"]): Int32Array {
  const ids = new Int32Array(chunk.tokenCount);
  let row = 0;
  for (const { sequence, start, length } of chunk.slices) {
    ids.set(inputIds(sequence).subarray(start, start + length), row);
    row += length;
  }
  return ids;
}

function endsIn({ slices }: Chunk, lengthOf: (sequence: number) => number): SequenceEnd[] {
  const ends: SequenceEnd[] = [];
  let row = -1;
  for (const { sequence, start, length } of slices) {
    row += length;
    if (start + length === lengthOf(sequence)) ends.push({ sequence, row });
  }
  return ends;
}

/** Tokens of a sequence as far as the pass goes, which is to its end. */
function lengthIn(pass: Pass): (sequence: number) => number {
  const lengths = new Map<number, number>();
  for (const { sequence, start, length } of pass.chunks.flatMap(({ slices }) => slices)) {
    lengths.set(sequence, start + length);
  }
  return (sequence) => lengths.get(sequence)!;
}
