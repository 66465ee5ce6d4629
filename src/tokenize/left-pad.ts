/** @file Sequences of different lengths → one rectangle. Pure. */
import type { PaddedBatch, Sequence } from "../types.ts";

/**
 * Pads on the left, so that the last column holds every sequence's end token.
 *
 * @returns `[sequences, longest]`; `[0, 0]` for no sequences.
 * @see https://github.com/QwenLM/Qwen3-Embedding (its examples tokenize with `padding_side="left"`)
 */
export function leftPad(sequences: readonly Sequence[], padTokenId: number): PaddedBatch {
  const rows = sequences.length;
  let columns = 0;
  for (const { inputIds } of sequences) columns = Math.max(columns, inputIds.length);
  const inputIds = new Int32Array(rows * columns).fill(padTokenId);
  const attentionMask = new Uint8Array(rows * columns);
  sequences.forEach((sequence, row) => {
    const end = (row + 1) * columns;
    const start = end - sequence.inputIds.length;
    inputIds.set(sequence.inputIds, start);
    attentionMask.fill(1, start, end);
  });
  return { inputIds, attentionMask, rows, columns };
}
