/** @file What a plan takes: bytes and arithmetic as functions of its chunks. Pure. */
import type { Activations, Architecture, WeightBits } from "../pack.ts";
import type { Chunk, VramBytes } from "../types.ts";

/** What the bytes of a plan depend on besides the plan. */
export interface CostShape {
  readonly architecture: Architecture;
  readonly activations: Activations;
  readonly bits: WeightBits;
  readonly kind: "webgpu" | "wasm";
  /** Weights of one layer as placed. */
  readonly layerBytes: number;
}

/** Where the layers' weights are: some stay, the others take turns in slots of one layer each. */
export interface Residency {
  readonly residentLayers: number;
  readonly slots: number;
}

/** From this many new tokens a sequence on, attention on the GPU needs no scratch: another kernel runs. */
export const FLASH_TOKENS = 32;

/** Positions of the KV that the kernel for fewer new tokens handles apart, each with a result of its own. */
const SPLIT_POSITIONS = 64;

/** ONNX Runtime rounds its buffers up to this. */
const RUNTIME_ALIGNMENT = 16;

/** Uniform buffers that ONNX Runtime keeps, one a size: 1.2 KB were the most that many shapes left behind. */
const UNIFORM_BYTES = 4096;

/** The stack makes RoPE tables for this many positions, then for twice as many, and keeps the shorter ones. */
const FIRST_TABLE_POSITIONS = 1024;

/** The last layer goes on with a row of each sequence, but with no fewer than these, as far as there are tokens. */
const LEAST_LAST_ROWS = 4;

/** What the WASM build's heap starts with; its own code, stack and session fit in. */
const WASM_HEAP_START_BYTES = 16 * 1024 * 1024;

/** What the buffers of a run depend on. */
interface Run {
  readonly tokens: number;
  /** New tokens of the longest sequence. */
  readonly longest: number;
  /** Cells of the rectangle that attention works on. */
  readonly padded: number;
  readonly sliced: boolean;
  readonly kvTokens: number;
}

/** Bytes of a whole plan, most at one moment: vectors are read back when no run of the pass is left. */
export function totalBytes(bytes: VramBytes): number {
  const { weights, tables, hidden, indices, kv, readback, runtime } = bytes;
  return weights + tables + hidden + indices + kv + Math.max(readback, runtime);
}

/**
 * Multiplications and additions of one layer over one chunk: the linear layers, and attention over all that comes
 * before each token.
 */
export function runFlops(architecture: Architecture, chunk: Chunk): number {
  const { hidden_size: hidden, intermediate_size: intermediate } = architecture;
  const { queries, keys } = headWidths(architecture);
  const weights = hidden * (2 * queries + 2 * keys + 3 * intermediate);
  // Of a token and a position: a product for the score, and one for the sum.
  const pairs = chunk.slices.reduce((sum, { start, length }) => sum + length * (start + (length + 1) / 2), 0);
  return 2 * chunk.tokenCount * weights + 4 * queries * pairs;
}

/**
 * Predicts what a plan takes. On WebGPU these are bytes of GPU buffers, and `runtime` is what ONNX Runtime 1.30 creates
 * in a run of the layer graph (tools/pack/layer-graph.ts; `npm run bench:vram` measures it). On WASM `runtime` is the
 * heap of such a run, weights included, and the others are JS memory.
 */
export class CostModel {
  readonly shape: CostShape;

  constructor(shape: CostShape) {
    this.shape = shape;
  }

  /** Bytes of the layers' weights that stay on the GPU; 0 on WASM, where each run copies its layer's into the heap. */
  weights({ residentLayers, slots }: Residency): number {
    return this.shape.kind === "wasm" ? 0 : (residentLayers + slots) * this.shape.layerBytes;
  }

  /** RoPE tables once `positions` were needed: those, and all shorter ones. */
  tables(positions: number): number {
    const all = 2 * tablePositions(positions) - FIRST_TABLE_POSITIONS;
    return this.#bytes(all * this.shape.architecture.head_dim);
  }

