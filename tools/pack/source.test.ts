import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EmbedError } from "../../src/errors.ts";
import { openSource } from "./source.ts";
import {
  encodeHeader,
  frameHeader,
  type SyntheticTensor,
  TINY_CONFIG,
  tinyTensors,
  writeModel,
  writeSafetensors,
} from "./synthetic-model.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const root = temporaryFolder();
let count = 0;
const freshFolder = () => {
  const folder = join(root, String(count++));
  mkdirSync(folder);
  return folder;
};

const GATE = "layers.1.mlp.gate_proj.weight";

/** The tiny model with one tensor changed, or dropped. */
function altered(name: string, change: (tensor: SyntheticTensor) => SyntheticTensor | null): SyntheticTensor[] {
  return tinyTensors().flatMap((tensor) => (tensor.name === name ? (change(tensor) ?? []) : tensor));
}

function open(tensors: readonly SyntheticTensor[]) {
  const folder = freshFolder();
  writeModel(folder, tensors);
  return openSource(folder, null);
}

/** A model of one file with this header and that many bytes of data. */
function openWithHeader(header: object, dataBytes: number) {
  const folder = freshFolder();
  writeModel(folder);
  writeFileSync(join(folder, "model.safetensors"), Buffer.concat([frameHeader(header), Buffer.alloc(dataBytes)]));
  return openSource(folder, null);
}

const refusal = (code: string, text: string) =>
  expect.objectContaining({ name: "EmbedError", code, message: expect.stringContaining(text) });

