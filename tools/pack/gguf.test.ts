import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EmbedError } from "../../src/errors.ts";
import { parseConfig } from "./config.ts";
import { ggufModel } from "./gguf-model.ts";
import { type GgufFile, readGguf } from "./gguf.ts";
import {
  encodeGguf,
  encodeGgufHeader,
  type EncodedValue,
  GGML_TYPE,
  type GgufContent,
  ggufName,
  ggufTensor,
  type GgufTensor,
  list,
  listOf,
  qwen3Metadata,
  scalar,
  u32,
  u64,
} from "./synthetic-gguf.ts";
import { TINY_CONFIG, tensorHeads } from "./synthetic-model.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const path = join(temporaryFolder(), "x.gguf");
const GATE = "blk.1.ffn_gate.weight";

const { architecture } = parseConfig(JSON.stringify(TINY_CONFIG));
const TENSORS: readonly GgufTensor[] = tensorHeads(TINY_CONFIG, "F32").map(({ name, shape }) => {
  const count = shape.reduce((a, b) => a * b, 1);
  return ggufTensor(ggufName(name), { values: new Float32Array(count), shape }, shape.length === 1 ? "F32" : "Q8_0");
});
const TINY: GgufContent = { metadata: qwen3Metadata(architecture, 1), tensors: TENSORS };

function readBytes(bytes: Uint8Array): GgufFile {
  writeFileSync(path, bytes);
  return readGguf(path);
}

const read = (content: Partial<GgufContent>) => readBytes(encodeGguf({ ...TINY, ...content }));
const readValue = (value: EncodedValue) => read({ metadata: [["k", value]] }).metadata.get("k");
const readTensor = (tensor: Partial<GgufTensor>) =>
  read({
    tensors: [{ name: "t", dimensions: [32], type: GGML_TYPE.F32, bytes: new Uint8Array(128), ...tensor }],
  });
const openTiny = (changes: Readonly<Record<string, EncodedValue | null>>) => {
  const metadata = TINY.metadata.flatMap(([key, value]) => {
    const changed = key in changes ? changes[key] : value;
    return changed ? [[key, changed] as const] : [];
  });
  const added = Object.entries(changes).flatMap(([key, value]) =>
    value && !TINY.metadata.some(([known]) => known === key) ? [[key, value] as const] : [],
  );
  return ggufModel(read({ metadata: [...metadata, ...added] }));
};

const refusal = (code: string, message: string) =>
  expect.objectContaining({ name: "EmbedError", code, message: expect.stringContaining(message) });
const corrupt = (message: string) => refusal("model-corrupt", message);

