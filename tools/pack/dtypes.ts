/** @file Element types of source tensors, their sizes, and any of them as float32. Pure. */
import { dequantizeGgml, GGML_BLOCKS, type GgmlBlockType } from "./gguf-blocks.ts";
import { type FloatDtype, widen } from "./half.ts";

/** Types that can be packed: those of safetensors, and GGUF's quantised ones. */
export type SourceDtype = FloatDtype | GgmlBlockType;

/** Values that are stored together, and their bytes. */
const BLOCKS: Readonly<Record<SourceDtype, { readonly values: number; readonly bytes: number }>> = {
  F32: { values: 1, bytes: 4 },
  F16: { values: 1, bytes: 2 },
  BF16: { values: 1, bytes: 2 },
  ...GGML_BLOCKS,
};

/** Types of a safetensors file that can be packed. */
export const FLOAT_DTYPES: readonly SourceDtype[] = ["BF16", "F16", "F32"];

/** Types of a GGUF file that can be packed. */
export const GGUF_DTYPES = Object.keys(BLOCKS) as readonly SourceDtype[];

/**
 * Bytes of a row-major tensor.
 *
 * @returns null where a row is no whole number of blocks.
 */
export function tensorBytes(dtype: SourceDtype, shape: readonly number[]): number | null {
  const { values, bytes } = BLOCKS[dtype];
  const count = shape.reduce((a, b) => a * b, 1);
  return (shape.at(-1) ?? 1) % values === 0 ? (count / values) * bytes : null;
}

/**
 * Little-endian weights → float32, exactly what the format says they are.
 *
 * @param bytes - Whole blocks, at an offset that suits the element size.
 */
export function toFloats(bytes: Uint8Array<ArrayBuffer>, dtype: SourceDtype): Float32Array<ArrayBuffer> {
  if (dtype === "F32" || dtype === "F16" || dtype === "BF16") return widen(bytes, dtype);
  const values = new Float32Array((bytes.length / BLOCKS[dtype].bytes) * BLOCKS[dtype].values);
  dequantizeGgml(bytes, dtype, values);
  return values;
}
