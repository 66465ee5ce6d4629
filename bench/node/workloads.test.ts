import { describe, expect, it } from "vitest";
import { SHAPES } from "../../tools/pack/synthetic-pack.ts";
import type { PackManifest } from "../../src/pack.ts";
import { makeWorkloads, parseWorkloads } from "./workloads.ts";

const manifest = {
  architecture: SHAPES["4b"].architecture,
  endTokenId: 151_643,
  maxTokens: 100,
} as PackManifest;

describe("parseWorkloads", () => {
  it("puts first what is least likely to bring a contender down", () => {
    expect(parseWorkloads("512,16", "3x128")).toEqual([[16], [128, 128, 128], [512]]);
  });

  it("draws mixed lengths, the same ones each time", () => {
    const [mixed] = parseWorkloads("", "mixed64");
    expect(mixed).toHaveLength(64);
    expect(new Set(mixed).size).toBeGreaterThan(20);
    expect(parseWorkloads("", "mixed64")[0]).toEqual(mixed);
  });

  it.each(["12x", "0x4", "mixed", "x"])("refuses %s", (batch) => {
    expect(() => parseWorkloads("16", batch)).toThrow(/--batches/);
  });
});

describe("makeWorkloads", () => {
  it("gives texts of the lengths, the end token last, none like another", () => {
    const [workload] = makeWorkloads([[20, 20]], manifest);
    const [a, b] = workload!.batch;
    expect([a!.length, a!.at(-1), b!.at(-1)]).toEqual([20, 151_643, 151_643]);
    expect([...a!]).not.toEqual([...b!]);
  });

  it("leaves out texts that are longer than the model takes", () => {
    expect(makeWorkloads([[16], [101]], manifest).map(({ title }) => title)).toEqual(["1 × 16"]);
  });

  it("counts two operations a weight and token, and attention", () => {
    const { hidden_size: hidden, intermediate_size: intermediate, num_hidden_layers: layers } = manifest.architecture;
    const queries = 32 * 128;
    const weights = hidden * (2 * queries + 2 * 8 * 128 + 3 * intermediate);
    const attention = 4 * queries * (1 + 2 + 3);
    const [workload] = makeWorkloads([[3]], manifest);
    expect(workload!.flops).toBe(layers * (2 * 3 * weights + attention));
  });
});
