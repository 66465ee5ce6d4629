import { describe, expect, it } from "vitest";
import { kernelName, type DispatchRecord } from "./dispatch-timer.ts";
import { stageOf, timeByStage } from "./stages.ts";

/** All that ONNX Runtime 1.30.0 ran for nano on software WebGPU. */
const LABELS = {
  "linear layers": ["MatMulNBits", "MatMulNBitsWideTile", "MatMulNBitsMlp", "MatMulNBitsMlpDecode"],
  attention: [
    "FlashAttention",
    "FlashAttentionDecodeQKV",
    "FlashAttentionDecodeVxReduce",
    "FusedQKRotaryEmbedding",
    "CopyKVCache",
  ],
  norms: ["LayerNorm", "SkipLayerNorm"],
  "gather and copy": ["Gather"],
  "sums and products": ["Add", "Mul", "Sigmoid"],
  other: ["made before timing"],
} as const;

const record = (label: string, milliseconds: number, count: number): DispatchRecord => ({
  label,
  milliseconds,
  count,
  workgroups: [1, 1, 1],
});

describe("stageOf", () => {
  it.each(Object.entries(LABELS))("knows the kernels of %s", (stage, labels) => {
    for (const label of labels) expect(stageOf(label)).toBe(stage);
  });
});

describe("timeByStage", () => {
  it("adds up kernels of a stage and leaves out stages without any", () => {
    const records = [record("MatMulNBits", 2, 3), record("MatMulNBitsMlp", 1, 1), record("LayerNorm", 0.5, 4)];
    expect(timeByStage(records)).toEqual([
      { stage: "linear layers", milliseconds: 3, dispatches: 4 },
      { stage: "norms", milliseconds: 0.5, dispatches: 4 },
    ]);
  });
});

describe("kernelName", () => {
  it("takes the label, or else the beginning of the shader", () => {
    expect(kernelName("fn main() {}", "Gather")).toBe("Gather");
    expect(kernelName(`\n  enable f16;\n\n${"x".repeat(200)}`)).toBe(`enable f16; ${"x".repeat(68)}`);
  });
});
