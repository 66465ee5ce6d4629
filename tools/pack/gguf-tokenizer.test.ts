import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { QWEN, readFixture, readTokenizerFiles } from "../../fixtures/tokenizer/files.ts";
import { createTokenizer } from "../../src/tokenize/tokenizer.ts";
import { ggufTokenizer } from "./gguf-tokenizer.ts";
import { type GgufValue, readGguf } from "./gguf.ts";
import { type EncodedValue, list, scalar, writeGguf } from "./synthetic-gguf.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const path = join(temporaryFolder(), "tokenizer.gguf");
const files = readTokenizerFiles();
/** The tokens of Qwen3-Embedding-0.6B's table: those of the tokenizer, filled up. */
const VOCABULARY = 151_680;

interface TokenizerJson {
  readonly added_tokens: readonly { readonly id: number; readonly content: string; readonly special: boolean }[];
  readonly model: { readonly vocab: Readonly<Record<string, number>>; readonly merges: readonly string[] };
}

interface Vector {
  readonly text: string;
  readonly kind: string;
  readonly ids?: readonly number[];
  readonly add_special_tokens?: boolean;
}

/** The tokenizer of a `tokenizer.json` as llama.cpp's converter writes it. */
function metadataOf({ added_tokens: added, model }: TokenizerJson): [string, EncodedValue][] {
  const tokens = Array.from({ length: VOCABULARY }, (_, id) => `[PAD${id}]`);
  const types = new Array<number>(VOCABULARY).fill(5);
  for (const [token, id] of Object.entries(model.vocab)) [tokens[id], types[id]] = [token, 1];
  for (const { id, content, special } of added) [tokens[id], types[id]] = [content, special ? 3 : 4];
  return [
    ["tokenizer.ggml.model", scalar("string", "gpt2")],
    ["tokenizer.ggml.pre", scalar("string", "qwen2")],
    ["tokenizer.ggml.tokens", list("string", tokens)],
    ["tokenizer.ggml.token_type", list("i32", types)],
    ["tokenizer.ggml.merges", list("string", model.merges)],
    ["tokenizer.ggml.eos_token_id", scalar("u32", 151_643)],
    ["tokenizer.ggml.padding_token_id", scalar("u32", 151_643)],
    ["tokenizer.ggml.add_eos_token", scalar("bool", true)],
  ];
}

describe.skipIf(!files)("ggufTokenizer of Qwen3's own", () => {
  const original = JSON.parse(files?.model ?? "{}") as TokenizerJson;
  const made = () => {
    writeGguf(path, { metadata: metadataOf(original), tensors: [] });
    return ggufTokenizer(readGguf(path).metadata, VOCABULARY)!;
  };

  it("gives the ids of every test vector, and ends with what the model pools", async () => {
    const tokenizerFiles = made();
    expect(tokenizerFiles).toMatchObject({ endTokenId: QWEN.endTokenId, padTokenId: QWEN.padTokenId, inputs: {} });
    const tokenizer = createTokenizer({ ...QWEN, model: tokenizerFiles.model, config: tokenizerFiles.config });
    const vectors = (readFixture("tokenizer/vectors.json") as Vector[]).filter(
      ({ ids, kind }) => ids && (kind === "published" || kind === "derived"),
    );
    expect(vectors.length).toBeGreaterThan(50);
    for (const { text, ids, add_special_tokens: isEnded } of vectors) {
      const { inputIds } = await tokenizer.encode(text, { allowSpecialTokens: true });
      const expected = isEnded === false ? [...ids!, QWEN.endTokenId] : ids;
      expect({ text, ids: [...inputIds] }).toEqual({ text, ids: expected });
    }
  });

  it("says what the original says", () => {
    const parsed = JSON.parse(made().model) as TokenizerJson;
    const { added_tokens: added, ...rest } = parsed;
    const { added_tokens: originalAdded, ...originalRest } = original;
    expect(rest).toEqual(originalRest);
    expect(added).toEqual(originalAdded);
  });
});

