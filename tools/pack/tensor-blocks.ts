/** @file Rows of a source tensor as blocks of codes and scales: quantised, or taken over where they are such blocks already. Reads files. */
import type { CheckedTensor } from "./checked-tensors.ts";
import { takeBlocks } from "./gguf-blocks.ts";
import { quantizeBlocks, type QuantizedBlocks, type Rounding } from "./quantize.ts";
import { readRowBytes, readTensorRows, type RowRange } from "./tensor-rows.ts";

interface TensorBlocks {
  readonly blocks: QuantizedBlocks;
  /** What was rounded, `[rows · columns]`; null where nothing was. */
  readonly values: Float32Array | null;
}

/**
 * Blocks of the asked-for kind are not rounded again: twice would be worse than once.
 *
 * @throws {EmbedError} `model-corrupt` as `quantizeBlocks`.
 */
export function readTensorBlocks(
  tensor: CheckedTensor,
  range: RowRange,
  { bits, rounding }: { readonly bits: 4 | 8; readonly rounding: Rounding },
): TensorBlocks {
  const { dtype, name } = tensor;
  if (dtype === (bits === 4 ? "Q4_0" : "Q8_0")) {
    return { blocks: takeBlocks(readRowBytes(tensor, range), bits, name), values: null };
  }
  const values = readTensorRows(tensor, range);
  return { blocks: quantizeBlocks(values, { bits, rounding, tensor: name }), values };
}
