/** @file The model in float64, layer by layer: what a runtime's vectors are measured against. */
import type { Architecture } from "../../src/pack.ts";
import { layerWeights, SOURCE_FINAL_NORM } from "./layout.ts";

/** Weights by their source names; where they come from is the implementation's affair. */
export interface ReferenceWeights {
  readonly architecture: Architecture;
  /** Rows of the token table; `[ids, H]`. */
  rows(inputIds: readonly number[]): Float64Array;
  /** A norm's weight. */
  gain(source: string): Float64Array;
  /**
   * @param x - `[T, K]`.
   * @returns `x · wᵀ`, `[T, N]`.
   */
  multiply(source: string, x: Float64Array): Promise<Float64Array>;
}

/**
 * Embeds sequences as HF's `Qwen3Model` would in float64: causal grouped-query attention, RMS norm of each q and k
 * head, rotate-half RoPE, last token pooled, L2. All sequences go through a layer together, so that each weight is
 * read once.
 *
 * @returns One unit vector a sequence, `[H]`.
 */
export async function referenceVectors(
  weights: ReferenceWeights,
  sequences: readonly (readonly number[])[],
): Promise<Float64Array[]> {
  const { architecture } = weights;
  let hidden = weights.rows(sequences.flat());
  for (let layer = 0; layer < architecture.num_hidden_layers; layer++) {
    hidden = await runLayer(weights, layer, { hidden, lengths: sequences.map((ids) => ids.length) });
  }
  const gain = weights.gain(SOURCE_FINAL_NORM);
  const size = architecture.hidden_size;
  let end = 0;
  return sequences.map((ids) => {
    end += ids.length;
    const vector = rmsNorm(hidden.slice((end - 1) * size, end * size), gain, architecture.rms_norm_eps);
    const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    return vector.map((value) => value / norm);
  });
}

/** Packed tokens: sequences back to back. */
interface Packed {
  /** `[T, H]`. */
  readonly hidden: Float64Array;
  readonly lengths: readonly number[];
}

async function runLayer(weights: ReferenceWeights, layer: number, packed: Packed): Promise<Float64Array> {
  const { architecture } = weights;
  const eps = architecture.rms_norm_eps;
  const names = new Map(layerWeights(architecture, layer).map(({ input, source }) => [input, source]));
  const gain = (input: string) => weights.gain(names.get(input)!);
  const multiply = (input: string, x: Float64Array) => weights.multiply(names.get(input)!, x);

  const normed = rmsNorm(packed.hidden, gain("ln1.w"), eps);
  const q = rmsNorm(await multiply("q", normed), gain("qn.w"), eps);
  const k = rmsNorm(await multiply("k", normed), gain("kn.w"), eps);
  const v = await multiply("v", normed);
  rotate(q, architecture.num_attention_heads, { architecture, lengths: packed.lengths });
  rotate(k, architecture.num_key_value_heads, { architecture, lengths: packed.lengths });
  const residual = add(packed.hidden, await multiply("o", attend({ q, k, v }, architecture, packed.lengths)));

  const ffn = rmsNorm(residual, gain("ln2.w"), eps);
  const gate = await multiply("gate", ffn);
  const up = await multiply("up", ffn);
  for (let i = 0; i < gate.length; i++) gate[i] = (gate[i]! / (1 + Math.exp(-gate[i]!))) * up[i]!;
  return add(residual, await multiply("down", gate));
}

function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i]!);
}

/** Over rows as long as the gain: `[…, gain]`. */
function rmsNorm(x: Float64Array, gain: Float64Array, eps: number): Float64Array {
  const size = gain.length;
  const normed = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += size) {
    let power = 0;
    for (let i = 0; i < size; i++) power += x[start + i]! * x[start + i]!;
    const root = Math.sqrt(power / size + eps);
    for (let i = 0; i < size; i++) normed[start + i] = (x[start + i]! / root) * gain[i]!;
  }
  return normed;
}

interface Positions {
  readonly architecture: Architecture;
  readonly lengths: readonly number[];
}

/** RoPE in place: dimensions i and i + D/2 of a head are a pair. `x` is `[T, heads, D]`. */
function rotate(x: Float64Array, heads: number, { architecture, lengths }: Positions): void {
  const { head_dim: size, rope_theta: theta } = architecture;
  const half = size / 2;
  let start = 0;
  for (const length of lengths) {
    for (let position = 0; position < length; position++) {
      for (let i = 0; i < half; i++) {
        const angle = position * theta ** ((-2 * i) / size);
        const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
        for (let head = 0; head < heads; head++) {
          const at = start + head * size + i;
          const [low, high] = [x[at]!, x[at + half]!];
          x[at] = low * cos - high * sin;
          x[at + half] = high * cos + low * sin;
        }
      }
      start += heads * size;
    }
  }
}

interface Projections {
  readonly q: Float64Array;
  readonly k: Float64Array;
  readonly v: Float64Array;
}

/** Causal attention inside each sequence; `[T, heads · D]`. */
function attend({ q, k, v }: Projections, architecture: Architecture, lengths: readonly number[]): Float64Array {
  const { num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: size } = architecture;
  const out = new Float64Array(q.length);
  const group = heads / kvHeads;
  let first = 0;
  for (const length of lengths) {
    for (let head = 0; head < heads; head++) {
      const kv = Math.floor(head / group);
      for (let t = first; t < first + length; t++) {
        const query = (t * heads + head) * size;
        const scores = new Float64Array(t - first + 1);
        for (let s = first; s <= t; s++)
          scores[s - first] = dot(q, k, { a: query, b: (s * kvHeads + kv) * size, size });
        softmax(scores, size ** -0.5);
        for (let s = first; s <= t; s++) {
          const value = (s * kvHeads + kv) * size;
          for (let i = 0; i < size; i++) out[query + i] = out[query + i]! + scores[s - first]! * v[value + i]!;
        }
      }
    }
    first += length;
  }
  return out;
}

function dot(x: Float64Array, y: Float64Array, at: { readonly a: number; readonly b: number; readonly size: number }) {
  let sum = 0;
  for (let i = 0; i < at.size; i++) sum += x[at.a + i]! * y[at.b + i]!;
  return sum;
}

function softmax(scores: Float64Array, scale: number): void {
  let max = -Infinity;
  for (const score of scores) max = Math.max(max, score);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    scores[i] = Math.exp((scores[i]! - max) * scale);
    sum += scores[i]!;
  }
  for (let i = 0; i < scores.length; i++) scores[i] = scores[i]! / sum;
}