describe("readGguf", () => {
  it.each([2, 3])("finds the tensors of version %d, rows first", (version) => {
    const { tensors } = read({ version });
    expect(tensors).toHaveLength(TENSORS.length);
    const gate = tensors.find(({ name }) => name === GATE)!;
    expect(gate).toMatchObject({ dtype: "Q8_0", shape: [96, 64], bytes: ((96 * 64) / 32) * 34, path });
    expect(statSync(path).size).toBe(Math.ceil((tensors.at(-1)!.offset + tensors.at(-1)!.bytes) / 32) * 32);
  });

  it.each([8, 32, 4096])("places tensors by an alignment of %d", (alignment) => {
    const metadata = [["general.alignment", scalar("u32", alignment)] as const];
    const bytes = Uint8Array.of(1, 2, 3, 4);
    const tensors = ["a", "b"].map((name) => ({ name, dimensions: [1], type: GGML_TYPE.F32, bytes }));
    const found = read({ metadata, tensors, alignment }).tensors;
    expect(found[1]!.offset - found[0]!.offset).toBe(alignment);
    for (const { offset } of found) expect([...readFileSync(path).subarray(offset, offset + 4)]).toEqual([1, 2, 3, 4]);
  });

  it.each([
    ["u8", 255],
    ["i8", -128],
    ["u16", 65535],
    ["i16", -32768],
    ["u32", 4294967295],
    ["i32", -2147483648],
    ["f32", 0.5],
    ["f64", 0.1],
    ["bool", true],
    ["string", "Grüße 🌍"],
    ["u64", Number.MAX_SAFE_INTEGER],
    ["i64", -5],
    ["u64", 2n ** 64n - 1n],
  ] as const)("reads a %s, alone and in a list", (kind, value) => {
    expect(readValue(scalar(kind, value))).toBe(value);
    expect(readValue(list(kind, [value, value]))).toEqual([value, value]);
    const nested = list(kind, [value]);
    expect(readValue(listOf(9, [nested.bytes, nested.bytes]))).toEqual([[value], [value]]);
  });

  it("reads a tokenizer that is larger than what it reads at a time", () => {
    const words = Array.from({ length: 200_000 }, (_, i) => `word ${i}`);
    expect(readValue(list("string", words))).toEqual(words);
  });

  it.each([
    ["a few bytes", Buffer.from("GG"), "model-corrupt", "is no GGUF file"],
    ["another format", Buffer.from("PK\x03\x04 and so on"), "model-corrupt", "is no GGUF file"],
    ["version 1", Buffer.concat([Buffer.from("GGUF"), u32(1)]), "invalid-input", "has version 1"],
    ["big-endian", Buffer.from("GGUF\0\0\0\x03"), "invalid-input", "is big-endian"],
    ["nothing but a magic", Buffer.from("GGUF"), "model-corrupt", "the version of 4 bytes at 4 runs past the end"],
  ])("refuses %s", (...[, bytes, code, message]) => {
    expect(() => readBytes(bytes)).toThrow(refusal(code, message));
  });

  it.each([
    ["tensors", [16_385, 0], "states 16385 tensors, the limit is 16384"],
    ["keys", [0, 1025], "states 1025 metadata keys, the limit is 1024"],
    ["more than 2^53 tensors", [2n ** 60n, 0], "the number of tensors is 1152921504606846976"],
    ["keys that the file does not hold", [0, 3], "the length of metadata key 0 of 8 bytes at 24 runs past the end"],
  ] as const)("refuses a stated count of %s", (_, [tensors, keys], message) => {
    const head = Buffer.concat([Buffer.from("GGUF"), u32(3), u64(tensors), u64(keys)]);
    expect(() => readBytes(head)).toThrow(corrupt(message));
  });

  it.each<[string, EncodedValue, string]>([
    ["a text longer than the limit", { type: 8, bytes: u64(2 ** 24 + 1) }, "k has 16777217 bytes, the limit is"],
    ["a text longer than the file", { type: 8, bytes: u64(10_000_000) }, "k of 10000000 bytes"],
    ["a text of 2^63 bytes", { type: 8, bytes: u64(2n ** 63n) }, "the length of k is 9223372036854775808"],
    ["a text that is not UTF-8", { type: 8, bytes: Buffer.concat([u64(1), Buffer.of(0xff)]) }, "k is not UTF-8"],
    ["a boolean of 2", { type: 7, bytes: Buffer.of(2) }, "k is 2, no boolean"],
    ["an unknown type", { type: 13, bytes: u64(0) }, "k has the unknown type 13"],
    ["a list of an unknown type", { type: 9, bytes: Buffer.concat([u32(99), u64(1)]) }, "of the unknown type 99"],
    [
      "a list longer than the file",
      { type: 9, bytes: Buffer.concat([u32(4), u64(2 ** 40)]) },
      "k states 1099511627776",
    ],
    ["lists of lists of lists …", deepList(5), "k nests arrays more than 4 deep"],
    ["too many values", list("u8", new Array<number>(2 ** 21 + 1).fill(0)), "over the limit of 2097152 values"],
    ["too many empty lists", emptyLists(2 ** 21), "over the limit of 2097152 values"],
  ])("refuses metadata with %s", (_, value, message) => {
    expect(() => readValue(value)).toThrow(corrupt(message));
  });

  it("refuses keys that are empty, too long or there twice", () => {
    const value = scalar("u32", 1);
    expect(() => read({ metadata: [["", value]] })).toThrow(corrupt("metadata key 0 is empty"));
    expect(() => read({ metadata: [["k".repeat(65_536), value]] })).toThrow(corrupt("metadata key 0 has 65536 bytes"));
    const twice = [["k", value] as const, ["k", value] as const];
    expect(() => read({ metadata: twice })).toThrow(corrupt("metadata key k is there twice"));
  });

  it.each<[string, EncodedValue]>([
    ["0", scalar("u32", 0)],
    ["4", scalar("u32", 4)],
    ["48", scalar("u32", 48)],
    ["131072", scalar("u32", 131_072)],
    ['"x"', scalar("string", "x")],
  ])("refuses an alignment of %s", (shown, value) => {
    const content = { metadata: [["general.alignment", value] as const], tensors: [] };
    expect(() => read(content)).toThrow(corrupt(`general.alignment is ${shown}`));
  });

  it("refuses a header beyond 64 MiB, in a file of any size", () => {
    const filler = ["a", "b", "c", "d", "e"].map((key) => [key, scalar("string", "x".repeat(2 ** 24 - 64))] as const);
    expect(() => read({ metadata: filler })).toThrow(corrupt("the limit of 67108864 header bytes"));
  });

  it.each<[string, Partial<GgufTensor>, string]>([
    ["no dimensions", { dimensions: [] }, "has 0 dimensions"],
    ["five dimensions", { dimensions: [32, 1, 1, 1, 1] }, "has 5 dimensions"],
    ["an empty dimension", { dimensions: [32, 0] }, "has shape [0, 32]"],
    ["a product that overflows", { dimensions: [2 ** 40, 2 ** 40] }, "has shape [1099511627776, 1099511627776]"],
    ["an unknown type", { type: 250 }, "has the unknown type 250"],
    ["rows of half blocks", { dimensions: [48], type: GGML_TYPE.Q8_0 }, "has rows of 48"],
    ["rows of half K blocks", { dimensions: [128, 2], type: GGML_TYPE.Q6_K }, "has rows of 128"],
    ["an offset between alignments", { offset: 8 }, "begins at 8, no multiple of 32"],
    ["a gap before it", { offset: 64 }, "begins at byte 64 of the tensors, not at 0"],
    ["more bytes than the file", { dimensions: [2 ** 40] }, "ends at byte"],
  ])("refuses a tensor with %s", (_, tensor, message) => {
    expect(() => readTensor(tensor)).toThrow(corrupt(`tensor t ${message}`));
  });

  it("refuses overlapping tensors, a name that is there twice, and one that is too long", () => {
    const [first, second] = [TENSORS[0]!, { ...TENSORS[1]!, offset: 32 }];
    expect(() => read({ tensors: [first, second] })).toThrow(corrupt(`tensor ${second.name} begins at byte 32`));
    expect(() => read({ tensors: [first, first] })).toThrow(corrupt(`tensor ${first.name} is there twice`));
    const long = { ...first, name: "t".repeat(65) };
    expect(() => read({ tensors: [long] })).toThrow(corrupt("the name of tensor 0 has 65 bytes"));
  });

  it("names an element type that it knows and does not pack", () => {
    const bytes = new Uint8Array(22);
    expect(() => readTensor({ type: GGML_TYPE.Q5_0, bytes })).toThrow(refusal("invalid-input", "tensor t is Q5_0"));
  });

  it("names the tensor that a truncated file cuts", () => {
    writeFileSync(path, encodeGguf(TINY));
    truncateSync(path, statSync(path).size - 64);
    expect(() => readGguf(path)).toThrow(corrupt("tensor output_norm.weight ends at byte"));
  });

  it("does nothing with a damaged header but read it or refuse it", () => {
    const whole = encodeGguf({
      ...TINY,
      metadata: [...TINY.metadata, ["tokens", list("string", ["a", "b"])], ["nested", deepList(3)]],
    });
    const headerBytes = encodeGgufHeader(TINY).length;
    const change = fc.record({
      at: fc.nat(headerBytes - 1),
      bytes: fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 8 }),
        fc.constantFrom(u64(2n ** 64n - 1n), u64(2n ** 63n), u64(2 ** 53), u64(0), u32(9), u32(0xffffffff)),
      ),
    });
    let refused = 0;
    const mutation = fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const damaged = Buffer.from(whole);
      for (const { at, bytes } of changes) damaged.set(bytes.subarray(0, whole.length - at), at);
      writeFileSync(path, damaged);
      const before = process.memoryUsage().arrayBuffers;
      try {
        const file = readGguf(path);
        for (const { offset, bytes } of file.tensors) expect(offset + bytes).toBeLessThanOrEqual(whole.length);
        ggufModel(file);
      } catch (error) {
        if (!(error instanceof EmbedError)) throw error;
        expect(["model-corrupt", "invalid-input"]).toContain(error.code);
        expect(error.message.length).toBeLessThan(70_000);
        refused += 1;
      }
      // A stated length of gigabytes is refused before anything of its size is made.
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 25);
    });
    fc.assert(mutation, { numRuns: 500 });
    expect(refused).toBeGreaterThan(125);
  });
});

