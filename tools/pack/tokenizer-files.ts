/** @file The tokenizer's files: found, minified, and asked for the end and padding tokens. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { EmbedError } from "../../src/errors.ts";
import { readText } from "./file-ranges.ts";

/** What the runtime takes; Qwen3's tokenizer.json has 11 MB. */
const MAX_TOKENIZER_BYTES = 64 * 1024 * 1024;

export interface TokenizerFiles {
  /** Minified `tokenizer.json`. */
  readonly model: string;
  /** `tokenizer_config.json` as it was. */
  readonly config: string;
  /** What the post-processor appends; null where it appends nothing. */
  readonly endTokenId: number | null;
  readonly padTokenId: number | null;
  readonly inputs: Readonly<Record<string, string>>;
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
}

interface PostProcessor {
  readonly type: string;
  readonly processors?: readonly PostProcessor[];
  readonly single?: readonly { readonly Sequence?: object; readonly SpecialToken?: { readonly id: string } }[];
}

interface TokenizerJson {
  readonly added_tokens: readonly AddedToken[];
  readonly post_processor: PostProcessor | null;
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (string | readonly string[])[];
  };
}

/** `tokenizer_config.json` writes a token as text or as an object. */
type TokenEntry = string | { readonly content: string } | null | undefined;

/**
 * @param required - Whether the caller named the folder for its tokenizer.
 * @returns null where the folder has no tokenizer.
 * @throws {EmbedError} `model-not-found` when a file is missing, `model-corrupt` when one is not what its name says.
 */
export function readTokenizerFiles(folder: string, required: boolean): TokenizerFiles | null {
  const inputs = {
    "tokenizer.json": join(folder, "tokenizer.json"),
    "tokenizer_config.json": join(folder, "tokenizer_config.json"),
  };
  if (!required && !existsSync(inputs["tokenizer.json"])) return null;
  for (const path of Object.values(inputs)) {
    if (!existsSync(path)) throw new EmbedError("model-not-found", `${path} is missing`);
  }
  const config = readText(inputs["tokenizer_config.json"], MAX_TOKENIZER_BYTES);
  const model = readText(inputs["tokenizer.json"], MAX_TOKENIZER_BYTES);
  try {
    const tokenizer = JSON.parse(model) as TokenizerJson;
    const pad = (JSON.parse(config) as { readonly pad_token?: TokenEntry }).pad_token;
    const padText = typeof pad === "object" ? pad?.content : pad;
    return {
      model: minifyTokenizer(tokenizer),
      config,
      endTokenId: tokenId(tokenizer, appendedToken(tokenizer.post_processor) ?? "<|endoftext|>"),
      padTokenId: tokenId(tokenizer, padText),
      inputs,
    };
  } catch (cause) {
    throw new EmbedError("model-corrupt", `${folder}: the tokenizer's files are not as expected`, { cause });
  }
}

/**
 * JSON without white space; a merge is "a b" unless a piece holds a space. Same ids, 40 % of the bytes. The
 * vocabulary is written in the order of its ids: a JavaScript object would put keys like "7" first.
 */
export function minifyTokenizer(tokenizer: TokenizerJson): string {
  const { vocab, merges } = tokenizer.model;
  const joined = merges.map((merge) =>
    typeof merge === "string" || merge.some((piece) => piece.includes(" ")) ? merge : merge.join(" "),
  );
  const entries = Object.entries(vocab).sort(([, a], [, b]) => a - b);
  const vocabulary = entries.map(([token, id]) => `${JSON.stringify(token)}:${id}`).join();
  const json = JSON.stringify({ ...tokenizer, model: { ...tokenizer.model, vocab: null, merges: joined } });
  return json.replace('"vocab":null', () => `"vocab":{${vocabulary}}`);
}

function appendedToken(processor: PostProcessor | null): string | undefined {
  for (const inner of processor?.processors ?? []) {
    const token = appendedToken(inner);
    if (token !== undefined) return token;
  }
  return processor?.single?.at(-1)?.SpecialToken?.id;
}

function tokenId(tokenizer: TokenizerJson, content: string | undefined): number | null {
  return tokenizer.added_tokens.find((token) => token.content === content)?.id ?? null;
}
