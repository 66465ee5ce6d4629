import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Architecture } from "../pack.ts";
import type { Chunk } from "../types.ts";
import { CostModel, runFlops, totalBytes, type CostShape } from "./cost.ts";

/** Widths that tell each buffer apart: H 128, Q 192, K 64, I 224. */
const STRESS: Architecture = {
  hidden_size: 128,
  num_hidden_layers: 3,
  num_attention_heads: 6,
  num_key_value_heads: 2,
  head_dim: 32,
  intermediate_size: 224,
  rms_norm_eps: 1e-6,
  rope_theta: 1e6,
  vocab_size: 1024,
  max_position_embeddings: 32768,
};
const QWEN_4B: Architecture = {
  ...STRESS,
  hidden_size: 2560,
  num_hidden_layers: 36,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  head_dim: 128,
  intermediate_size: 9728,
};
const GIB = 2 ** 30;
const UNIFORMS = 4096;

const shapeOf = (changes: Partial<CostShape> = {}): CostShape => ({
  architecture: STRESS,
  activations: "f32",
  bits: 8,
  kind: "webgpu",
  layerBytes: 1000,
  ...changes,
});
const modelOf = (changes: Partial<CostShape> = {}): CostModel => new CostModel(shapeOf(changes));

const whole = (lengths: readonly number[]): Chunk => ({
  slices: lengths.map((length, sequence) => ({ sequence, start: 0, length })),
  tokenCount: lengths.reduce((sum, length) => sum + length, 0),
  sliced: false,
});
const slice = (start: number, length: number): Chunk => ({
  slices: [{ sequence: 0, start, length }],
  tokenCount: length,
  sliced: true,
});
const slicesOf = (tokens: number, chunkTokens: number): Chunk[] =>
  Array.from({ length: Math.ceil(tokens / chunkTokens) }, (_, i) =>
    slice(i * chunkTokens, Math.min(chunkTokens, tokens - i * chunkTokens)),
  );

const shapes = fc.record({
  bits: fc.constantFrom(4 as const, 8 as const, 16 as const),
  activations: fc.constantFrom("f32" as const, "f16" as const),
  kind: fc.constantFrom("webgpu" as const, "wasm" as const),
});
const lengthLists = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 });

describe("CostModel.runtime on WebGPU", () => {
  // What ONNX Runtime 1.30 was seen to create in Chromium, the uniforms that it keeps apart.
  it.each([
    { bits: 4, chunk: whole([5, 40, 33]), measured: 979_200 },
    { bits: 8, chunk: whole([5, 40, 33]), measured: 779_520 },
    { bits: 16, chunk: whole([5, 20, 13]), measured: 400_192 },
    { bits: 8, chunk: slice(300, 300), kvTokens: 1000, measured: 2_265_600 },
    { bits: 8, chunk: slice(600, 20), kvTokens: 1000, measured: 394_240 },
    { bits: 8, chunk: slice(32_256, 31), kvTokens: 32_768, measured: 13_157_888 },
    { bits: 4, chunk: whole(Array<number>(16).fill(31)), measured: 4_785_408 },
  ] as const)("gives the $measured bytes that were measured with $bits bit", ({ bits, measured, ...run }) => {
    const kvTokens = "kvTokens" in run ? run.kvTokens : undefined;
    const leftBehind = bits === 4 ? 4 * 2 * (128 + 64) : 0;
    expect(modelOf({ bits }).runtime(run.chunk, kvTokens) - UNIFORMS - leftBehind).toBe(measured);
  });

  it("takes half in f16", () => {
    const chunk = whole([64, 48]);
    const f16 = modelOf({ activations: "f16" }).runtime(chunk) - UNIFORMS;
    expect(2 * f16).toBe(modelOf().runtime(chunk) - UNIFORMS);
  });

  it("does not grow with the past from 32 new tokens on, and by tiles of the KV below", () => {
    const model = modelOf();
    expect(model.runtime(slice(30_000, 32))).toBe(model.runtime(slice(0, 32)));
    expect(model.runtime(slice(640, 31)) - model.runtime(slice(576, 31))).toBe(4 * 31 * (192 + 6 * 2));
    expect(model.runtime(slice(0, 31), 32_768)).toBeGreaterThan(model.runtime(slice(0, 32), 32_768));
  });

  it("counts a KV that is written and dropped for whole sequences, none for slices", () => {
    const model = modelOf();
    expect(model.runtime(whole([100])) - model.runtime(slice(0, 100))).toBe(2 * 4 * 100 * 64);
  });
});