describe("ggufModel", () => {
  it("reads the architecture, decimals as they were written", () => {
    expect(openTiny({}).architecture).toEqual(architecture);
  });

  it("names tensors as a checkpoint does", () => {
    const { tensors } = openTiny({});
    const names = tensorHeads(TINY_CONFIG, "F32").map(({ name }) => name);
    expect([...tensors.keys()].sort()).toEqual(names.sort());
    expect(tensors.get("layers.1.mlp.gate_proj.weight")?.name).toBe(GATE);
  });

  it("takes keys that are left out or say the usual", () => {
    const wide = { ...TINY_CONFIG, head_dim: 64 / 4, num_attention_heads: 4 };
    const heads = tensorHeads(wide, "F32").map(({ name, shape }) =>
      ggufTensor(ggufName(name), { values: new Float32Array(shape.reduce((a, b) => a * b, 1)), shape }, "F32"),
    );
    const metadata = qwen3Metadata({ ...architecture, num_attention_heads: 4 }, 1).filter(
      ([key]) => !/key_length|value_length|pooling/.test(key),
    );
    expect(ggufModel(read({ metadata, tensors: heads })).architecture.head_dim).toBe(16);
    const usual = { "qwen3.rope.scaling.type": scalar("string", "none"), "split.count": scalar("u16", 1) };
    expect(openTiny({ ...usual, "qwen3.attention.causal": scalar("bool", true) }).architecture).toEqual(architecture);
  });

  it("leaves the head of a language model out", () => {
    const head = { ...TENSORS[0]!, name: "output.weight" };
    expect(ggufModel(read({ tensors: [...TENSORS, head] })).tensors.size).toBe(TENSORS.length);
  });

  it.each<[string, EncodedValue, string]>([
    ["general.architecture", scalar("string", "llama"), '"llama", supported: qwen3'],
    ["qwen3.pooling_type", scalar("u32", 1), "1, supported: 3"],
    ["qwen3.attention.causal", scalar("bool", false), "false, supported: true"],
    ["qwen3.attention.sliding_window", scalar("u32", 4096), "4096, supported: 0"],
    ["qwen3.rope.scaling.type", scalar("string", "yarn"), '"yarn", supported: none'],
    ["qwen3.rope.scaling.factor", scalar("f32", 4), "4, supported: 0 or 1"],
    ["qwen3.attention.value_length", scalar("u32", 8), "8, supported: 16"],
    ["split.count", scalar("u16", 3), "3, supported: 0 or 1"],
  ])("refuses another %s", (key, value, message) => {
    expect(() => openTiny({ [key]: value })).toThrow(refusal("invalid-input", `${key} is ${message}`));
  });

  it.each<[string, EncodedValue | null, string]>([
    ["general.architecture", null, "undefined"],
    ["qwen3.block_count", null, "missing"],
    ["qwen3.block_count", scalar("u32", 0), "0"],
    ["qwen3.embedding_length", scalar("f32", 63.5), "63.5"],
    ["qwen3.attention.head_count_kv", list("u32", [2, 2]), "[2, 2]"],
    ["qwen3.rope.freq_base", scalar("f32", -1), "-1"],
    ["qwen3.attention.layer_norm_rms_epsilon", scalar("string", "tiny"), '"tiny"'],
  ])("refuses a %s that is wrong or missing", (key, value, shown) => {
    expect(() => openTiny({ [key]: value })).toThrow(
      expect.objectContaining({ name: "EmbedError", message: expect.stringContaining(`${key} is ${shown}`) }),
    );
  });

  it("refuses a billion layers before it counts them", () => {
    const many = { "qwen3.block_count": scalar("u32", 1e9) };
    expect(() => openTiny(many)).toThrow(refusal("invalid-input", "num_hidden_layers is 1000000000, supported: up to"));
  });

  it("names a tensor that is missing, of another shape, or not computed", () => {
    const without = TENSORS.filter(({ name }) => name !== GATE);
    const open = (tensors: readonly GgufTensor[]) => () => ggufModel(read({ tensors }));
    expect(open(without)).toThrow(corrupt("tensor layers.1.mlp.gate_proj.weight is missing"));
    expect(open(TENSORS.slice(1))).toThrow(corrupt("tensor token_embd.weight is missing"));
    const turned = TENSORS.map((one) => (one.name === GATE ? { ...one, dimensions: [96, 64] } : one));
    expect(open(turned)).toThrow(corrupt(`tensor ${GATE} has shape [64, 96], GGUF header asks for [96, 64]`));
    const names = ["blk.0.attn_q.bias", "blk.2.attn_norm.weight", "rope_freqs.weight", "layers.0.mlp.up_proj.weight"];
    for (const name of [...names, "blk.0.constructor.weight", "blk.00.attn_q.weight"]) {
      const extra = { ...TENSORS.at(-1)!, name };
      expect(open([...TENSORS, extra])).toThrow(refusal("invalid-input", `tensor ${name} is no part`));
    }
  });
});

function deepList(depth: number): EncodedValue {
  return depth === 1 ? list("u8", [1]) : listOf(9, [deepList(depth - 1).bytes]);
}

function emptyLists(count: number): EncodedValue {
  const empty = Buffer.concat([u32(9), u64(0)]);
  const half = new Array<Buffer>(count / 2).fill(empty);
  return listOf(9, [listOf(9, half).bytes, listOf(9, [...half, empty]).bytes]);
}
