import { describe, expect, it } from "vitest";
import type { CompareResult, EntryResult, WorkloadKind, WorkloadResult } from "./compare-result.ts";
import { compareCharts, renderCompare } from "./render-compare.ts";
import { shortfallsOf, verdictsOf } from "./verdict.ts";

const at = (median: number) => ({ median, least: median * 0.9, most: median * 1.1, samples: 3 });

const entry = (contender: EntryResult["contender"], ms: number, more: Partial<EntryResult> = {}): EntryResult => ({
  contender,
  mode: "as given",
  batchSize: contender === "strata" ? null : 32,
  failure: null,
  ms: at(ms),
  tokensPerSecond: at(1e6 / ms),
  latency: null,
  memory: null,
  exactness: null,
  phases: null,
  ...more,
});

const workload = (kind: WorkloadKind, entries: readonly EntryResult[], tokens = 1000): WorkloadResult => ({
  kind,
  title: `a workload of ${kind}`,
  texts: 8,
  tokens,
  lengths: { least: 8, median: 90, most: 400 },
  entries,
});

const memory = (peakVramBytes: number, readBackBytes: number): EntryResult["memory"] => ({
  peakVramBytes,
  readBackBytes,
  idleVramBytes: 1,
  dispatches: 10,
  submits: 1,
  wasmBytes: 2 ** 24,
  jsHeapBytes: null,
  jsHeapWithBuffersBytes: null,
});

const exact = (minCosine: number) => ({ vectors: 8, meanCosine: minCosine, minCosine, maxAbsDiff: 1 - minCosine });

const result = (workloads: readonly WorkloadResult[], device: "webgpu" | "wasm" = "webgpu"): CompareResult => ({
  schema: "strata-bench",
  version: 1,
  kind: "compare",
  date: "2026-11-28T12:00:00Z",
  command: "npm run bench",
  commit: "abc1234",
  machine: { cpus: 2, cpuModel: "a processor", memoryBytes: 8e9, platform: "linux x64" },
  host: "Chromium 156.0",
  adapter: null,
  versions: { "strata-embed": "0.1.0", "onnxruntime-web": "1.30.0", "@huggingface/transformers": "4.3.1" },
  model: "nano, 4 bit",
  notes: ["A note."],
  size: "small",
  device,
  dtype: "q4",
  executions: { strata: "webgpu f32 jspi", "transformers.js": "webgpu q4 asyncify" },
  load: { start: 0, end: 1 },
  workloads,
});

const mixed = workload("mixed-lengths", [
  entry("strata", 100, { memory: memory(10, 1) }),
  entry("transformers.js", 300, { mode: "batches", memory: memory(100, 200) }),
  entry("transformers.js", 80, { mode: "one a call", batchSize: 1 }),
]);

