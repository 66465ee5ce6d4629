import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseManifest } from "../../src/model/manifest.ts";
import type { EntryResult, WorkloadResult } from "../report/compare-result.ts";
import { flopsOf, layerWeightBytes, sharesOf } from "./roofline-share.ts";

const manifest = parseManifest(JSON.parse(readFileSync("public/models/nano-q4/manifest.json", "utf8")));

const entry: EntryResult = {
  contender: "strata",
  mode: "one a call",
  batchSize: null,
  failure: null,
  ms: { median: 100, least: 100, most: 100, samples: 1 },
  tokensPerSecond: null,
  latency: null,
  memory: null,
  exactness: null,
  phases: null,
};

const workload = (kind: WorkloadResult["kind"], entries: readonly EntryResult[]): WorkloadResult => ({
  kind,
  title: "texts",
  texts: 2,
  tokens: 3,
  lengths: { least: 1, median: 1.5, most: 2 },
  entries,
});

const peaks = { f32FlopsPerSecond: 1e9, f16FlopsPerSecond: 4e9, bytesPerSecond: 1e9 };

describe("flopsOf", () => {
  it("counts two operations a weight and token, and attention's pairs", () => {
    // Nano by hand: q and o 256 × 256, k and v 256 × 128, gate, up and down 256 × 768; 4 layers.
    const weights = 256 * (256 + 256 + 128 + 128 + 3 * 768);
    const pairs = 3 + 1;
    expect(flopsOf(manifest.architecture, [2, 1])).toBe(4 * (2 * 3 * weights + 4 * 256 * pairs));
  });
});

describe("layerWeightBytes", () => {
  it("counts layers, and neither tokens nor the last norm", () => {
    const bytes = layerWeightBytes(manifest);
    const quantised = (4 * 256 * (256 + 256 + 128 + 128 + 3 * 768)) / 2;
    expect(bytes).toBeGreaterThan(quantised);
    expect(bytes).toBeLessThan(1.5 * quantised);
  });
});

describe("sharesOf", () => {
  it("divides arithmetic by the peak of the activations' type, and single queries' weights by the copy's rate", () => {
    const model = { manifest, peaks, activations: "f32" } as const;
    const [share] = sharesOf(workload("one-query", [entry]), [2, 1], model);
    expect(share!.ofArithmetic).toBeCloseTo(flopsOf(manifest.architecture, [2, 1]) / 0.1 / 1e9, 12);
    expect(share!.ofBandwidth).toBeCloseTo((2 * layerWeightBytes(manifest)) / 0.1 / 1e9, 12);
    const [half] = sharesOf(workload("equal-lengths", [entry]), [2, 1], { ...model, activations: "f16" });
    expect(half!.ofArithmetic).toBeCloseTo(share!.ofArithmetic / 4, 12);
    expect(half!.ofBandwidth).toBeNull();
  });

  it("says nothing of cold starts and of what failed", () => {
    const model = { manifest, peaks, activations: "f32" } as const;
    expect(sharesOf(workload("cold-start", [entry]), [2, 1], model)).toEqual([]);
    expect(sharesOf(workload("one-query", [{ ...entry, ms: null }]), [2, 1], model)).toEqual([]);
  });
});
