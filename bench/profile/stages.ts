/** @file Which part of the model a kernel belongs to, by the names that ONNX Runtime 1.30 gives its pipelines. Pure. */
import type { DispatchRecord } from "./dispatch-timer.ts";

export const STAGES = ["linear layers", "attention", "norms", "gather and copy", "sums and products", "other"] as const;
export type Stage = (typeof STAGES)[number];

export interface StageTime {
  readonly stage: Stage;
  readonly milliseconds: number;
  readonly dispatches: number;
}

/** The first that fits. Names come with what the kernel was made for behind them, so their beginnings count. */
const PATTERNS: readonly (readonly [RegExp, Stage])[] = [
  [/attention|rotary|kvcache|softmax|^(split)?packedqkv/i, "attention"],
  [/matmul|gemm|quantize|dp4a|subgroupmatrix/i, "linear layers"],
  [/norm/i, "norms"],
  [/^(gather|copy|transpose|concat|slice|split|expand|cast|reshape|pad|where)/i, "gather and copy"],
  [/^(add|sub|mul|div|sigmoid|silu|quickgelu|gelu|tanh|exp|swiglu)/i, "sums and products"],
];

export function stageOf(label: string): Stage {
  return PATTERNS.find(([pattern]) => pattern.test(label))?.[1] ?? "other";
}

/** @returns In the order of `STAGES`, those that took any time. */
export function timeByStage(records: readonly DispatchRecord[]): StageTime[] {
  return STAGES.map((stage) => {
    const own = records.filter(({ label }) => stageOf(label) === stage);
    return {
      stage,
      milliseconds: own.reduce((sum, { milliseconds }) => sum + milliseconds, 0),
      dispatches: own.reduce((sum, { count }) => sum + count, 0),
    };
  }).filter(({ dispatches }) => dispatches > 0);
}
