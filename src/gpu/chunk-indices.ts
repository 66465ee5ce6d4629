/** @file The index inputs of the layer graph for one chunk. Pure. */
import type { Chunk } from "../types.ts";

/** Index inputs of one run; B sequences, S longest new length, T packed tokens. */
export interface ChunkIndices {
  /** B. */
  readonly sequences: number;
  /** S. */
  readonly longest: number;
  /** Packed row of each padded position; past a sequence's end, its last row; `[B, S]`. */
  readonly padIndex: Int32Array;
  /** Padded position of each packed row; `[T]`. */
  readonly unpadIndex: Int32Array;
  /** Past plus new length, less 1; `[B]`. */
  readonly seqlensK: Int32Array;
  /** Longest past plus new length; `[1]`. */
  readonly totalSequence: Int32Array;
}

/**
 * Below four rows ONNX Runtime 1.30.0 takes matrix kernels made for one row: pipelines of their own to compile, and on
 * SwiftShader the last layer of nano takes 56 ms with them where any other takes 30 (16 tokens; with 1 here, `npm run bench:profile` shows it).
 */
const LEAST_LAST_ROWS = 4;

/** Rows that the last layer works out for a chunk: one a sequence, and no fewer than its other layers' kernels want. */
export function lastRowCount({ tokens, sequences }: { readonly tokens: number; readonly sequences: number }): number {
  return Math.max(sequences, Math.min(LEAST_LAST_ROWS, tokens));
}

/**
 * Where each packed row goes for attention and comes back from. Padding is on the right: `GroupQueryAttention`
 * reads `seqlens_k` so (left padding would need an attention bias).
 */
export function chunkIndices(chunk: Chunk): ChunkIndices {
  const { slices, tokenCount } = chunk;
  const longest = Math.max(...slices.map((slice) => slice.length));
  const padIndex = new Int32Array(slices.length * longest);
  const unpadIndex = new Int32Array(tokenCount);
  let row = 0;
  slices.forEach((slice, b) => {
    for (let s = 0; s < longest; s++) padIndex[b * longest + s] = row + Math.min(s, slice.length - 1);
    for (let s = 0; s < slice.length; s++) unpadIndex[row + s] = b * longest + s;
    row += slice.length;
  });
  const ends = slices.map((slice) => slice.start + slice.length);
  return {
    sequences: slices.length,
    longest,
    padIndex,
    unpadIndex,
    seqlensK: Int32Array.from(ends, (end) => end - 1),
    totalSequence: Int32Array.of(Math.max(...ends)),
  };
}
