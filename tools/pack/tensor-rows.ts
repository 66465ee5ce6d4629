/** @file Rows of a source tensor. Reads files. */
import type { CheckedTensor } from "./checked-tensors.ts";
import { toFloats } from "./dtypes.ts";
import { readAt } from "./file-ranges.ts";

/** Which rows of a matrix; a vector is one row. */
export interface RowRange {
  readonly firstRow: number;
  readonly rows: number;
}

/** The rows' bytes as they lie in the file. */
export function readRowBytes(tensor: CheckedTensor, { firstRow, rows }: RowRange): Uint8Array<ArrayBuffer> {
  const rowBytes = tensor.bytes / (tensor.shape.length === 1 ? 1 : tensor.shape[0]!);
  return readAt(tensor.path, tensor.offset + firstRow * rowBytes, rows * rowBytes);
}

/** @returns `[rows, columns]`, exact but for GGUF's quantised types, whose definition rounds to float32. */
export function readTensorRows(tensor: CheckedTensor, range: RowRange): Float32Array<ArrayBuffer> {
  return toFloats(readRowBytes(tensor, range), tensor.dtype);
}