describe("openSource", () => {
  it("takes names with and without model., and leaves lm_head out", () => {
    const head = tinyTensors()[0]!;
    const prefixed = [...tinyTensors().map((tensor) => ({ ...tensor, name: `model.${tensor.name}` }))];
    const source = open([...prefixed, { ...head, name: "lm_head.weight" }]);
    expect([...source.tensors.keys()]).toEqual([...open(tinyTensors()).tensors.keys()]);
    expect(source.tensors.get(GATE)?.name).toBe(`model.${GATE}`);
    expect(source).toMatchObject({ endTokenId: 1, padTokenId: 1, maxTokens: 512, tokenizer: null });
  });

  it("finds tensors in several files, with an index and without", () => {
    const tensors = tinyTensors();
    const shards = { "model-1.safetensors": tensors.slice(0, 7), "model-2.safetensors": tensors.slice(7) };
    for (const hasIndex of [true, false]) {
      const folder = freshFolder();
      writeFileSync(join(folder, "config.json"), JSON.stringify(TINY_CONFIG));
      const map: Record<string, string> = {};
      for (const [file, members] of Object.entries(shards)) {
        writeSafetensors(join(folder, file), members);
        for (const { name } of members) map[name] = file;
      }
      if (hasIndex) {
        // What the index does not name is not read.
        writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
        writeFileSync(join(folder, "consolidated.safetensors"), "not a weight file");
      }
      const source = openSource(folder, null);
      expect(source.tensors.size).toBe(tensors.length);
      expect(Object.keys(source.inputs)).toEqual(["config.json", "model-1.safetensors", "model-2.safetensors"]);
    }
  });

  it("names a tensor that is missing", () => {
    expect(() => open(altered(GATE, () => null))).toThrow(refusal("model-corrupt", `tensor ${GATE} is missing`));
  });

  it("names a tensor of another shape", () => {
    const transposed = altered(GATE, (tensor) => ({ ...tensor, shape: tensor.shape.toReversed() }));
    expect(() => open(transposed)).toThrow(refusal("model-corrupt", `tensor ${GATE} has shape [64, 96]`));
  });

  it.each(["F8_E4M3", "I16", "Q4"])("names a tensor of dtype %s", (dtype) => {
    const changed = altered(GATE, (tensor) => ({ ...tensor, dtype }));
    expect(() => open(changed)).toThrow(refusal("model-corrupt", `tensor ${GATE} has the unknown dtype ${dtype}`));
  });

  it("names a tensor whose bytes do not fit its shape", () => {
    const folder = freshFolder();
    writeModel(folder);
    const heads = tinyTensors().map((tensor) => (tensor.name === GATE ? { ...tensor, dtype: "F32" } : tensor));
    const plain = Buffer.concat(tinyTensors().map((tensor) => tensor.bytes));
    const header = JSON.parse(encodeHeader(tinyTensors()).subarray(8).toString()) as Record<string, object>;
    const wrong = Object.fromEntries(heads.map(({ name, dtype }) => [name, { ...header[name], dtype }]));
    writeFileSync(join(folder, "model.safetensors"), Buffer.concat([frameHeader(wrong), plain]));
    expect(() => openSource(folder, null)).toThrow(refusal("model-corrupt", `tensor ${GATE} has 12288 bytes`));
  });

  it("names the tensor that a truncated file cuts", () => {
    const folder = freshFolder();
    writeModel(folder);
    const path = join(folder, "model.safetensors");
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    expect(() => openSource(folder, null)).toThrow(refusal("model-corrupt", "tensor norm.weight ends at byte"));
  });

  it.each(["q_proj.bias", "q_proj.weight.absmax"])("names a tensor that it would not compute: %s", (name) => {
    const extra = { ...tinyTensors().at(-1)!, name: `layers.0.self_attn.${name}` };
    expect(() => open([...tinyTensors(), extra])).toThrow(refusal("invalid-input", extra.name));
  });

  it("names a tensor of a layer that config.json does not count", () => {
    const extra = { ...tinyTensors().at(-1)!, name: "layers.2.input_layernorm.weight" };
    expect(() => open([...tinyTensors(), extra])).toThrow(refusal("invalid-input", extra.name));
  });

  it("names a tensor that is there twice", () => {
    const folder = freshFolder();
    writeModel(folder);
    writeSafetensors(join(folder, "more.safetensors"), tinyTensors().slice(-1));
    expect(() => openSource(folder, null)).toThrow(refusal("model-corrupt", "tensor norm.weight is in"));
    const last = tinyTensors().at(-1)!;
    const both = [...tinyTensors(), { ...last, name: `model.${last.name}` }];
    expect(() => open(both)).toThrow(refusal("model-corrupt", "norm.weight is there with and without"));
  });

  it.each([
    ["overlap", { a: [0, 8], b: [4, 12] }, "tensor b begins"],
    ["leave a gap", { a: [0, 8], b: [10, 16] }, "tensor b begins"],
    ["end after the file", { a: [0, 8], b: [8, 1e6] }, "tensor b ends at byte"],
    ["run backwards", { a: [0, 8], b: [8, 4] }, "tensor b has data_offsets"],
    ["are negative", { a: [-8, 8] }, "tensor a has data_offsets"],
    ["are fractions", { a: [0, 7.5] }, "tensor a has data_offsets"],
    ["wrap around", { a: [0, 2 ** 63] }, "tensor a has data_offsets"],
    ["are missing", { a: null }, "tensor a has data_offsets"],
    ["leave bytes over", { a: [0, 8] }, "8 bytes after its tensors"],
  ])("refuses offsets that %s", (_, offsets, text) => {
    const header = Object.fromEntries(
      Object.entries(offsets).map(([name, pair]) => [name, { dtype: "BF16", shape: [4], data_offsets: pair }]),
    );
    expect(() => openWithHeader(header, 16)).toThrow(refusal("model-corrupt", text));
  });

  it.each([null, 3, { dtype: "BF16" }, { dtype: "BF16", shape: [-1], data_offsets: [0, 2] }, { shape: [1] }])(
    "refuses the header entry %j",
    (entry) => {
      expect(() => openWithHeader({ a: entry }, 2)).toThrow(refusal("model-corrupt", "tensor a has"));
    },
  );

  it.each([2 ** 40, 2 ** 63, 16_777_217, 500])("refuses a header of a stated %d bytes", (stated) => {
    const folder = freshFolder();
    writeModel(folder);
    const bytes = Buffer.alloc(400);
    bytes.writeBigUInt64LE(BigInt(stated));
    writeFileSync(join(folder, "model.safetensors"), bytes);
    expect(() => openSource(folder, null)).toThrow(refusal("model-corrupt", `a header of ${stated} bytes`));
  });

  it.each([
    ["more dimensions than a weight has", new Array<number>(9).fill(1), "has the impossible shape a list of 9"],
    ["a product that overflows", [2 ** 40, 2 ** 40], "has the impossible shape [1099511627776, 1099511627776]"],
    ["a dimension beyond 2^53", [2 ** 60], "has dtype"],
  ])("refuses a shape with %s", (_, shape, text) => {
    const entry = { dtype: "BF16", shape, data_offsets: [0, 2] };
    expect(() => openWithHeader({ a: entry }, 2)).toThrow(refusal("model-corrupt", `tensor a ${text}`));
  });

  it("refuses what nests deeply or has megabytes in few words, in a header and in an index", () => {
    const folder = freshFolder();
    writeModel(folder);
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    const long = "x".repeat(500_000);
    const refuse = () => {
      expect(() => openSource(folder, null)).toThrow(refusal("model-corrupt", ""));
      expect(() => openSource(folder, null)).toThrow(/^.{1,600}$/);
    };
    for (const entry of [
      `"a":{"dtype":"BF16","shape":${deep},"data_offsets":[0,2]}`,
      `"a":{"dtype":${deep},"shape":[1],"data_offsets":[0,2]}`,
      `"a":{"dtype":"BF16","shape":[1],"data_offsets":${deep}}`,
      `"a":{"dtype":"BF16","shape":[1],"data_offsets":[${deep},2]}`,
      `"${long}":null`,
    ]) {
      const prefix = Buffer.alloc(8);
      prefix.writeBigUInt64LE(BigInt(entry.length + 2));
      writeFileSync(join(folder, "model.safetensors"), Buffer.concat([prefix, Buffer.from(`{${entry}}`)]));
      refuse();
    }
    for (const entry of [`"a":${deep}`, `"a":"${long}"`, `"${long}":7`]) {
      writeFileSync(join(folder, "model.safetensors.index.json"), `{"weight_map":{${entry}}}`);
      refuse();
    }
  });

  it("refuses keys that are there twice, in a header and in an index", () => {
    const folder = freshFolder();
    writeModel(folder);
    const entry = '{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}';
    for (const [header, key] of [
      [`{"a":${entry},"a":${entry}}`, "a"],
      [`{"a":${entry.replace("}", ',"shape":[2]}')}}`, "shape"],
    ] as const) {
      const prefix = Buffer.alloc(8);
      prefix.writeBigUInt64LE(BigInt(header.length));
      writeFileSync(join(folder, "model.safetensors"), Buffer.concat([prefix, Buffer.from(header), Buffer.alloc(2)]));
      expect(() => openSource(folder, null)).toThrow(refusal("model-corrupt", `the key "${key}" is there twice`));
    }
    const index = '{"weight_map":{"a":"model.safetensors","a":"model.safetensors"}}';
    writeFileSync(join(folder, "model.safetensors.index.json"), index);
    expect(() => openSource(folder, null)).toThrow(refusal("model-corrupt", 'the key "a" is there twice'));
  });

  it("refuses more tensors than any model has", () => {
    const entry = { dtype: "BF16", shape: [0], data_offsets: [0, 0] };
    const header = Object.fromEntries(Array.from({ length: 16_385 }, (_, i) => [`t${i}`, entry]));
    expect(() => openWithHeader(header, 0)).toThrow(refusal("model-corrupt", "states 16385 tensors, the limit is"));
  });

  it("does not read 16 MB of junk for a header, nor a config, index or tokenizer of any size", () => {
    const folder = freshFolder();
    writeModel(folder);
    const junk = Buffer.alloc(17_000_000, "[");
    junk.writeBigUInt64LE(BigInt(junk.length - 8));
    writeFileSync(join(folder, "model.safetensors"), junk);
    expect(() => openSource(folder, null)).toThrow(refusal("model-corrupt", "states a header of 16999992 bytes"));
    for (const [name, bytes] of [
      ["tokenizer.json", 2 ** 26],
      ["model.safetensors.index.json", 2 ** 24],
      ["config.json", 2 ** 20],
    ] as const) {
      writeFileSync(join(folder, "tokenizer_config.json"), "{}");
      if (name === "tokenizer.json") writeSafetensors(join(folder, "model.safetensors"), tinyTensors());
      writeFileSync(join(folder, name), "");
      truncateSync(join(folder, name), bytes + 1);
      const text = `${name} has ${bytes + 1} bytes, the limit is ${bytes}`;
      expect(() => openSource(folder, null)).toThrow(refusal("model-corrupt", text));
    }
  });

  it("does nothing with a damaged header but read it or refuse it", () => {
    const folder = freshFolder();
    writeModel(folder);
    const path = join(folder, "model.safetensors");
    const whole = readFileSync(path);
    const headerBytes = encodeHeader(tinyTensors()).length;
    const change = fc.record({
      at: fc.nat(headerBytes - 1),
      bytes: fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 8 }),
        fc.constantFrom(
          ...['"', "[", "}", ",", "9999999999999999", "-1", "1e300", "null"].map((text) => Buffer.from(text)),
        ),
      ),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const damaged = Buffer.from(whole);
        for (const { at, bytes } of changes) damaged.set(bytes.subarray(0, whole.length - at), at);
        writeFileSync(path, damaged);
        try {
          openSource(folder, null);
        } catch (error) {
          if (!(error instanceof EmbedError)) throw error;
          expect(["model-corrupt", "invalid-input"]).toContain(error.code);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("refuses a file of a few bytes, and a header that is not JSON", () => {
    const folder = freshFolder();
    writeModel(folder);
    writeFileSync(join(folder, "model.safetensors"), "short");
    expect(() => openSource(folder, null)).toThrow(refusal("model-corrupt", "is cut short"));
    writeFileSync(join(folder, "model.safetensors"), Buffer.from("\x04\0\0\0\0\0\0\0oops"));
    expect(() => openSource(folder, null)).toThrow(refusal("model-corrupt", "is not JSON"));
  });

  it.each([
    ["a missing file", { "norm.weight": "gone.safetensors" }, "model-not-found", "gone.safetensors"],
    ["a path", { "norm.weight": "../up.safetensors" }, "model-corrupt", "norm.weight"],
    ["no file name", { "norm.weight": 7 }, "model-corrupt", "norm.weight"],
  ])("refuses an index with %s", (...[, map, code, text]) => {
    const folder = freshFolder();
    writeModel(folder);
    writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
    expect(() => openSource(folder, null)).toThrow(refusal(code, text));
  });

  it("refuses a folder without config, weights, end token or the tokenizer asked for", () => {
    const folder = freshFolder();
    expect(() => openSource(folder, null)).toThrow(refusal("model-not-found", "config.json"));
    for (const name of ["x.gguf", "none"]) {
      expect(() => openSource(join(folder, name), null)).toThrow(refusal("model-not-found", `${name} is not there`));
    }
    writeFileSync(join(folder, "config.json"), JSON.stringify(TINY_CONFIG));
    expect(() => openSource(folder, null)).toThrow(refusal("model-not-found", "no *.safetensors"));
    const endless = freshFolder();
    writeModel(endless, tinyTensors(), { ...TINY_CONFIG, eos_token_id: undefined });
    expect(() => openSource(endless, null)).toThrow(refusal("invalid-input", "names an end token"));
    expect(() => openSource(endless, freshFolder())).toThrow(refusal("model-not-found", "tokenizer.json is missing"));
  });
});
