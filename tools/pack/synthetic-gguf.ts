/** @file Made-up GGUF files for tests: a writer that puts down what it is told, right or wrong. */
import { writeFileSync } from "node:fs";
import type { Architecture } from "../../src/pack.ts";
import { floatToHalf } from "./half.ts";

/** Numbers of the value types. */
const VALUE = { u8: 0, i8: 1, u16: 2, i16: 3, u32: 4, i32: 5, f32: 6, bool: 7, string: 8, u64: 10, i64: 11, f64: 12 };
type Kind = keyof typeof VALUE;

/** Numbers of the element types. */
export const GGML_TYPE = { F32: 0, F16: 1, Q4_0: 2, Q5_0: 6, Q8_0: 8, Q4_K: 12, Q5_K: 13, Q6_K: 14, BF16: 30 } as const;
export type GgmlTypeName = keyof typeof GGML_TYPE;

/** An encoded value: its type's number and its bytes. */
export interface EncodedValue {
  readonly type: number;
  readonly bytes: Buffer;
}

export interface GgufTensor {
  readonly name: string;
  /** As in the file: row length first. */
  readonly dimensions: readonly number[];
  readonly type: number;
  readonly bytes: Uint8Array;
  /** @default where the one before ends, aligned */
  readonly offset?: number;
}

export interface GgufContent {
  /** Pairs and not a map: a hostile file may have a key twice. */
  readonly metadata: readonly (readonly [key: string, value: EncodedValue])[];
  readonly tensors: readonly GgufTensor[];
  /** @default 3 */
  readonly version?: number;
  /** @default 32 */
  readonly alignment?: number;
}

/** A single value. */
export function scalar(kind: Kind, value: number | bigint | boolean | string): EncodedValue {
  return { type: VALUE[kind], bytes: encode(kind, value) };
}

/** A list of values of one type. */
export function list(kind: Kind, values: readonly (number | bigint | boolean | string)[]): EncodedValue {
  return listOf(
    VALUE[kind],
    values.map((value) => encode(kind, value)),
  );
}

/** A list of encoded members, lists among them. */
export function listOf(type: number, members: readonly Buffer[]): EncodedValue {
  return { type: 9, bytes: Buffer.concat([u32(type), u64(members.length), ...members]) };
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** A text after its length. */
export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function encode(kind: Kind, value: number | bigint | boolean | string): Buffer {
  if (kind === "string") return text(String(value));
  const bytes = Buffer.alloc(8);
  const number = Number(value);
  const writers: Record<Exclude<Kind, "string">, () => number> = {
    u8: () => bytes.writeUInt8(number),
    i8: () => bytes.writeInt8(number),
    u16: () => bytes.writeUInt16LE(number),
    i16: () => bytes.writeInt16LE(number),
    u32: () => bytes.writeUInt32LE(number),
    i32: () => bytes.writeInt32LE(number),
    f32: () => bytes.writeFloatLE(number),
    bool: () => bytes.writeUInt8(number),
    u64: () => bytes.writeBigUInt64LE(BigInt(value)),
    i64: () => bytes.writeBigInt64LE(BigInt(value)),
    f64: () => bytes.writeDoubleLE(number),
  };
  return bytes.subarray(0, writers[kind]());
}

/** Header and padding up to the first tensor. */
export function encodeGgufHeader({ metadata, tensors, version = 3, alignment = 32 }: GgufContent): Buffer {
  const parts = [Buffer.from("GGUF"), u32(version), u64(tensors.length), u64(metadata.length)];
  for (const [key, { type, bytes }] of metadata) parts.push(text(key), u32(type), bytes);
  let end = 0;
  for (const { name, dimensions, type, bytes, offset = end } of tensors) {
    parts.push(text(name), u32(dimensions.length), ...dimensions.map(u64), u32(type), u64(offset));
    end = Math.ceil((offset + bytes.length) / alignment) * alignment;
  }
  return pad(Buffer.concat(parts), alignment);
}

/** A whole file. */
export function encodeGguf(content: GgufContent): Buffer {
  const { alignment = 32, tensors } = content;
  return Buffer.concat([encodeGgufHeader(content), ...tensors.map(({ bytes }) => pad(bytes, alignment))]);
}

function pad(bytes: Uint8Array, alignment: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & (alignment - 1))]);
}

/** Writes a whole file. */
export function writeGguf(path: string, content: GgufContent): void {
  writeFileSync(path, encodeGguf(content));
}