describe("verdictsOf", () => {
  it("holds ratios of medians against their limits, and tells the peer's best case without one", () => {
    const verdicts = verdictsOf(result([mixed]));
    expect(verdicts).toContainEqual({
      what: "mixed lengths, against batches of 32",
      measured: "3.00 ×",
      wanted: "≥ 2.0 × as fast",
      passed: true,
    });
    expect(verdicts).toContainEqual(expect.objectContaining({ measured: "0.80 ×", passed: null }));
    expect(verdicts).toContainEqual(expect.objectContaining({ measured: "0.10 ×", wanted: "≤ 0.6 ×", passed: true }));
    expect(verdicts).toContainEqual(expect.objectContaining({ measured: "0.50 %", wanted: "≤ 1 %", passed: true }));
  });

  it("says what is not met", () => {
    const slow = workload("cold-start", [entry("strata", 200), entry("transformers.js", 300)]);
    expect(verdictsOf(result([slow]))).toEqual([
      { what: "cold start", measured: "1.50 ×", wanted: "≥ 2.0 × as fast", passed: false },
    ]);
  });

  it("goes by the middle request where there are single ones", () => {
    const latency = (p50: number) => ({ p50, p95: 9, most: 9, samples: 9 });
    const query = workload("one-query", [
      entry("strata", 900, { mode: "one a call", latency: latency(10) }),
      entry("transformers.js", 300, { mode: "one a call", latency: latency(20) }),
    ]);
    expect(verdictsOf(result([query]))[0]).toMatchObject({ measured: "2.00 ×", passed: true });
  });

  it("wants Strata's vectors right on any device, and shows the peer's", () => {
    const ragged = workload("shorter-in-batch", [
      entry("strata", 10, { mode: "in a batch", exactness: exact(0.9999999) }),
      entry("transformers.js", 10, { mode: "padded right", exactness: exact(0.5) }),
    ]);
    const [ours, theirs] = verdictsOf(result([ragged], "wasm"));
    expect(ours).toMatchObject({ measured: "cosine 1.000000, off by 1.0e-7", wanted: "cosine ≥ 0.999", passed: true });
    expect(theirs).toEqual({
      what: "shorter in a batch: transformers.js, padded right",
      measured: "cosine 0.500000, off by 5.0e-1 (wrong)",
      wanted: "",
      passed: null,
    });
  });

  it("tells vectors that their company changes, although they still rank well", () => {
    const off = (maxAbsDiff: number) => ({ ...exact(0.9998), maxAbsDiff });
    const lines = (["alone", "in a batch"] as const).map((mode, i) =>
      entry("strata", 10, { mode, exactness: off([1e-7, 4e-3][i]!) }),
    );
    const [alone, batch] = verdictsOf(result([workload("shorter-in-batch", lines)]));
    expect(alone).toMatchObject({ passed: true });
    expect(batch).toMatchObject({ measured: "cosine 0.999800, off by 4.0e-3 (not what it is alone)", passed: false });
  });

  it("has no limits of speed where WebGPU was not used", () => {
    expect(verdictsOf(result([mixed], "wasm")).map(({ passed }) => passed)).toEqual([null, null]);
  });

  it("tells how a contender failed on a long text, and whether Strata finished", () => {
    const failed = entry("transformers.js", 0, { failure: "out of memory", ms: null, tokensPerSecond: null });
    const long = workload("long-text", [entry("strata", 10, { memory: memory(1, 1) }), failed], 8192);
    expect(verdictsOf(result([long]))).toEqual([
      expect.objectContaining({ measured: "Strata yes; transformers.js out of memory", passed: true }),
    ]);
  });
});

describe("shortfallsOf", () => {
  it("finds every way of calling the peer that was faster", () => {
    expect(shortfallsOf(result([mixed]))).toEqual([
      { workload: mixed.title, strata: "100 ms", peer: "80 ms", mode: "one a call", times: 1.25 },
    ]);
  });
});

describe("shortfallsOf a bulk job", () => {
  it("compares the job and the queries beside it", () => {
    const latency = (p50: number) => ({ p50, p95: 9, most: 9, samples: 9 });
    const bulk = workload("bulk-with-queries", [
      entry("strata", 100, { latency: latency(5) }),
      entry("transformers.js", 80, { mode: "batches", latency: latency(50) }),
    ]);
    expect(shortfallsOf(result([bulk]))).toEqual([
      expect.objectContaining({ workload: `${bulk.title}: the job`, times: 1.25 }),
    ]);
  });

  it("has nothing to say of the time of what is run once, to see whether it is right", () => {
    const cut = workload("truncated", [entry("strata", 100), entry("transformers.js", 10)]);
    expect(shortfallsOf(result([cut]))).toEqual([]);
  });
});

describe("renderCompare", () => {
  const page = renderCompare(result([mixed]));

  it("tells where, with what, and what to know", () => {
    expect(page).toContain("Chromium 156.0, 2 × a processor, commit abc1234; `npm run bench`");
    expect(page).toContain("transformers.js 4.3.1 (webgpu q4 asyncify, export in q4)");
    expect(page).toContain("- A note.");
  });

  it("lists where the peer is faster, or says that it is nowhere", () => {
    expect(page).toMatch(/#### Where transformers.js is faster\n\n\| workload/);
    const [strata, batches] = mixed.entries;
    expect(renderCompare(result([{ ...mixed, entries: [strata!, batches!] }]))).toContain(
      "In none of these workloads.",
    );
  });

  it("gives a table with the range of each value, and leaves out columns without one", () => {
    expect(page).toContain("| Strata | as given | 100 ms (90 ms–110 ms) |");
    expect(page).not.toContain("JS heap");
  });

  it("shows charts with words for those who do not see them", () => {
    for (const name of Object.keys(compareCharts(result([mixed])))) expect(page).toContain(`](charts/${name})`);
    expect(page).toMatch(/!\[Bars: tokens a second of both/);
  });

  it("keeps a failure's words from breaking the table", () => {
    const failed = entry("transformers.js", 0, { failure: "a | b\nc", ms: null, tokensPerSecond: null });
    expect(renderCompare(result([{ ...mixed, entries: [failed] }]))).toContain("fails: a \\| b c");
  });
});
