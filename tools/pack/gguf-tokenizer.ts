/** @file The tokenizer inside a GGUF header → the files that the runtime reads. Pure. */
import { EmbedError } from "../../src/errors.ts";
import type { GgufFile, GgufValue } from "./gguf.ts";
import { minifyTokenizer, type TokenizerFiles } from "./tokenizer-files.ts";

/** Kinds of tokens in `tokenizer.ggml.token_type`. */
const NORMAL = 1;
const CONTROL = 3;
const USER_DEFINED = 4;
/** Fills the vocabulary up to the rows of the token table; no text gives it. */
const UNUSED = 5;

/** What Qwen3-Embedding pools, and what converters before June 2025 wrote in its place (llama.cpp #14314). */
const END = "<|endoftext|>";
const CHAT_END = "<|im_end|>";

/** How the tokenizers of the Qwen2 family (`tokenizer.ggml.pre`) cut a text before byte-pair encoding. */
const QWEN2_SPLIT =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const BYTE_LEVEL = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false };

/**
 * @param vocabulary - Rows of the token table.
 * @returns null for a model without a tokenizer.
 * @throws {EmbedError} `invalid-input` for a tokenizer of another family, `model-corrupt` for one that is not whole.
 */
export function ggufTokenizer(metadata: GgufFile["metadata"], vocabulary: number): TokenizerFiles | null {
  const model = metadata.get("tokenizer.ggml.model") ?? "none";
  if (model === "none") return null;
  const pre = metadata.get("tokenizer.ggml.pre");
  if (model !== "gpt2" || pre !== "qwen2") {
    const kind = `model ${String(model)}, pre ${String(pre)}`;
    throw new EmbedError(
      "invalid-input",
      `the GGUF's tokenizer (${kind}) is not Qwen's: name a folder with --tokenizer`,
    );
  }
  const tokens = list(metadata, "tokenizer.ggml.tokens", isText);
  const types = list(metadata, "tokenizer.ggml.token_type", Number.isInteger) as readonly number[];
  const merges = list(metadata, "tokenizer.ggml.merges", isMerge) as readonly string[];
  if (tokens.length !== vocabulary || types.length !== vocabulary) {
    const found = `${tokens.length} tokens and ${types.length} types of tokens`;
    throw corrupt(`tokenizer.ggml.tokens: ${found} for a token table of ${vocabulary} rows`);
  }
  return writeFiles({ tokens: tokens as readonly string[], types, merges, metadata });
}

interface Parts {
  readonly tokens: readonly string[];
  readonly types: readonly number[];
  readonly merges: readonly string[];
  readonly metadata: GgufFile["metadata"];
}

function writeFiles(parts: Parts): TokenizerFiles {
  const { vocab, added } = sortTokens(parts);
  const endTokenId = endToken(parts, added);
  const pad = parts.metadata.get("tokenizer.ggml.padding_token_id");
  const padTokenId = added.find(({ id }) => id === pad)?.id ?? endTokenId;
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: { type: "NFC" },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: QWEN2_SPLIT }, behavior: "Isolated", invert: false },
        BYTE_LEVEL,
      ],
    },
    post_processor: { type: "Sequence", processors: [BYTE_LEVEL, appendEnd(endTokenId)] },
    decoder: BYTE_LEVEL,
    model: {
      ...{ type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: "", end_of_word_suffix: "" },
      ...{ fuse_unk: false, byte_fallback: false, ignore_merges: false },
      ...{ vocab, merges: parts.merges },
    },
  };
  const config = {
    tokenizer_class: "Qwen2Tokenizer",
    add_prefix_space: false,
    clean_up_tokenization_spaces: false,
    eos_token: END,
    pad_token: parts.tokens[padTokenId]!,
    unk_token: null,
  };
  return { model: minifyTokenizer(tokenizer), config: JSON.stringify(config), endTokenId, padTokenId, inputs: {} };
}

function sortTokens({ tokens, types }: Parts) {
  const seen = new Set<string>();
  const vocabulary: [string, number][] = [];
  const added: { id: number; content: string }[] = [];
  for (const [id, content] of tokens.entries()) {
    const type = types[id]!;
    if (seen.has(content)) throw corrupt(`tokenizer.ggml.tokens: ${JSON.stringify(content)} is there twice`);
    seen.add(content);
    if (type === NORMAL) vocabulary.push([content, id]);
    else if (type === CONTROL || type === USER_DEFINED) added.push(addedToken(id, content, type === CONTROL));
    else if (type !== UNUSED) throw corrupt(`tokenizer.ggml.token_type: token ${id} is of type ${type}`);
  }
  return { vocab: Object.fromEntries(vocabulary), added };
}

function addedToken(id: number, content: string, special: boolean) {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special };
}

/** The token that the model pools, whatever an old converter made of `eos_token_id`. */
function endToken({ tokens, metadata }: Parts, added: readonly { id: number; content: string }[]): number {
  const key = "tokenizer.ggml.eos_token_id";
  const stated = metadata.get(key);
  const text = typeof stated === "number" ? tokens[stated] : undefined;
  if (stated !== undefined && text !== END && text !== CHAT_END) {
    throw corrupt(`${key} is ${String(stated)}, ${text === undefined ? "no token" : text}: ${END} was expected`);
  }
  const end = added.find(({ content }) => content === END);
  if (!end) throw corrupt(`tokenizer.ggml.tokens: no special token ${END}`);
  return end.id;
}

function appendEnd(id: number) {
  const end = { SpecialToken: { id: END, type_id: 0 } };
  const [first, second] = [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 0 } }];
  return {
    type: "TemplateProcessing",
    single: [first, end],
    pair: [first, second, end],
    special_tokens: { [END]: { id: END, ids: [id], tokens: [END] } },
  };
}

const isText = (value: unknown) => typeof value === "string" && value !== "";
/** Two pieces with one space between; bytes are written as other characters, so that no piece holds a space. */
const isMerge = (value: unknown) => typeof value === "string" && /^[^ ]+ [^ ]+$/.test(value);

function list(metadata: GgufFile["metadata"], key: string, isFit: (value: unknown) => boolean): readonly GgufValue[] {
  const value = metadata.get(key);
  if (!Array.isArray(value)) throw corrupt(`${key} is ${value === undefined ? "missing" : "no list"}`);
  const values = value as readonly GgufValue[];
  const wrong = values.findIndex((one) => !isFit(one));
  if (wrong >= 0) throw corrupt(`${key}[${wrong}] is ${JSON.stringify(String(values[wrong]).slice(0, 100))}`);
  return values;
}

function corrupt(what: string): EmbedError {
  return new EmbedError("model-corrupt", `GGUF header: ${what}`);
}
