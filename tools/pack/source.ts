/** @file A Hugging Face model folder or a GGUF file, checked as a whole before anything is written. Reads headers and small files. */
import { existsSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { EmbedError } from "../../src/errors.ts";
import type { Architecture } from "../../src/pack.ts";
import { type CheckedTensor, checkTensors, corruptTensor, type SourceTensor } from "./checked-tensors.ts";
import { parseConfig, type SourceConfig } from "./config.ts";
import { FLOAT_DTYPES } from "./dtypes.ts";
import { readText } from "./file-ranges.ts";
import { ggufModel } from "./gguf-model.ts";
import { ggufTokenizer } from "./gguf-tokenizer.ts";
import { type GgufFile, readGguf } from "./gguf.ts";
import { readHeaders, weightFiles } from "./safetensors.ts";
import { readTokenizerFiles, type TokenizerFiles } from "./tokenizer-files.ts";

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

/** A real one takes 2 KB. */
const MAX_CONFIG_BYTES = 1024 * 1024;

/**
 * Opens and checks a model: the folder of a checkpoint, or a GGUF file.
 *
 * @param tokenizerFolder - Where the tokenizer lies when it is not the source's own.
 * @throws {EmbedError} `model-not-found`, `model-corrupt` (with the tensor's or the key's name), `invalid-input` for
 *   another architecture.
 */
export function openSource(path: string, tokenizerFolder: string | null): ModelSource {
  const entry = statSync(path, { throwIfNoEntry: false });
  if (!entry) throw new EmbedError("model-not-found", `${path} is not there`);
  return entry.isFile() ? openGguf(path, tokenizerFolder) : openFolder(path, tokenizerFolder);
}

/**
 * The `config.json` of a checkpoint's folder.
 *
 * @throws {EmbedError} `model-not-found`; as `parseConfig`.
 */
export function readConfig(folder: string): SourceConfig {
  const path = join(folder, "config.json");
  if (!existsSync(path)) throw new EmbedError("model-not-found", `${folder} holds no config.json`);
  return parseConfig(readText(path, MAX_CONFIG_BYTES));
}

function openFolder(folder: string, tokenizerFolder: string | null): ModelSource {
  const { architecture, eosTokenId } = readConfig(folder);
  const files = weightFiles(folder);
  const found = withoutPrefix(readHeaders(files.map((file) => join(folder, file))));
  const inputs: Record<string, string> = { "config.json": join(folder, "config.json") };
  for (const file of files) inputs[file] = join(folder, file);
  return assemble({
    name: basename(resolve(folder)),
    architecture,
    tensors: checkTensors(found, architecture, { statedBy: "config.json", dtypes: FLOAT_DTYPES }),
    tokenizer: readTokenizerFiles(tokenizerFolder ?? folder, tokenizerFolder !== null),
    eosTokenId,
    inputs,
  });
}

function openGguf(path: string, tokenizerFolder: string | null): ModelSource {
  const file = readGguf(path);
  const { architecture, tensors } = ggufModel(file);
  const { vocab_size: vocabulary } = architecture;
  return assemble({
    name: basename(path).replace(/\.gguf$/i, ""),
    architecture,
    tensors,
    tokenizer: tokenizerFolder ? readTokenizerFiles(tokenizerFolder, true) : ggufTokenizer(file.metadata, vocabulary),
    eosTokenId: ggufEndToken(file, vocabulary),
    inputs: { [basename(path)]: path },
  });
}

/** Asked for only where there is no tokenizer. */
function ggufEndToken({ metadata }: GgufFile, vocabulary: number): number | null {
  const id = metadata.get("tokenizer.ggml.eos_token_id");
  return typeof id === "number" && Number.isInteger(id) && id >= 0 && id < vocabulary ? id : null;
}

type Found = Pick<ModelSource, "name" | "architecture" | "tensors" | "tokenizer" | "inputs"> & {
  readonly eosTokenId: number | null;
};

function assemble({ eosTokenId, ...found }: Found): ModelSource {
  const { architecture, tokenizer } = found;
  const endTokenId = tokenId(tokenizer?.endTokenId ?? eosTokenId, architecture);
  return {
    ...found,
    endTokenId,
    padTokenId: tokenId(tokenizer?.padTokenId ?? endTokenId, architecture),
    maxTokens: Math.min(MAX_TOKENS, architecture.max_position_embeddings),
    inputs: { ...found.inputs, ...tokenizer?.inputs },
  };
}

function tokenId(id: number | null, { vocab_size: vocabulary }: Architecture): number {
  if (id === null) throw new EmbedError("invalid-input", "neither a tokenizer nor the model names an end token");
  if (id < vocabulary) return id;
  throw new EmbedError("invalid-input", `special token ${id} is outside the vocabulary of ${vocabulary}`);
}

function withoutPrefix(found: readonly SourceTensor[]): Map<string, SourceTensor> {
  const byName = new Map<string, SourceTensor>();
  for (const tensor of found) {
    const name = tensor.name.replace(/^model\./, "");
    if (byName.has(name)) throw corruptTensor(name, "is there with and without the prefix model.");
    if (!IGNORED.test(name)) byName.set(name, tensor);
  }
  return byName;
}