  /** What a chunk holds for the whole pass, and beside it for the last layer: the rows that it goes on with, and their indices. */
  chunk(chunk: Chunk): Pick<VramBytes, "hidden" | "indices"> {
    const { sequences, longest } = rectangleOf(chunk);
    const { tokenCount: tokens } = chunk;
    const { hidden_size: hidden } = this.shape.architecture;
    const lastRows = Math.max(sequences, Math.min(LEAST_LAST_ROWS, tokens));
    return {
      hidden: words(this.#bytes(tokens * hidden)) + words(this.#bytes(lastRows * hidden)),
      indices: 4 * (sequences * longest + tokens + sequences + lastRows),
    };
  }

  /** One layer's KV of one sliced sequence of `tokens` tokens. */
  kv(tokens: number): number {
    const { keys } = headWidths(this.shape.architecture);
    return 2 * words(this.#bytes(tokens * keys));
  }

  /** Last-token rows on their way back. */
  readback(rows: number): number {
    return this.#bytes(rows * this.shape.architecture.hidden_size);
  }

  /**
   * The most that ONNX Runtime holds during the chunk's run.
   *
   * @param kvTokens - Tokens of the KV buffer of a sliced chunk, by default as many as the chunk reaches.
   */
  runtime(chunk: Chunk, kvTokens = endOf(chunk)): number {
    const { sequences, longest } = rectangleOf(chunk);
    const { tokenCount: tokens, sliced } = chunk;
    const run: Run = { tokens, longest, padded: sequences * longest, sliced, kvTokens };
    if (this.shape.kind === "wasm") return this.#wasmHeap(chunk, run);
    return Math.max(...this.#windows(run).map((buffers) => this.#sum(buffers))) + UNIFORM_BYTES;
  }

  /** All of a pass but the weights. */
  pass(chunks: readonly Chunk[]): VramBytes {
    const kvTokens = chunks.reduce((longest, chunk) => (chunk.sliced ? Math.max(longest, endOf(chunk)) : longest), 0);
    let [hidden, indices, runtime, positions] = [0, 0, 0, 0];
    const sequences = new Set<number>();
    for (const chunk of chunks) {
      const held = this.chunk(chunk);
      hidden += held.hidden;
      indices += held.indices;
      runtime = Math.max(runtime, this.runtime(chunk, chunk.sliced ? kvTokens : undefined));
      positions = Math.max(positions, endOf(chunk));
      for (const { sequence } of chunk.slices) sequences.add(sequence);
    }
    const readback = this.readback(sequences.size);
    return { weights: 0, tables: this.tables(positions), hidden, indices, kv: this.kv(kvTokens), readback, runtime };
  }

  /**
   * Elements of the buffers that live at once. ONNX Runtime frees what is done with when it submits, every 16
   * dispatches, so a run has two windows: the graph up to the beginning of the feed-forward half, and the rest.
   */
  #windows(run: Run): readonly (readonly number[])[] {
    const { hidden_size: hidden, intermediate_size: intermediate } = this.shape.architecture;
    // 4-bit layers run fused: norm with q, k and v in one node, norm with gate, up and product in another.
    const fused = this.shape.bits === 4;
    const split = run.longest < FLASH_TOKENS;
    // How far into the feed-forward half the first 16 dispatches reach.
    const reached = fused ? (split ? 1 : 3) : split ? 0 : 1;
    const ahead = times(reached, run.tokens * intermediate);
    const feedForward = [...times(3, run.tokens * hidden), ...times(3, run.tokens * intermediate)];
    return [
      [...this.#attention(run, fused), ...(split ? this.#split(run) : []), ...ahead, ...this.#leftBehind()],
      [...feedForward, ...this.#present(run), ...this.#leftBehind()],
    ];
  }

  #attention(run: Run, fused: boolean): number[] {
    const { hidden_size: hidden } = this.shape.architecture;
    const { queries, keys } = headWidths(this.shape.architecture);
    return [
      // Normed input, projection and residual; fused, the normed input of the feed-forward half as well.
      ...times(fused ? 4 : 3, run.tokens * hidden),
      // As projected and with normed heads; unfused, one of k and v lies where another was.
      ...times(2, run.tokens * queries),
      ...times(fused ? 3 : 2, run.tokens * keys),
      // As a rectangle, with RoPE, and the result; k and v as a rectangle, and k with RoPE.
      ...times(3, run.padded * queries),
      ...times(3, run.padded * keys),
      ...this.#present(run),
    ];
  }

  /** A whole sequence's KV is written too, and dropped. */
  #present(run: Run): number[] {
    return run.sliced ? [] : times(2, run.padded * headWidths(this.shape.architecture).keys);
  }

  /** A fused run of a single token has 16 dispatches: some of its buffers are freed by the next run alone. */
  #leftBehind(): number[] {
    const { keys } = headWidths(this.shape.architecture);
    return this.shape.bits === 4 ? [...times(2, this.shape.architecture.hidden_size), ...times(2, keys)] : [];
  }

  /** A result from each tile of the KV, and two float32 numbers to weigh it by. */
  #split(run: Run): number[] {
    const { num_attention_heads: heads } = this.shape.architecture;
    const tiles = Math.ceil((run.sliced ? run.kvTokens : run.longest) / SPLIT_POSITIONS);
    const floats = 4 / this.#bytes(1);
    return [run.padded * headWidths(this.shape.architecture).queries * tiles, run.padded * heads * tiles * 2 * floats];
  }