/** Metadata as llama.cpp's converter writes it for Qwen3, without a tokenizer. */
export function qwen3Metadata(architecture: Architecture, endTokenId: number): [string, EncodedValue][] {
  return [
    ["general.architecture", scalar("string", "qwen3")],
    ["qwen3.block_count", scalar("u32", architecture.num_hidden_layers)],
    ["qwen3.context_length", scalar("u32", architecture.max_position_embeddings)],
    ["qwen3.embedding_length", scalar("u32", architecture.hidden_size)],
    ["qwen3.feed_forward_length", scalar("u32", architecture.intermediate_size)],
    ["qwen3.attention.head_count", scalar("u32", architecture.num_attention_heads)],
    ["qwen3.attention.head_count_kv", scalar("u32", architecture.num_key_value_heads)],
    ["qwen3.attention.key_length", scalar("u32", architecture.head_dim)],
    ["qwen3.attention.value_length", scalar("u32", architecture.head_dim)],
    ["qwen3.attention.layer_norm_rms_epsilon", scalar("f32", architecture.rms_norm_eps)],
    ["qwen3.rope.freq_base", scalar("f32", architecture.rope_theta)],
    ["qwen3.pooling_type", scalar("u32", 3)],
    ["tokenizer.ggml.eos_token_id", scalar("u32", endTokenId)],
  ];
}

const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/^embed_tokens\./, "token_embd."],
  [/^norm\./, "output_norm."],
  [/^layers\./, "blk."],
  [/\.input_layernorm\./, ".attn_norm."],
  [/\.post_attention_layernorm\./, ".ffn_norm."],
  [/\.self_attn\.o_proj\./, ".attn_output."],
  [/\.self_attn\.([qkv])_proj\./, ".attn_$1."],
  [/\.self_attn\.([qk])_norm\./, ".attn_$1_norm."],
  [/\.mlp\.(gate|up|down)_proj\./, ".ffn_$1."],
];

/** A checkpoint's name → llama.cpp's. */
export function ggufName(name: string): string {
  return RENAMED.reduce((renamed, [pattern, replacement]) => renamed.replace(pattern, replacement), name);
}

/** A tensor in an element type that values can be written in without a search. */
export function ggufTensor(
  name: string,
  { values, shape }: { readonly values: Float32Array; readonly shape: readonly number[] },
  type: "F32" | "F16" | "BF16" | "Q8_0" | "Q4_0",
): GgufTensor {
  const encoders = { F32: toFloat32, F16: toHalves, BF16: toBrains, Q8_0: toQ8, Q4_0: toQ4 };
  return { name, dimensions: shape.toReversed(), type: GGML_TYPE[type], bytes: encoders[type](values) };
}

function toFloat32(values: Float32Array): Uint8Array {
  return new Uint8Array(values.slice().buffer);
}

function toHalves(values: Float32Array): Uint8Array {
  return new Uint8Array(Uint16Array.from(values, floatToHalf).buffer);
}

/** Cuts what does not fit. */
function toBrains(values: Float32Array): Uint8Array {
  return new Uint8Array(Uint16Array.from(new Uint32Array(values.slice().buffer), (word) => word >>> 16).buffer);
}

/** Largest weight at ±127. */
function toQ8(values: Float32Array): Uint8Array {
  return toBlocks(values, (block) => {
    const scale = Math.max(...block.map(Math.abs)) / 127;
    return { scale, codes: block.map((value) => (Math.round(value / (scale || 1)) + 256) & 255) };
  });
}

/** Largest weight at −8: the scale has either sign, as in llama.cpp. */
function toQ4(values: Float32Array): Uint8Array {
  return toBlocks(values, (block) => {
    const largest = block.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
    const scale = largest / -8;
    const codes = block.map((value) => Math.min(15, Math.max(0, Math.floor(value / (scale || 1) + 8.5))));
    return { scale, codes: codes.slice(0, 16).map((code, i) => code | (codes[i + 16]! << 4)) };
  });
}

function toBlocks(
  values: Float32Array,
  round: (block: number[]) => { readonly scale: number; readonly codes: number[] },
): Uint8Array {
  const bytes: number[] = [];
  for (let start = 0; start < values.length; start += 32) {
    const { scale, codes } = round([...values.subarray(start, start + 32)]);
    const half = floatToHalf(scale);
    bytes.push(half & 255, half >> 8, ...codes);
  }
  return Uint8Array.from(bytes);
}
