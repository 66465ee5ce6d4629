import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "./temporary-folder.ts";
import { minifyTokenizer, readTokenizerFiles } from "./tokenizer-files.ts";

const shared = fileURLToPath(new URL("../../../shared/tokenizer", import.meta.url));
const folder = temporaryFolder();

const TOKENIZER = {
  added_tokens: [
    { id: 8, content: "<|endoftext|>" },
    { id: 9, content: "<|pad|>" },
    { id: 10, content: "<|stop|>" },
  ],
  post_processor: null as object | null,
  model: { type: "BPE", vocab: { '"': 1, a: 2, "7": 0, "a b": 3 }, merges: [["a", "b"], "a c", ["a b", "c"]] },
};

function read(tokenizer: object, config: object) {
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(tokenizer, null, 2));
  writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(config));
  return readTokenizerFiles(folder, true);
}

describe("minifyTokenizer", () => {
  it("keeps the order of ids and joins merges without a space in them", () => {
    expect(minifyTokenizer(TOKENIZER as never)).toContain(
      '"model":{"type":"BPE","vocab":{"7":0,"\\"":1,"a":2,"a b":3},"merges":["a b","a c",["a b","c"]]}',
    );
  });

  it("says the same when read again", () => {
    const again = JSON.parse(minifyTokenizer(TOKENIZER as never)) as typeof TOKENIZER;
    expect(again).toEqual({ ...TOKENIZER, model: { ...TOKENIZER.model, merges: ["a b", "a c", ["a b", "c"]] } });
    expect(minifyTokenizer(again as never)).toBe(minifyTokenizer(TOKENIZER as never));
  });

  it("makes the proven file of Qwen3's tokenizer", ({ skip }) => {
    skip(!existsSync(shared), `${shared} is not there`);
    const tokenizer = JSON.parse(readFileSync(join(shared, "tokenizer.json"), "utf8")) as never;
    expect(minifyTokenizer(tokenizer) === readFileSync(join(shared, "tokenizer.min.json"), "utf8")).toBe(true);
  });
});

describe("readTokenizerFiles", () => {
  it("takes the end token from the post-processor, inside a sequence of them too", () => {
    const template = { type: "TemplateProcessing", single: [{ Sequence: {} }, { SpecialToken: { id: "<|stop|>" } }] };
    const sequence = { type: "Sequence", processors: [{ type: "ByteLevel" }, template] };
    for (const post_processor of [template, sequence]) {
      expect(read({ ...TOKENIZER, post_processor }, {})).toMatchObject({ endTokenId: 10, padTokenId: null });
    }
  });

  it("falls back to <|endoftext|>", () => {
    expect(read(TOKENIZER, {})?.endTokenId).toBe(8);
  });

  it.each(["<|pad|>", { content: "<|pad|>" }])("reads the padding token written as %j", (pad_token) => {
    expect(read(TOKENIZER, { pad_token })?.padTokenId).toBe(9);
  });

  it("refuses what is no tokenizer", () => {
    expect(() => read({ model: {} }, {})).toThrow(expect.objectContaining({ code: "model-corrupt" }));
  });
});
