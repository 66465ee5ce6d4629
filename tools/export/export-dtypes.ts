/** @file The element types of an export: names, files and numbers. Pure. */
import { EmbedError } from "../../src/errors.ts";
import type { Activations, WeightBits } from "../../src/pack.ts";

/** As transformers.js calls them. */
export type ExportDtype = "fp32" | "fp16" | "q8" | "q4" | "q4f16";

export interface ExportNumbers {
  /** Of the layers' weights. */
  readonly bits: WeightBits;
  /** Of activations, norms and scales, and of weights that are not quantised. */
  readonly float: Activations;
  /** What transformers.js looks for in `onnx/`. */
  readonly file: string;
}

/** @see https://github.com/huggingface/transformers.js/blob/4.3.1/packages/transformers/src/utils/dtypes.js (suffixes) */
export const EXPORT_NUMBERS: Readonly<Record<ExportDtype, ExportNumbers>> = {
  fp32: { bits: 16, float: "f32", file: "model.onnx" },
  fp16: { bits: 16, float: "f16", file: "model_fp16.onnx" },
  q8: { bits: 8, float: "f32", file: "model_quantized.onnx" },
  q4: { bits: 4, float: "f32", file: "model_q4.onnx" },
  q4f16: { bits: 4, float: "f16", file: "model_q4f16.onnx" },
};

/**
 * @param list - Such as `q4,fp16`.
 * @throws {EmbedError} `invalid-input`.
 */
export function parseDtypes(list: string): ExportDtype[] {
  const known = Object.keys(EXPORT_NUMBERS) as ExportDtype[];
  const names = list.split(",").map((name) => name.trim());
  const dtypes = names.map((name) => known.find((dtype) => dtype === name));
  const unknown = names.find((_, i) => !dtypes[i]);
  if (unknown !== undefined) {
    throw new EmbedError("invalid-input", `--dtype is ${list}, not of ${known.join(", ")}`, {
      details: { value: unknown },
    });
  }
  return [...new Set(dtypes as ExportDtype[])];
}
