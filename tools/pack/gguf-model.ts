/** @file A GGUF header → architecture and tensors under a checkpoint's names, refusing what the runtime does not compute. Pure. */
import { EmbedError } from "../../src/errors.ts";
import type { Architecture } from "../../src/pack.ts";
import {
  type CheckedTensor,
  checkTensors,
  corruptTensor,
  type SourceTensor,
  unknownTensor,
} from "./checked-tensors.ts";
import { checkArchitecture } from "./config.ts";
import { GGUF_DTYPES } from "./dtypes.ts";
import type { GgufFile } from "./gguf.ts";
import { SOURCE_FINAL_NORM, SOURCE_TABLE } from "./layout.ts";
import { show } from "./show.ts";

/** What packing needs of a GGUF file. */
export interface GgufModel {
  readonly architecture: Architecture;
  /** By a checkpoint's names; exactly those that a pack needs. */
  readonly tensors: ReadonlyMap<string, CheckedTensor>;
}

const TABLE = "token_embd.weight";
/** The head of a language model; an embedding does not use it. */
const IGNORED = "output.weight";
const BLOCK_TENSOR = /^blk\.(0|[1-9]\d{0,3})\.([a-z_]+)\.weight$/;
/** Tensors of a layer. Q and K rows are in the checkpoint's order: Qwen3's rotary pairs are halves, which llama.cpp keeps. */
const MODULES: Readonly<Record<string, string>> = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_q_norm: "self_attn.q_norm",
  attn_k_norm: "self_attn.k_norm",
  attn_output: "self_attn.o_proj",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};

/** Number of last-token pooling in llama.cpp. */
const POOLING_LAST = 3;

/**
 * @throws {EmbedError} `model-corrupt` for missing or wrong values and tensors, `invalid-input` for another architecture,
 *   pooling or context extension, or a file that is one of several.
 */
export function ggufModel(file: GgufFile): GgufModel {
  const keys = new Keys(file.metadata);
  keys.refuseUnless("general.architecture", ["qwen3"]);
  keys.refuseUnless("split.count", [undefined, 0, 1]);
  keys.refuseUnless("qwen3.pooling_type", [undefined, POOLING_LAST]);
  keys.refuseUnless("qwen3.attention.causal", [undefined, true]);
  keys.refuseUnless("qwen3.attention.sliding_window", [undefined, 0]);
  keys.refuseUnless("qwen3.rope.scaling.type", [undefined, "none"]);
  for (const key of ["qwen3.rope.scaling.factor", "qwen3.rope.scale_linear"]) keys.refuseUnless(key, [undefined, 0, 1]);
  const table = file.tensors.find((tensor) => tensor.name === TABLE);
  if (!table) throw corruptTensor(TABLE, "is missing");
  const architecture = readArchitecture(keys, table.shape[0]!);
  keys.refuseUnless("qwen3.attention.value_length", [undefined, architecture.head_dim]);
  keys.refuseUnless("qwen3.rope.dimension_count", [undefined, architecture.head_dim]);
  const rules = { statedBy: "GGUF header", dtypes: GGUF_DTYPES };
  return { architecture, tensors: checkTensors(checkpointNames(file.tensors), architecture, rules) };
}

function readArchitecture(keys: Keys, vocabulary: number): Architecture {
  const hidden = keys.count("qwen3.embedding_length");
  const heads = keys.count("qwen3.attention.head_count");
  const architecture = {
    hidden_size: hidden,
    num_hidden_layers: keys.count("qwen3.block_count"),
    num_attention_heads: heads,
    num_key_value_heads: keys.count("qwen3.attention.head_count_kv"),
    head_dim: keys.has("qwen3.attention.key_length") ? keys.count("qwen3.attention.key_length") : hidden / heads,
    intermediate_size: keys.count("qwen3.feed_forward_length"),
    rms_norm_eps: keys.float("qwen3.attention.layer_norm_rms_epsilon"),
    rope_theta: keys.float("qwen3.rope.freq_base"),
    vocab_size: vocabulary,
    max_position_embeddings: keys.count("qwen3.context_length"),
  };
  checkArchitecture(architecture, "GGUF header");
  return architecture;
}

function checkpointNames(tensors: readonly SourceTensor[]): Map<string, SourceTensor> {
  const byName = new Map<string, SourceTensor>();
  for (const tensor of tensors) {
    if (tensor.name === IGNORED) continue;
    const name = checkpointName(tensor.name);
    if (!name) throw unknownTensor(tensor.name, "GGUF header");
    byName.set(name, tensor);
  }
  return byName;
}

function checkpointName(name: string): string | null {
  if (name === TABLE) return SOURCE_TABLE;
  if (name === "output_norm.weight") return SOURCE_FINAL_NORM;
  const [, layer, kind = ""] = BLOCK_TENSOR.exec(name) ?? [];
  return layer !== undefined && Object.hasOwn(MODULES, kind) ? `layers.${layer}.${MODULES[kind]!}.weight` : null;
}

/** Metadata of the types that are asked for. */
class Keys {
  readonly #metadata: GgufFile["metadata"];

  constructor(metadata: GgufFile["metadata"]) {
    this.#metadata = metadata;
  }

  has(key: string): boolean {
    return this.#metadata.has(key);
  }

  /** Refuses a model that is not of the kind that the runtime computes. */
  refuseUnless(key: string, supported: readonly unknown[]): void {
    const value = this.#metadata.get(key);
    if (supported.includes(value)) return;
    const list = supported.filter((one) => one !== undefined).join(" or ");
    throw new EmbedError("invalid-input", `GGUF header: ${key} is ${show(value)}, supported: ${list}`, {
      details: { key, value: show(value) },
    });
  }

  count(key: string): number {
    const value = this.#metadata.get(key);
    if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
    throw wrongValue(key, value);
  }

  /** A positive float32, as the decimal that it was made from: 1e-6 and not 9.999999974752427e-7. */
  float(key: string): number {
    const value = this.#metadata.get(key);
    if (typeof value !== "number" || !(value > 0 && value < Infinity)) throw wrongValue(key, value);
    const digits = [6, 7, 8, 9].map((count) => Number(value.toPrecision(count)));
    return digits.find((decimal) => Math.fround(decimal) === value) ?? value;
  }
}

function wrongValue(key: string, value: unknown): EmbedError {
  return new EmbedError("model-corrupt", `GGUF header: ${key} is ${value === undefined ? "missing" : show(value)}`, {
    details: { key, value: show(value) },
  });
}