/** A tokenizer of six tokens. */
const SMALL: Readonly<Record<string, GgufValue>> = {
  "tokenizer.ggml.model": "gpt2",
  "tokenizer.ggml.pre": "qwen2",
  "tokenizer.ggml.tokens": ["a", "b", "ab", "<|endoftext|>", "<|im_end|>", "[PAD5]"],
  "tokenizer.ggml.token_type": [1, 1, 1, 3, 3, 5],
  "tokenizer.ggml.merges": ["a b"],
};
const small = (changes: Readonly<Record<string, GgufValue | undefined>> = {}) => {
  const entries = Object.entries({ ...SMALL, ...changes }).filter(([, value]) => value !== undefined);
  return ggufTokenizer(new Map(entries as [string, GgufValue][]), 6);
};

describe("ggufTokenizer", () => {
  it("is none for a model without one", () => {
    expect(small({ "tokenizer.ggml.model": undefined })).toBeNull();
    expect(small({ "tokenizer.ggml.model": "none" })).toBeNull();
  });

  it("leaves out what only fills the table up", () => {
    const { model, config } = small()!;
    const { added_tokens: added, model: bpe } = JSON.parse(model) as TokenizerJson;
    expect(bpe.vocab).toEqual({ a: 0, b: 1, ab: 2 });
    expect(added.map(({ id }) => id)).toEqual([3, 4]);
    expect(JSON.parse(config)).toMatchObject({ pad_token: "<|endoftext|>" });
  });

  it.each([undefined, 3, 4])("ends with <|endoftext|> where the file states %s", (stated) => {
    expect(small({ "tokenizer.ggml.eos_token_id": stated })?.endTokenId).toBe(3);
  });

  it("takes the stated padding token, and the end token where it is none", () => {
    expect(small({ "tokenizer.ggml.padding_token_id": 4 })?.padTokenId).toBe(4);
    for (const pad of [undefined, 0, 5, 77]) {
      expect(small({ "tokenizer.ggml.padding_token_id": pad })?.padTokenId).toBe(3);
    }
  });

  it.each<[string, GgufValue | undefined, string]>([
    ["tokenizer.ggml.model", "llama", "(model llama, pre qwen2)"],
    ["tokenizer.ggml.pre", "llama-bpe", "(model gpt2, pre llama-bpe)"],
    ["tokenizer.ggml.pre", undefined, "(model gpt2, pre undefined)"],
  ])("refuses another family: %s is %s", (key, value, message) => {
    expect(() => small({ [key]: value })).toThrow(
      expect.objectContaining({ code: "invalid-input", message: expect.stringContaining(message) }),
    );
  });

  it.each<[string, GgufValue | undefined, string]>([
    ["tokenizer.ggml.tokens", undefined, "tokenizer.ggml.tokens is missing"],
    ["tokenizer.ggml.tokens", "a", "tokenizer.ggml.tokens is no list"],
    ["tokenizer.ggml.tokens", ["a", 7], 'tokenizer.ggml.tokens[1] is "7"'],
    ["tokenizer.ggml.tokens", ["a"], "1 tokens and 6 types of tokens for a token table of 6 rows"],
    ["tokenizer.ggml.tokens", ["a", "b", "a", "<|endoftext|>", "d", "e"], '"a" is there twice'],
    ["tokenizer.ggml.tokens", ["a", "b", "ab", "d", "e", "f"], "no special token <|endoftext|>"],
    ["tokenizer.ggml.token_type", [1, 1, 6, 3, 3, 5], "token 2 is of type 6"],
    ["tokenizer.ggml.token_type", [1, 1], "6 tokens and 2 types"],
    ["tokenizer.ggml.merges", ["a b c"], 'tokenizer.ggml.merges[0] is "a b c"'],
    ["tokenizer.ggml.merges", [["a", "b"]], "tokenizer.ggml.merges[0]"],
    ["tokenizer.ggml.eos_token_id", 0, "tokenizer.ggml.eos_token_id is 0, a: <|endoftext|> was expected"],
    ["tokenizer.ggml.eos_token_id", 99, "is 99, no token"],
  ])("refuses a %s of %j", (key, value, message) => {
    expect(() => small({ [key]: value })).toThrow(
      expect.objectContaining({ code: "model-corrupt", message: expect.stringContaining(message) }),
    );
  });
});
