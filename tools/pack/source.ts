/** @file A Hugging Face model folder, checked as a whole before anything is written. Reads headers and small files. */
import { existsSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { EmbedError } from "../../src/errors.ts";
import type { Architecture } from "../../src/pack.ts";
import { parseConfig } from "./config.ts";
import { elementBytes, type FloatDtype } from "./half.ts";
import { layerWeights, SOURCE_FINAL_NORM, SOURCE_TABLE } from "./layout.ts";
import { readHeaders, type SourceTensor, weightFiles } from "./safetensors.ts";
import { readTokenizerFiles, type TokenizerFiles } from "./tokenizer-files.ts";

/** A tensor of a supported element type and the shape that the architecture asks for. */
export interface CheckedTensor extends SourceTensor {
  readonly dtype: FloatDtype;
}

export interface ModelSource {
  readonly name: string;
  readonly architecture: Architecture;
  /** By name without `model.`; exactly those that a pack needs. */
  readonly tensors: ReadonlyMap<string, CheckedTensor>;
  readonly tokenizer: TokenizerFiles | null;
  readonly endTokenId: number;
  readonly padTokenId: number;
  /** Most tokens of an input, end token included. */
  readonly maxTokens: number;
  /** Every file that is read; name in the manifest → path. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** The longest input that Qwen3-Embedding was made for. */
const MAX_TOKENS = 32768;

/** Tensors of a checkpoint that an embedding does not use. */
const IGNORED = /^lm_head\.weight$|\.rotary_emb\.inv_freq$/;

/**
 * Opens and checks a model folder.
 *
 * @param tokenizerFolder - Where the tokenizer lies when it is not in the model's folder.
 * @throws {EmbedError} `model-not-found`, `model-corrupt` (with the tensor's name), `invalid-input` for another architecture.
 */
export function openSource(folder: string, tokenizerFolder: string | null): ModelSource {
  const configPath = join(folder, "config.json");
  if (!existsSync(configPath)) throw new EmbedError("model-not-found", `${folder} holds no config.json`);
  const { architecture, eosTokenId } = parseConfig(readFileSync(configPath, "utf8"));
  const files = weightFiles(folder);
  const tensors = checkTensors(readHeaders(files.map((file) => join(folder, file))), architecture);
  const tokenizer = readTokenizerFiles(tokenizerFolder ?? folder, tokenizerFolder !== null);
  const endTokenId = tokenId(tokenizer?.endTokenId ?? eosTokenId, architecture);
  const inputs: Record<string, string> = { "config.json": configPath };
  for (const file of files) inputs[file] = join(folder, file);
  Object.assign(inputs, tokenizer?.inputs);
  return {
    name: basename(resolve(folder)),
    architecture,
    tensors,
    tokenizer,
    endTokenId,
    padTokenId: tokenId(tokenizer?.padTokenId ?? endTokenId, architecture),
    maxTokens: Math.min(MAX_TOKENS, architecture.max_position_embeddings),
    inputs,
  };
}

function tokenId(id: number | null, { vocab_size: vocabulary }: Architecture): number {
  if (id === null) throw new EmbedError("invalid-input", "neither a tokenizer nor config.json names an end token");
  if (id < vocabulary) return id;
  throw new EmbedError("invalid-input", `special token ${id} is outside the vocabulary of ${vocabulary}`);
}

function checkTensors(found: readonly SourceTensor[], architecture: Architecture): Map<string, CheckedTensor> {
  const byName = new Map<string, SourceTensor>();
  for (const tensor of found) {
    const name = tensor.name.replace(/^model\./, "");
    if (byName.has(name)) throw corrupt(name, "is there with and without the prefix model.");
    byName.set(name, tensor);
  }
  const wanted = wantedShapes(architecture);
  const checked = new Map<string, CheckedTensor>();
  for (const [name, shape] of wanted) checked.set(name, checkTensor(name, shape, byName.get(name)));
  for (const name of byName.keys()) {
    if (!wanted.has(name) && !IGNORED.test(name)) {
      throw new EmbedError("invalid-input", `tensor ${name} is no part of a Qwen3 model of this config.json`, {
        details: { tensor: name },
      });
    }
  }
  return checked;
}

function wantedShapes(architecture: Architecture): Map<string, readonly number[]> {
  const { hidden_size: hidden, vocab_size: vocabulary } = architecture;
  const wanted = new Map<string, readonly number[]>([
    [SOURCE_TABLE, [vocabulary, hidden]],
    [SOURCE_FINAL_NORM, [hidden]],
  ]);
  for (let layer = 0; layer < architecture.num_hidden_layers; layer++) {
    for (const { source, shape } of layerWeights(architecture, layer)) wanted.set(source, shape);
  }
  return wanted;
}

function checkTensor(name: string, shape: readonly number[], tensor: SourceTensor | undefined): CheckedTensor {
  if (!tensor) throw corrupt(name, "is missing");
  const { dtype, bytes } = tensor;
  if (dtype !== "BF16" && dtype !== "F16" && dtype !== "F32") throw corrupt(name, `has the unknown dtype ${dtype}`);
  if (tensor.shape.join() !== shape.join()) {
    throw corrupt(name, `has shape [${tensor.shape.join(", ")}], config.json asks for [${shape.join(", ")}]`);
  }
  const wantedBytes = shape.reduce((a, b) => a * b, elementBytes(dtype));
  if (bytes !== wantedBytes) throw corrupt(name, `has ${bytes} bytes, its shape takes ${wantedBytes}`);
  return { ...tensor, dtype };
}

function corrupt(tensor: string, what: string): EmbedError {
  return new EmbedError("model-corrupt", `tensor ${tensor} ${what}`, { details: { tensor } });
}
