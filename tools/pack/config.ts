/** @file A Hugging Face `config.json` → the architecture, refusing what the runtime does not compute. Pure. */
import { EmbedError } from "../../src/errors.ts";
import type { Architecture } from "../../src/pack.ts";
import { BLOCK } from "./quantize.ts";
import { show } from "./show.ts";

/** What packing needs of a `config.json`. */
export interface SourceConfig {
  readonly architecture: Architecture;
  /** `eos_token_id`, null where it is not one number. */
  readonly eosTokenId: number | null;
}

/** Some way above the largest Qwen3 (64 layers, hidden 5120, vocabulary 151,936), far below overflow of a product. */
const MAX_LAYERS = 256;
const MAX_SIZE = 1_048_576;

type Json = Readonly<Record<string, unknown>>;

/**
 * @param text - Content of `config.json`.
 * @throws {EmbedError} `model-corrupt` for what is not a config, `invalid-input` for a model that is not supported.
 */
export function parseConfig(text: string): SourceConfig {
  const config = parseObject(text);
  if (config["model_type"] !== "qwen3") throw unsupported("model_type", config["model_type"], "qwen3");
  refuseVariants(config);
  const architecture: Architecture = {
    hidden_size: count(config, "hidden_size"),
    num_hidden_layers: count(config, "num_hidden_layers"),
    num_attention_heads: count(config, "num_attention_heads"),
    num_key_value_heads: count(config, "num_key_value_heads"),
    head_dim: count(config, "head_dim"),
    intermediate_size: count(config, "intermediate_size"),
    rms_norm_eps: positive(config, "rms_norm_eps"),
    rope_theta: ropeTheta(config),
    vocab_size: count(config, "vocab_size"),
    max_position_embeddings: count(config, "max_position_embeddings"),
  };
  checkArchitecture(architecture, "config.json");
  const eos = config["eos_token_id"];
  const isToken = Number.isInteger(eos) && (eos as number) >= 0 && (eos as number) < architecture.vocab_size;
  return { architecture, eosTokenId: isToken ? (eos as number) : null };
}

function parseObject(text: string): Json {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (cause) {
    throw new EmbedError("model-corrupt", "config.json is not JSON", { cause });
  }
  if (typeof config !== "object" || config === null) throw new EmbedError("model-corrupt", "config.json is no object");
  return config as Json;
}

function refuseVariants(config: Json): void {
  if ((config["hidden_act"] ?? "silu") !== "silu") throw unsupported("hidden_act", config["hidden_act"], "silu");
  if (config["attention_bias"] === true) throw unsupported("attention_bias", true, "false");
  if (config["use_sliding_window"] === true) throw unsupported("use_sliding_window", true, "false");
  const layerTypes = config["layer_types"];
  const others = (Array.isArray(layerTypes) ? layerTypes : []).filter((type: unknown) => type !== "full_attention");
  if (others.length > 0) throw unsupported("layer_types", others[0], "full_attention throughout");
  for (const key of ["rope_scaling", "rope_parameters"]) {
    const scaling = config[key] as Json | null | undefined;
    if (typeof (scaling ?? {}) !== "object") throw unsupported(key, scaling, "null");
    const type = scaling?.["rope_type"] ?? scaling?.["type"] ?? "default";
    if (type !== "default") throw unsupported(`${key}.rope_type`, type, "default");
  }
}

/** Newer exports keep theta in `rope_parameters`. */
function ropeTheta(config: Json): number {
  const nested = config["rope_parameters"] as Json | null | undefined;
  return positive(config["rope_theta"] === undefined && nested ? nested : config, "rope_theta");
}

/**
 * Refuses shapes that the runtime does not compute, before anything is sized by them.
 *
 * @param statedBy - Where they stand, for messages.
 * @throws {EmbedError} `invalid-input`.
 */
export function checkArchitecture(architecture: Architecture, statedBy: string): void {
  const { num_hidden_layers: layers, num_attention_heads: heads, num_key_value_heads: kvHeads } = architecture;
  const { head_dim: headDim } = architecture;
  const refuse = (key: string, value: number, wanted: string) => refused(statedBy, { key, value, wanted });
  if (layers > MAX_LAYERS) throw refuse("num_hidden_layers", layers, `up to ${MAX_LAYERS}`);
  if (heads % kvHeads !== 0) throw refuse("num_attention_heads", heads, `a multiple of ${kvHeads} kv heads`);
  if (headDim % 2 !== 0) throw refuse("head_dim", headDim, "even");
  const inputs = {
    hidden_size: architecture.hidden_size,
    intermediate_size: architecture.intermediate_size,
    "num_attention_heads · head_dim": heads * headDim,
  };
  for (const [key, size] of Object.entries({ ...inputs, vocab_size: architecture.vocab_size })) {
    if (size > MAX_SIZE) throw refuse(key, size, `up to ${MAX_SIZE}`);
  }
  for (const [key, size] of Object.entries(inputs)) {
    if (size % BLOCK !== 0) throw refuse(key, size, `a multiple of ${BLOCK}`);
  }
}

function count(config: Json, key: string): number {
  const value = config[key];
  if (!Number.isSafeInteger(value) || (value as number) < 1) throw wrongNumber(key, value);
  return value as number;
}

function positive(config: Json, key: string): number {
  const value = config[key];
  if (typeof value !== "number" || !(value > 0 && value < Infinity)) throw wrongNumber(key, value);
  return value;
}

function wrongNumber(key: string, value: unknown): EmbedError {
  return new EmbedError("model-corrupt", `config.json: ${key} is ${show(value)}`, {
    details: { key, value: show(value) },
  });
}

function unsupported(key: string, value: unknown, wanted: string): EmbedError {
  return refused("config.json", { key, value, wanted });
}

interface Refusal {
  readonly key: string;
  readonly value: unknown;
  readonly wanted: string;
}

function refused(statedBy: string, { key, value, wanted }: Refusal): EmbedError {
  return new EmbedError("invalid-input", `${statedBy}: ${key} is ${show(value)}, supported: ${wanted}`, {
    details: { key, value: show(value) },
  });
}
