import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { parseManifest } from "../../src/model/manifest.ts";
import type { PackManifest, WeightBits } from "../../src/pack.ts";
import { GGML_BLOCKS } from "./gguf-blocks.ts";
import { floatToHalf, halfToFloat } from "./half.ts";
import { packModel, type PackOptions } from "./pack-model.ts";
import { packCosines } from "./quality.ts";
import { referenceVectors } from "./reference.ts";
import { openSource } from "./source.ts";
import {
  GGML_TYPE,
  type GgmlTypeName,
  ggufName,
  type GgufTensor,
  ggufTensor,
  qwen3Metadata,
  writeGguf,
} from "./synthetic-gguf.ts";
import { type SyntheticTensor, TINY_CONFIG, tensorHeads, tinyTensors, writeSafetensors } from "./synthetic-model.ts";
import { parseConfig } from "./config.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { readTensorRows } from "./tensor-rows.ts";
import { sourceWeights } from "./weights.ts";
import { WorkerPool } from "./worker-pool.ts";

const root = temporaryFolder();
const STRESS = fileURLToPath(new URL("../../fixtures/stress", import.meta.url));
let count = 0;
const freshPath = (ending: string) => join(root, `${count++}${ending}`);

/** One for all tests, as threads take longer to start than the stress model to compute. */
const pool = new WorkerPool();
afterAll(() => pool.close());

const stress = openSource(STRESS, null);
const stressValues = [...stress.tensors].map(([name, tensor]) => {
  const { shape } = tensor;
  const rows = shape.length === 1 ? 1 : shape[0]!;
  return { name, shape, values: readTensorRows(tensor, { firstRow: 0, rows }) };
});

type Writable = Parameters<typeof ggufTensor>[2];

/** The stress model with norms in F32, as converters write them. */
function writeStress(matrices: Writable, norms: Writable = "F32", path = freshPath(".gguf")): string {
  const tensors = stressValues.map(({ name, shape, values }) =>
    ggufTensor(ggufName(name), { values, shape }, shape.length === 1 ? norms : matrices),
  );
  writeGguf(path, { metadata: qwen3Metadata(stress.architecture, 1), tensors });
  return path;
}

async function pack(source: string, bits: WeightBits, changes: Partial<PackOptions> = {}) {
  const out = freshPath("-pack");
  const summary = await packModel({ source, out, bits, embeddingBits: bits, name: "m", golden: [3, 40], ...changes });
  return { out, ...summary };
}

const made = new Map<string, ReturnType<typeof pack>>();

/** The stress model of a type in a width, packed once for all tests that only look at it. */
async function packStress(type: Writable, bits: WeightBits) {
  const key = `${type}-${bits}`;
  const path = join(root, `${key}.gguf`);
  if (!made.has(key)) {
    writeStress(type, "F32", path);
    made.set(key, pack(path, bits, { golden: [5, 33] }));
  }
  return { path, ...(await made.get(key)!) };
}

/** A file of the pack, cut to one of its tensors. */
function tensorBytes(out: string, manifest: PackManifest, name: string): Buffer {
  const { file, offset, bytes } = manifest.tensors.find((tensor) => tensor.name === name)!;
  return readFileSync(join(out, file)).subarray(offset, offset + bytes);
}

/** Bytes of a tensor in a GGUF file. */
function sourceBytes(path: string, name: string): Buffer {
  const { offset, bytes } = openSource(path, null).tensors.get(name)!;
  return readFileSync(path).subarray(offset, offset + bytes);
}

/** The manifest without what says where the weights came from. */
function comparable(manifest: PackManifest): object {
  return { ...manifest, source: null };
}

