import { describe, expect, it } from "vitest";
import type { NodeEntry, NodeResult } from "./node-result.ts";
import { renderNode } from "./render-node.ts";

const spread = (median: number) => ({ median, least: median, most: median, samples: 1 });
const golden = { vectors: 1, meanCosine: 1, minCosine: 0.999999, maxAbsDiff: 1e-7 };

const entry = (changes: Partial<NodeEntry>): NodeEntry => ({
  contender: "strata",
  batchSize: null,
  failure: null,
  ms: spread(10),
  tokensPerSecond: spread(3000),
  flopsPerSecond: 5e11,
  idleVramBytes: 2 ** 20,
  peakVramBytes: 3 * 2 ** 20,
  againstStrata: null,
  ...changes,
});

const RESULT: NodeResult = {
  schema: "strata-bench",
  version: 1,
  kind: "node",
  date: "2026-11-28T12:00:00.000Z",
  command: "npm run bench:node -- --shapes 4b",
  commit: "abc1234",
  machine: { cpus: 16, cpuModel: "a processor", memoryBytes: 2 ** 34, platform: "linux x64" },
  host: "Node 20.19.0",
  adapter: {
    vendor: "acme",
    architecture: "one",
    description: "a GPU",
    software: false,
    shaderF16: false,
    subgroupMinSize: 32,
    maxBufferSize: 2 ** 32,
  },
  versions: { webgpu: "0.6.2" },
  model: "4b q4",
  notes: ["a note"],
  size: "full",
  roofline: {
    f32: { flopsPerSecond: 2e12, milliseconds: 1, size: 1024, tiling: { tile: 64, block: 8, step: 16 } },
    f16: null,
    copy: { bytesPerSecond: 5e11, milliseconds: 1, bytes: 2 ** 28 },
  },
  cells: [
    {
      shape: "4b",
      layers: 36,
      bits: 4,
      activations: "f32",
      strata: { execution: "webgpu f32 jspi, subgroups 32", openMs: 2500, golden, failure: null },
      peer: { execution: "webgpu jspi, subgroups 32", openMs: 9000, golden, failure: null },
      failure: null,
      workloads: [
        {
          title: "1 × 128",
          texts: 1,
          tokens: 128,
          flops: 1e12,
          entries: [
            entry({}),
            entry({ contender: "transformers.js", tokensPerSecond: spread(1500), againstStrata: golden }),
          ],
        },
        {
          title: "1 × 32768",
          texts: 1,
          tokens: 32_768,
          flops: 1e15,
          entries: [
            entry({}),
            entry({
              contender: "transformers.js",
              failure: "out of memory",
              ms: null,
              tokensPerSecond: null,
              flopsPerSecond: null,
            }),
          ],
        },
      ],
    },
  ],
};

describe("renderNode", () => {
  const lines = renderNode(RESULT).split("\n");
  const row = (title: string, name: string) =>
    lines.find((line) => line.startsWith(`| ${title} |`) && line.includes(name));

  it("says where and with what it was measured", () => {
    expect(lines[0]).toBe("### acme one a GPU, 2026-11-28");
    expect(lines).toContain("`npm run bench:node -- --shapes 4b`");
    expect(lines.join()).toContain("the adapter cannot");
  });

  it("gives Strata's rate over the peer's, and the share of the adapter's own peak", () => {
    expect(row("1 × 128", "Strata")).toContain("| 3,000 | 2.0 × | 500 | 25.0 % | 3.0 |");
    expect(row("1 × 128", "transformers.js")).toContain("off by 1.0e-7");
  });

  it("tells how the peer failed, and claims no ratio then", () => {
    expect(row("1 × 32768", "transformers.js")).toContain("out of memory");
    expect(row("1 × 32768", "Strata")!.split("|")[4]!.trim()).toBe("");
  });
});