describe("CostModel.runtime on WASM", () => {
  it("counts the layer's weights, the KV on its way in and out, and no scores", () => {
    const model = modelOf({ kind: "wasm" });
    expect(modelOf({ kind: "wasm", layerBytes: 5000 }).runtime(whole([9])) - model.runtime(whole([9]))).toBe(4000);
    const grown = model.runtime(slice(4096, 512)) - model.runtime(slice(3584, 512));
    expect(grown).toBe(2 * 512 * 2 * 64 * 4 + 4096 * 32 * 4);
    expect(grown).toBeLessThan(4 * 6 * 512 * 512);
  });

  // Size of WebAssembly's memory after two such runs in Chromium.
  it.each([
    { tokens: 4, bits: 4, layerBytes: 63_651_840, measured: 208_732_160 },
    { tokens: 128, bits: 4, layerBytes: 63_651_840, measured: 227_934_208 },
    { tokens: 4, bits: 8, layerBytes: 114_114_560, measured: 231_997_440 },
  ] as const)("bounds the heap of the 4B shape: $tokens tokens, $bits bit", ({ tokens, measured, ...weights }) => {
    const predicted = modelOf({ kind: "wasm", architecture: QWEN_4B, ...weights }).runtime(whole([tokens]));
    expect(predicted / measured).toBeGreaterThan(1);
    expect(predicted / measured).toBeLessThan(1.25);
  });
});