  /**
   * Inputs and outputs are copied into and out of the heap. Between them ONNX Runtime's arena, which grows in powers of
   * two, takes the intermediates and the widest weight dequantised. Scores are not kept: attention is tiled.
   */
  #wasmHeap(chunk: Chunk, run: Run): number {
    const { architecture, bits, layerBytes } = this.shape;
    const { hidden, indices } = this.chunk(chunk);
    const { hidden_size: width, intermediate_size: intermediate } = architecture;
    const widest = this.#bytes(width * Math.max(headWidths(architecture).queries, intermediate));
    const dequantised = bits === 16 ? 0 : 2 ** Math.ceil(Math.log2(widest));
    const end = endOf(chunk);
    const kv = run.sliced ? this.kv(end - chunk.tokenCount) + this.kv(end) : 0;
    const tables = this.#bytes(tablePositions(end) * architecture.head_dim);
    const arena = this.#sum([...this.#attention(run, true), ...times(3, run.tokens * intermediate)]) + dequantised;
    return WASM_HEAP_START_BYTES + layerBytes + 2 * hidden + indices + kv + tables + arena;
  }

  #bytes(elements: number): number {
    return elements * (this.shape.activations === "f32" ? 4 : 2);
  }

  #sum(buffers: readonly number[]): number {
    return buffers.reduce((sum, elements) => sum + roundUp(this.#bytes(elements), RUNTIME_ALIGNMENT), 0);
  }
}

function headWidths(architecture: Architecture): { readonly queries: number; readonly keys: number } {
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headDim } = architecture;
  return { queries: heads * headDim, keys: kvHeads * headDim };
}

function rectangleOf({ slices }: Chunk): { readonly sequences: number; readonly longest: number } {
  return { sequences: slices.length, longest: slices.reduce((most, { length }) => Math.max(most, length), 0) };
}

/** Positions that the chunk reaches. */
function endOf({ slices }: Chunk): number {
  return slices.reduce((end, { start, length }) => Math.max(end, start + length), 0);
}

function tablePositions(needed: number): number {
  return Math.max(FIRST_TABLE_POSITIONS, 2 ** Math.ceil(Math.log2(Math.max(1, needed))));
}

function times(count: number, elements: number): number[] {
  return Array<number>(count).fill(elements);
}

/** WebGPU copies whole words. */
function words(bytes: number): number {
  return roundUp(bytes, 4);
}

function roundUp(bytes: number, step: number): number {
  return Math.ceil(bytes / step) * step;
}
