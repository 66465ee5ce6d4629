/** @file Made-up model folders for tests and benchmarks. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseConfig } from "./config.ts";
import { floatToHalf, type FloatDtype } from "./half.ts";
import { layerWeights, SOURCE_FINAL_NORM, SOURCE_TABLE } from "./layout.ts";

/** The smallest Qwen3 with everything in it: grouped heads, q and o wider than hidden, two layers. */
export const TINY_CONFIG = {
  model_type: "qwen3",
  hidden_act: "silu",
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 6,
  num_key_value_heads: 2,
  head_dim: 16,
  rms_norm_eps: 1e-6,
  rope_theta: 1_000_000,
  vocab_size: 100,
  max_position_embeddings: 512,
  eos_token_id: 1,
};

export interface TensorHead {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** A tensor with its bytes. */
export interface SyntheticTensor extends TensorHead {
  readonly bytes: Uint8Array;
}

/** Every tensor that a model of this config has. */
export function tensorHeads(config: object, dtype: FloatDtype): TensorHead[] {
  const { architecture } = parseConfig(JSON.stringify(config));
  const heads: TensorHead[] = [
    { name: SOURCE_TABLE, dtype, shape: [architecture.vocab_size, architecture.hidden_size] },
  ];
  for (let layer = 0; layer < architecture.num_hidden_layers; layer++) {
    for (const { source, shape } of layerWeights(architecture, layer)) heads.push({ name: source, dtype, shape });
  }
  return [...heads, { name: SOURCE_FINAL_NORM, dtype, shape: [architecture.hidden_size] }];
}

/** Length prefix and header of a safetensors file, the tensors back to back. */
export function encodeHeader(heads: readonly TensorHead[]): Buffer {
  let end = 0;
  const entries = heads.map(({ name, dtype, shape }) => {
    const begin = end;
    end += shape.reduce((a, b) => a * b, dtype === "F32" ? 4 : 2);
    return [name, { dtype, shape, data_offsets: [begin, end] }];
  });
  return frameHeader(Object.fromEntries(entries));
}

/** A header as it is, right or wrong, after its length. */
export function frameHeader(header: object): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([prefix, json]);
}

/** The tiny model's tensors; the values are exact in each of the three element types. */
export function tinyTensors(dtype: FloatDtype = "BF16"): SyntheticTensor[] {
  return tensorHeads(TINY_CONFIG, dtype).map((head, index) => {
    const count = head.shape.reduce((a, b) => a * b, 1);
    let state = index + 1;
    const values = Float32Array.from({ length: count }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return ((state >>> 24) - 127.5) / 256;
    });
    return { ...head, bytes: encodeValues(values, dtype) };
  });
}

function encodeValues(values: Float32Array<ArrayBuffer>, dtype: FloatDtype): Uint8Array {
  if (dtype === "F32") return new Uint8Array(values.buffer);
  const words = new Uint32Array(values.buffer);
  const halves = Uint16Array.from(words, (word, i) => (dtype === "BF16" ? word >>> 16 : floatToHalf(values[i]!)));
  return new Uint8Array(halves.buffer);
}

/** Writes one safetensors file. */
export function writeSafetensors(path: string, tensors: readonly SyntheticTensor[]): void {
  writeFileSync(path, Buffer.concat([encodeHeader(tensors), ...tensors.map((tensor) => tensor.bytes)]));
}

/** Writes a whole folder with one weight file. */
export function writeModel(
  folder: string,
  tensors: readonly SyntheticTensor[] = tinyTensors(),
  config: object = TINY_CONFIG,
): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeSafetensors(join(folder, "model.safetensors"), tensors);
}