describe("CostModel", () => {
  it("counts weights by layers and slots, and none on WASM", () => {
    expect(modelOf().weights({ residentLayers: 2, slots: 2 })).toBe(4000);
    expect(modelOf({ kind: "wasm" }).weights({ residentLayers: 3, slots: 0 })).toBe(0);
  });

  it("counts RoPE tables that double from 1,024 positions and stay", () => {
    const table = 1024 * 32 * 4;
    expect(modelOf().tables(1)).toBe(table);
    expect(modelOf().tables(1024)).toBe(table);
    expect(modelOf().tables(1025)).toBe(3 * table);
    expect(modelOf().tables(32_768)).toBe(63 * table);
  });

  it("holds hidden states and index inputs of each chunk", () => {
    expect(modelOf().chunk(whole([5, 40, 33]))).toEqual({
      hidden: (78 + 4) * 128 * 4,
      indices: 4 * (3 * 40 + 78 + 3 + 4),
    });
    expect(modelOf({ activations: "f16" }).chunk(whole([1])).hidden).toBe(2 * 256);
  });

  it("gives a pass the KV of its longest sliced sequence and the scratch of its largest run", () => {
    const model = modelOf();
    const chunks = [whole([50, 60]), ...slicesOf(1300, 512)];
    const pass = model.pass(chunks);
    expect(pass.weights).toBe(0);
    expect(pass.kv).toBe(model.kv(1300));
    expect(model.kv(1300)).toBe(2 * 1300 * 64 * 4);
    expect(pass.tables).toBe(model.tables(1300));
    expect(pass.runtime).toBe(Math.max(...chunks.map((chunk) => model.runtime(chunk, 1300))));
    expect(model.pass([whole([50])]).kv).toBe(0);
  });

  it("reads back one row a sequence", () => {
    const [last] = slicesOf(1300, 512).slice(-1);
    const other = { ...whole([50]), slices: [{ sequence: 7, start: 0, length: 50 }] };
    expect(modelOf().pass([...slicesOf(1300, 512), last!, other]).readback).toBe(2 * 128 * 4);
  });

  it("adds up over chunks, but for what they share", () => {
    fc.assert(
      fc.property(shapes, fc.array(lengthLists, { minLength: 1, maxLength: 4 }), (shape, lists) => {
        const model = modelOf(shape);
        const chunks = lists.map(whole);
        const pass = model.pass(chunks);
        const held = chunks.map((chunk) => model.chunk(chunk));
        expect(pass.hidden).toBe(held.reduce((sum, { hidden }) => sum + hidden, 0));
        expect(pass.indices).toBe(held.reduce((sum, { indices }) => sum + indices, 0));
        expect(pass.runtime).toBe(Math.max(...chunks.map((chunk) => model.runtime(chunk))));
      }),
    );
  });

  it("never takes less for one sequence more, nor for a longer one of the same kernel", () => {
    fc.assert(
      fc.property(shapes, lengthLists, fc.integer({ min: 1, max: 400 }), (shape, lengths, more) => {
        const model = modelOf(shape);
        const sorted = [...lengths, more].sort((a, b) => a - b);
        const bytes = (list: readonly number[]) => totalBytes(model.pass([whole(list)]));
        expect(bytes(sorted)).toBeGreaterThanOrEqual(bytes(sorted.slice(1)));
        const longest = sorted.at(-1)!;
        if (longest !== 31) expect(bytes([...sorted.slice(0, -1), longest + 1])).toBeGreaterThanOrEqual(bytes(sorted));
      }),
    );
  });

  it("never takes less for a longer past, nor for larger slices of at least 32 tokens", () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 60 }), fc.integer({ min: 5, max: 10 }), (shape, blocks, power) => {
        const model = modelOf(shape);
        const tokens = blocks * 512;
        expect(model.runtime(slice(tokens + 512, 512))).toBeGreaterThanOrEqual(model.runtime(slice(tokens, 512)));
        const run = (chunkTokens: number) => model.pass(slicesOf(1024 * blocks, chunkTokens)).runtime;
        expect(run(2 ** power)).toBeGreaterThanOrEqual(run(2 ** Math.max(5, power - 1)));
        expect(model.kv(tokens + 1)).toBeGreaterThan(model.kv(tokens));
      }),
    );
  });

  it("fits 32,768 tokens of the 4B shape into 3 GiB, and into 1 GiB with streamed weights", () => {
    const model = modelOf({ architecture: QWEN_4B, activations: "f16", bits: 4, layerBytes: 56_800_000 });
    const pass = model.pass(slicesOf(32_768, 512));
    const total = (residentLayers: number, slots: number) =>
      totalBytes({ ...pass, weights: model.weights({ residentLayers, slots }) });
    expect(total(36, 0)).toBeLessThan(3 * GIB);
    expect(total(0, 2)).toBeLessThan(1 * GIB);
    expect(pass.kv).toBe(134_217_728);
  });
});

describe("totalBytes", () => {
  it("counts the readback or the run, whichever is more, since they are not at the same time", () => {
    const bytes = { weights: 1, tables: 10, hidden: 100, indices: 1000, kv: 10_000 };
    expect(totalBytes({ ...bytes, readback: 300_000, runtime: 200_000 })).toBe(311_111);
    expect(totalBytes({ ...bytes, readback: 100_000, runtime: 200_000 })).toBe(211_111);
  });
});

describe("runFlops", () => {
  it("counts the linear layers by tokens, and attention by the positions before each token", () => {
    const linear = 2 * 128 * (2 * 192 + 2 * 64 + 3 * 224);
    expect(runFlops(STRESS, whole([1]))).toBe(linear + 4 * 192);
    expect(runFlops(STRESS, whole([3]))).toBe(3 * linear + 4 * 192 * (1 + 2 + 3));
    expect(runFlops(STRESS, slice(100, 2))).toBe(2 * linear + 4 * 192 * (101 + 102));
  });

  it("is the same however a sequence is cut into slices", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 600 }), (tokens, chunkTokens) => {
        const cut = slicesOf(tokens, chunkTokens).reduce((sum, chunk) => sum + runFlops(STRESS, chunk), 0);
        expect(cut).toBeCloseTo(runFlops(STRESS, whole([tokens])), 0);
      }),
    );
  });
});