describe("packModel from a GGUF file", () => {
  it.each([
    [4, 8],
    [16, 16],
  ] as const)(
    "gives the pack of the same values in safetensors, byte for byte (%d bit, table %d)",
    async (bits, embeddingBits) => {
      const folder = freshPath("-f16");
      mkdirSync(folder);
      writeFileSync(join(folder, "config.json"), readFileSync(join(STRESS, "config.json")));
      const halves = stressValues.map(({ name, shape, values }): SyntheticTensor => {
        return { name, dtype: "F16", shape, bytes: new Uint8Array(Uint16Array.from(values, floatToHalf).buffer) };
      });
      writeSafetensors(join(folder, "model.safetensors"), halves);
      const expected = await pack(folder, bits, { embeddingBits });
      const found = await pack(writeStress("F16", "F16"), bits, { embeddingBits });
      expect(comparable(found.manifest)).toEqual(comparable(expected.manifest));
      for (const { name } of found.manifest.files) {
        expect(readFileSync(join(found.out, name)).equals(readFileSync(join(expected.out, name)))).toBe(true);
      }
    },
  );

  it("gives the same weights from F32, F16 and BF16, norms in F32", async () => {
    const hashes = async (path: string) =>
      (await pack(path, 4, { golden: [] })).manifest.files.map(({ sha256 }) => sha256);
    const expected = await hashes(STRESS);
    for (const matrices of ["F32", "BF16"] as const) expect(await hashes(writeStress(matrices))).toEqual(expected);
  });

  it("takes the codes and scales of Q8_0 over into 8 bits", async () => {
    const { path, out, manifest, errors } = await packStress("Q8_0", 8);
    const blocks = sourceBytes(path, "layers.2.mlp.down_proj.weight");
    const codes = tensorBytes(out, manifest, "layers.2.down.q");
    const scales = tensorBytes(out, manifest, "layers.2.down.s");
    for (let b = 0; b < blocks.length / 34; b++) {
      const block = blocks.subarray(b * 34, (b + 1) * 34);
      expect(scales.subarray(2 * b, 2 * b + 2).equals(block.subarray(0, 2))).toBe(true);
      for (let i = 0; i < 32; i++) expect(codes[32 * b + i]).toBe(block.readInt8(2 + i) + 128);
    }
    // A row of the table: its codes, then its four scales.
    const table = readFileSync(join(out, "embedding-0.bin"));
    const row = sourceBytes(path, "embed_tokens.weight").subarray(5 * 136, 6 * 136);
    const packed = table.subarray(5 * 136, 6 * 136);
    for (let i = 0; i < 128; i++) expect(packed[i]).toBe(row.readInt8((i >> 5) * 34 + 2 + (i & 31)) + 128);
    for (let b = 0; b < 4; b++) expect(packed.readUInt16LE(128 + 2 * b)).toBe(row.readUInt16LE(b * 34));
    expect(errors.filter(({ relative }) => relative > 0).every(({ tensor }) => tensor.includes("norm"))).toBe(true);
  });

  it("takes the codes and scales of Q4_0 over into 4 bits, negative scales too", async () => {
    const { path, out, manifest } = await packStress("Q4_0", 4);
    const blocks = sourceBytes(path, "layers.0.self_attn.q_proj.weight");
    const codes = tensorBytes(out, manifest, "layers.0.q.q");
    const scales = tensorBytes(out, manifest, "layers.0.q.s");
    let negative = 0;
    for (let b = 0; b < blocks.length / 18; b++) {
      const block = blocks.subarray(b * 18, (b + 1) * 18);
      expect(scales.readUInt16LE(2 * b)).toBe(block.readUInt16LE(0));
      if (block.readUInt16LE(0) & 0x8000) negative += 1;
      for (let i = 0; i < 32; i++) {
        const code = i < 16 ? block[2 + i]! & 15 : block[2 + i - 16]! >> 4;
        expect((codes[16 * b + (i >> 1)]! >> (4 * (i & 1))) & 15).toBe(code);
      }
    }
    expect(negative).toBeGreaterThan(blocks.length / 18 / 4);
  });

  it.each([
    ["Q8_0", 8, 1 - 1e-7],
    ["Q4_0", 4, 1 - 1e-7],
    ["Q8_0", 16, 1 - 1e-5],
    // The stress model in 4 bits is at 0.92, whatever it is made from.
    ["Q8_0", 4, 0.9],
    ["F16", 8, 0.9995],
  ] as const)("keeps the vectors of %s in %d bit to a cosine of %d", async (type, bits, least) => {
    const { path, out, manifest } = await packStress(type, bits);
    expect(parseManifest(JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")))).toEqual(manifest);
    expect(manifest).toMatchObject({ endTokenId: 1, tokenizer: null, architecture: stress.architecture });
    expect(Object.keys(manifest.source.sha256)).toEqual([basename(path)]);
    const inputs = manifest.golden.map(({ inputIds }) => inputIds);
    const exact = await referenceVectors(sourceWeights(openSource(path, null), pool), inputs);
    const answers = inputs.map((input_ids, i) => ({ input_ids, embedding: [...exact[i]!] }));
    const own = manifest.golden.map(({ inputIds, vector }) => ({ input_ids: inputIds, embedding: vector }));
    const cosines = await packCosines(out, [...answers, ...own]);
    for (const cosine of cosines.slice(0, inputs.length)) expect(cosine).toBeGreaterThan(least);
    for (const cosine of cosines.slice(inputs.length)) expect(Math.abs(cosine - 1)).toBeLessThan(1e-7);
  });

  it("packs a mixture of types, and says how far each tensor is from its source", async () => {
    const path = freshPath("-mixed.gguf");
    writeGguf(path, mixedModel());
    const { out, manifest, errors } = await pack(path, 4, { embeddingBits: 8 });
    expect(manifest.golden).toHaveLength(2);
    const byTensor = Object.fromEntries(errors.map(({ tensor, relative }) => [tensor, relative]));
    expect(Object.keys(byTensor)).toHaveLength(openSource(path, null).tensors.size);
    expect(byTensor["blk.0.ffn_up.weight"]).toBe(0);
    expect(byTensor["blk.0.attn_norm.weight"]).toBe(0);
    // 256 different levels lose less in 8 bits than 16 or 32 levels of a group's own minimum in 4.
    expect(byTensor["token_embd.weight"]).toBeGreaterThan(0.0005);
    expect(byTensor["token_embd.weight"]).toBeLessThan(0.01);
    for (const name of ["attn_q", "attn_k", "attn_v"]) {
      expect(byTensor[`blk.0.${name}.weight`]).toBeGreaterThan(0.02);
      expect(byTensor[`blk.0.${name}.weight`]).toBeLessThan(0.15);
    }
    // One of them again, from the files alone.
    const tensor = openSource(path, null).tensors.get("layers.0.self_attn.k_proj.weight")!;
    const source = readTensorRows(tensor, { firstRow: 0, rows: tensor.shape[0]! });
    const codes = tensorBytes(out, manifest, "layers.0.k.q");
    const scales = tensorBytes(out, manifest, "layers.0.k.s");
    let [error, energy] = [0, 0];
    source.forEach((value, i) => {
      const code = ((codes[i >> 1]! >> (4 * (i & 1))) & 15) - 8;
      error += (value - code * halfToFloat(scales.readUInt16LE(2 * (i >> 5)))) ** 2;
      energy += value ** 2;
    });
    expect(byTensor["blk.0.attn_k.weight"]).toBeCloseTo(Math.sqrt(error / energy), 12);
  });

  it("reports nothing for files that were kept", async () => {
    const { path, ...first } = await packStress("Q8_0", 4);
    expect(first.errors.length).toBe(stress.tensors.size);
    const again = await pack(path, 4, { out: first.out, golden: [5, 33] });
    expect(again).toMatchObject({ errors: [], keptFiles: 5, manifest: first.manifest });
  });

  it("names a tensor whose scale is not finite, whichever way it is packed", async () => {
    const path = writeStress("Q8_0");
    const name = "layers.1.self_attn.o_proj.weight";
    const { offset, name: inFile } = openSource(path, null).tensors.get(name)!;
    const bytes = readFileSync(path);
    bytes[offset + 34 * 7 + 1] = 0x7c;
    writeFileSync(path, bytes);
    for (const bits of [4, 8, 16] as const) {
      const failure = { code: "model-corrupt", message: expect.stringContaining(`tensor ${inFile} holds`) };
      await expect(pack(path, bits)).rejects.toMatchObject(failure);
    }
  });

  it("is named after the file, and is no folder to pack into", async () => {
    const path = writeStress("F16");
    expect(openSource(path, null).name).toBe(basename(path, ".gguf"));
    await expect(pack(path, 4, { out: root })).rejects.toMatchObject({ code: "invalid-input" });
  });

  it("is refused in the shape of a safetensors file with GGUF's types", () => {
    const folder = freshPath("-q8");
    mkdirSync(folder);
    writeFileSync(join(folder, "config.json"), JSON.stringify(TINY_CONFIG));
    writeSafetensors(
      join(folder, "model.safetensors"),
      tinyTensors().map((tensor, i) => (i === 0 ? { ...tensor, dtype: "Q8_0" } : tensor)),
    );
    expect(() => openSource(folder, null)).toThrow(
      expect.objectContaining({ message: expect.stringContaining("Q8_0") }),
    );
  });

  it("needs an end token where it has no tokenizer", () => {
    const path = freshPath(".gguf");
    const { metadata, tensors } = mixedModel();
    writeGguf(path, { metadata: metadata.filter(([key]) => !key.startsWith("tokenizer")), tensors });
    expect(() => openSource(path, null)).toThrow(
      expect.objectContaining({ code: "invalid-input", message: expect.stringContaining("names an end token") }),
    );
  });
});

/** One layer, wide enough for blocks of 256, in the types that `Q4_K_M` and `Q5_K_M` files mix. */
function mixedModel() {
  const config = {
    ...TINY_CONFIG,
    ...{ hidden_size: 256, intermediate_size: 512, num_hidden_layers: 1, num_attention_heads: 4, head_dim: 64 },
  };
  const { architecture } = parseConfig(JSON.stringify(config));
  const types: Record<string, GgmlTypeName> = {
    ...{ "token_embd.weight": "Q6_K", "blk.0.attn_q.weight": "Q4_K", "blk.0.attn_k.weight": "Q5_K" },
    ...{ "blk.0.attn_v.weight": "Q6_K", "blk.0.attn_output.weight": "Q4_K", "blk.0.ffn_gate.weight": "Q8_0" },
    ...{ "blk.0.ffn_up.weight": "Q4_0", "blk.0.ffn_down.weight": "F16" },
  };
  const tensors = tensorHeads(config, "F32").map((head, index): GgufTensor => {
    const name = ggufName(head.name);
    const type = types[name] ?? "F32";
    const values = Float32Array.from({ length: head.shape.reduce((a, b) => a * b, 1) }, (_, i) => noise(index, i));
    if (type === "F32" || type === "F16" || type === "Q8_0" || type === "Q4_0") {
      // Norms that float16 can hold.
      const gains = values.map((value) => 1 + Math.round(value * 64) / 64);
      return ggufTensor(name, { values: head.shape.length === 1 ? gains : values, shape: head.shape }, type);
    }
    const dimensions = head.shape.toReversed();
    return { name, dimensions, type: GGML_TYPE[type], bytes: randomBlocks(type as "Q4_K", values.length / 256, index) };
  });
  return { metadata: qwen3Metadata(architecture, 1), tensors };
}

/** −1 to 1, the same each time. */
function noise(seed: number, i: number): number {
  const mixed = Math.imul((seed + 1) * 7919 + i + 1, 2654435761) >>> 0;
  return ((Math.imul(mixed ^ (mixed >>> 15), 2246822519) >>> 0) / 2 ** 32) * 2 - 1;
}

/** Random codes; scales that keep weights around ±0.05, centred where the type has minima. */
function randomBlocks(type: "Q4_K" | "Q5_K" | "Q6_K", blocks: number, seed: number): Uint8Array {
  const size = GGML_BLOCKS[type].bytes;
  const bytes = Uint8Array.from({ length: blocks * size }, (_, i) => 128 + 127 * noise(seed, i));
  const levels = type === "Q4_K" ? 7.5 : 15.5;
  for (let b = 0; b < blocks; b++) {
    const block = bytes.subarray(b * size, (b + 1) * size);
    if (type === "Q6_K") {
      // Scales of a group from 64 to 127.
      for (let i = 192; i < 208; i++) block[i] = 64 + (block[i]! & 63);
      putHalf(block, 208, 0.05 / 32 / 96);
    } else {
      // All groups alike: scale and minimum 63.
      block.fill(0xff, 4, 16);
      putHalf(block, 0, 0.05 / levels / 63);
      putHalf(block, 2, 0.05 / 63);
    }
  }
  return bytes;
}

function putHalf(bytes: Uint8Array, at: number, value: number): void {
  const half = floatToHalf(value);
  bytes.set([half & 255, half >> 8], at);
}
