import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { QWEN, readFixture, readTokenizerFiles } from "../../fixtures/tokenizer/files.ts";
import { leftPad } from "./left-pad.ts";
import { createTokenizer, type EncodeOptions, type TextTokenizer, type TokenizerOptions } from "./tokenizer.ts";

const files = readTokenizerFiles();

interface Vector {
  readonly kind: "published" | "published-hash" | "derived" | "derived-truncation" | "published-batch";
  readonly text: string;
  readonly add_special_tokens: boolean;
  readonly ids: readonly number[];
  readonly max_length?: number;
  readonly sha256_of_python_list_repr?: string;
}

interface BatchVector {
  readonly kind: "published-batch";
  readonly texts: readonly string[];
  readonly ids: readonly number[][];
  readonly attention_mask: readonly number[][];
}

interface Golden {
  readonly name: string;
  readonly text: string;
  readonly role: "query" | "document";
  readonly instruction: string | null;
  readonly query: string | null;
  readonly input_ids: readonly number[];
}

const vectors = readFixture("tokenizer/vectors.json") as (Vector | BatchVector)[];
const single = vectors.filter((vector): vector is Vector => "text" in vector);

describe.skipIf(!files)("createTokenizer", () => {
  const parsed = files && { model: JSON.parse(files.model) as object, config: JSON.parse(files.config) as object };
  const make = (options: Partial<TokenizerOptions> = {}): TextTokenizer =>
    createTokenizer({ ...parsed!, ...QWEN, ...options });
  const tokenizer = files ? make() : ({} as TextTokenizer);
  const short = files ? make({ maxTokens: 8 }) : ({} as TextTokenizer);

  async function ids(text: string, options?: EncodeOptions): Promise<number[]> {
    return Array.from((await tokenizer.encode(text, options)).inputIds);
  }

  describe("reference ids", () => {
    const whole = single.filter(({ kind }) => kind !== "derived-truncation");
    it.each(whole.map((vector) => [vector.text.slice(0, 60), vector] as const))("are met for %j", async (_, vector) => {
      const expected = vector.add_special_tokens ? vector.ids : [...vector.ids, QWEN.endTokenId];
      // The reference reads special tokens inside a text; without any the option makes no difference.
      expect(await ids(vector.text, { allowSpecialTokens: true })).toEqual(expected);
      if (!/<[a-z/|]/.test(vector.text)) expect(await ids(vector.text)).toEqual(expected);
      if (vector.sha256_of_python_list_repr) {
        const repr = `[${vector.ids.join(", ")}]`;
        expect(createHash("sha256").update(repr).digest("hex")).toBe(vector.sha256_of_python_list_repr);
      }
    });

    const cut = single.filter(({ kind }) => kind === "derived-truncation");
    it.each(cut)("are met when truncated: $text", async ({ text, ids: expected, max_length }) => {
      expect(max_length).toBe(8);
      const { inputIds, truncated } = await short.encode(text, { overflow: "truncate" });
      expect(Array.from(inputIds)).toEqual(expected);
      expect(truncated).toBe((await tokenizer.countTokens(text)) > 8);
    });

    it("are met for the published batch, padded on the left", async () => {
      const batch = vectors.find((vector): vector is BatchVector => vector.kind === "published-batch")!;
      const sequences = await Promise.all(batch.texts.map((text) => tokenizer.encode(text)));
      expect(leftPad(sequences, QWEN.padTokenId)).toEqual({
        inputIds: Int32Array.from(batch.ids.flat()),
        attentionMask: Uint8Array.from(batch.attention_mask.flat()),
        rows: 2,
        columns: 3,
      });
    });

    const golden = readFixture("nano/golden.json") as Golden[];
    it.each(golden)("are met for nano's golden text $name", async ({ text, role, instruction, query, input_ids }) => {
      expect(await ids(text)).toEqual(input_ids);
      if (role === "query") expect(await ids(query!, { role, instruction: instruction! })).toEqual(input_ids);
      expect(await tokenizer.countTokens(text)).toBe(input_ids.length);
    });
  });

  it("takes the files as text too", async () => {
    const fromText = createTokenizer({ ...files!, ...QWEN });
    expect(Array.from((await fromText.encode("Hello, world!")).inputIds)).toEqual([9707, 11, 1879, 0, 151643]);
  });

  it("encodes the empty text as the end token alone", async () => {
    expect(await ids("")).toEqual([QWEN.endTokenId]);
    expect(await ids("", { allowSpecialTokens: true })).toEqual([QWEN.endTokenId]);
    expect(await tokenizer.countTokens("")).toBe(1);
  });

  it("reads special tokens inside a text as ordinary text unless they are allowed", async () => {
    const special = [151643, 151644, 151645, 151657, 151667];
    const text = "a <|endoftext|> b<|im_start|><|im_end|><tool_call><think>";
    const plain = await ids(text);
    expect(plain.slice(0, -1).filter((id) => id >= QWEN.endTokenId)).toEqual([]);
    expect((await ids(text, { allowSpecialTokens: true })).filter((id) => special.includes(id))).toEqual([
      151643, 151644, 151645, 151657, 151667, 151643,
    ]);
    expect(await ids(text, { role: "query", instruction: "<|im_start|>" })).not.toContain(151644);
  });

  it("cleans before it adds the prompt", async () => {
    const clean = { stripHtml: true, collapseWhitespace: true };
    expect(await ids(" <p>gravity</p> ", { role: "query", clean })).toEqual(await ids("gravity", { role: "query" }));
    expect(await ids(" <p>gravity</p> ")).not.toEqual(await ids("gravity"));
  });

  it("reads lone surrogates as U+FFFD, and takes NUL and other controls as they are", async () => {
    expect(await ids("a\uD800b\uDC00")).toEqual(await ids("a\uFFFDb\uFFFD"));
    expect(await ids("a", { role: "query", instruction: "\uDFFF" })).toEqual(
      await ids("a", { role: "query", instruction: "\uFFFD" }),
    );
    // Byte tokens of the vocabulary: byte n is token n + 188 up to 32.
    expect(await ids("\0")).toEqual([188, QWEN.endTokenId]);
    expect(await ids("a\0\x01b")).toEqual([64, 188, 189, 65, QWEN.endTokenId]);
  });

  it("composes characters, as the reference does, also behind a flood of marks", async () => {
    expect(await ids("e\u0301a\u0323\u0302")).toEqual(await ids("éậ"));
    const flood = `o${"\u0316\u0301".repeat(50_000)}`;
    const tail = " caf\u0065\u0301";
    const { length } = await ids(tail);
    expect((await tokenizer.encode(flood + tail, { overflow: "truncate" })).truncated).toBe(true);
    const long = make({ maxTokens: 2 ** 20 });
    const all = Array.from((await long.encode(flood + tail)).inputIds);
    expect(all.slice(-length)).toEqual(await ids(tail));
  });

  it.each([
    [42, "number"],
    [null, "null"],
    [undefined, "undefined"],
    [["a"], "array"],
    [new String("a"), "object"],
  ])("refuses %j, which is no string", async (text, type) => {
    const error = expect.objectContaining({
      code: "invalid-input",
      message: `text 3 is of type ${type}, not a string`,
      details: { index: 3, type },
    });
    await expect(tokenizer.encode(text as string, { index: 3 })).rejects.toEqual(error);
    await expect(tokenizer.countTokens(text as string, { index: 3 })).rejects.toEqual(error);
  });

  describe("overflow", () => {
    const words = "a".concat(" a".repeat(39_999));

    it("is refused with index, tokens and limit", async () => {
      await expect(tokenizer.encode(words, { index: 3 })).rejects.toEqual(
        expect.objectContaining({
          code: "invalid-input",
          message: "text 3 has 40001 tokens, limit 32768",
          details: { index: 3, tokens: 40_001, limit: 32_768 },
        }),
      );
    });

    it("cuts the tail and keeps the end token when asked to truncate", async () => {
      const { inputIds, truncated } = await tokenizer.encode(words, { overflow: "truncate" });
      expect(truncated).toBe(true);
      expect(inputIds).toHaveLength(32_768);
      expect(inputIds.at(-2)).toBe(264);
      expect(inputIds.at(-1)).toBe(QWEN.endTokenId);
      expect(await tokenizer.countTokens(words)).toBe(40_001);
    });

    it("begins one token after the limit", async () => {
      const seven = "a a a a a a a";
      expect(await short.encode(seven)).toMatchObject({ truncated: false, inputIds: { length: 8 } });
      await expect(short.encode(`${seven} a`)).rejects.toThrow("text 0 has 9 tokens, limit 8");
      expect(await short.encode(`${seven} a`, { overflow: "truncate" })).toMatchObject({
        truncated: true,
        inputIds: { length: 8 },
      });
    });

    it("counts the prompt", async () => {
      await expect(short.encode("a", { role: "query" })).rejects.toThrow("text 0 has 20 tokens, limit 8");
    });

    it("stops counting when the error is beyond doubt", async () => {
      await expect(tokenizer.encode("1".repeat(2 ** 21))).rejects.toThrow(
        /^text 0 has over 10\d{5} tokens, limit 32768$/,
      );
    });
  });

  describe("a megabyte without a space", () => {
    const letters = "abcdefghijklmnopqrstuvwxyz";
    const megabyte = Array.from({ length: 2 ** 20 }, (_, i) => letters[(i * i + (i >> 7) * 7) % 26]).join("");

    it("is truncated to the ids of its beginning", async () => {
      const { inputIds, truncated } = await tokenizer.encode(megabyte, { overflow: "truncate" });
      expect(truncated).toBe(true);
      expect(inputIds).toHaveLength(32_768);
      const beginning = await tokenizer.encode(megabyte.slice(0, 20_000));
      expect(inputIds.slice(0, 5000)).toEqual(beginning.inputIds.slice(0, 5000));
    });

    it("is refused with its count", async () => {
      await expect(tokenizer.encode(megabyte, { index: 1 })).rejects.toThrow(/^text 1 has \d{6} tokens, limit 32768$/);
    });

    it.each([
      ["letters", megabyte],
      ["marks", `a${"\u0316\u0301".repeat(2 ** 19)}`],
      ["spaces", " ".repeat(2 ** 20)],
      ["digits", "7".repeat(2 ** 20)],
    ])("can be cancelled while it is encoded: %s", async (_, text) => {
      const controller = new AbortController();
      const encoded = tokenizer.countTokens(text, {}, controller.signal);
      setImmediate(() => controller.abort("enough"));
      await expect(encoded).rejects.toEqual(expect.objectContaining({ code: "aborted", cause: "enough" }));
      expect(await ids("a")).toEqual([64, QWEN.endTokenId]);
    });
  });

  it("lets a cancellation in between many short texts", async () => {
    const controller = new AbortController();
    setImmediate(() => controller.abort());
    const endless = async (): Promise<void> => {
      for (let i = 0; ; i++) await tokenizer.encode(`a text, number ${i}`, {}, controller.signal);
    };
    await expect(endless()).rejects.toEqual(expect.objectContaining({ code: "aborted" }));
  });

  it("does nothing for a caller who has cancelled already", async () => {
    await expect(tokenizer.encode("a", {}, AbortSignal.abort())).rejects.toEqual(
      expect.objectContaining({ code: "aborted" }),
    );
  });

  it("encodes texts at the same time as if they came one by one", async () => {
    const texts = Array.from({ length: 12 }, (_, i) => `${i} quick brown foxes `.repeat(300 * (i % 4)));
    const together = await Promise.all(texts.map((text) => tokenizer.encode(text)));
    for (const [i, text] of texts.entries()) expect(together[i]).toEqual(await tokenizer.encode(text));
  });

  it("never fails on any string, and always ends with the end token", async () => {
    const units = fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 0xd83d, 0xde00, 0x301, 0x20));
    await fc.assert(
      fc.asyncProperty(fc.array(units), fc.boolean(), async (codes, allowSpecialTokens) => {
        const { inputIds } = await tokenizer.encode(String.fromCharCode(...codes), { allowSpecialTokens });
        expect(inputIds.at(-1)).toBe(QWEN.endTokenId);
        expect(inputIds.every((id) => id >= 0 && id < 151_669)).toBe(true);
      }),
    );
  });

  describe("with files it cannot use", () => {
    const corrupt = (message: RegExp) =>
      expect.objectContaining({ code: "model-corrupt", message: expect.stringMatching(message) });
    const model = { ...(parsed?.model ?? {}) };

    it("says what is wrong with them", () => {
      expect(() => make({ model: "{" })).toThrowError(corrupt(/JSON/));
      expect(() => make({ model: "null" })).toThrowError(corrupt(/valid object/));
      expect(() => make({ model: {} })).toThrowError(corrupt(/must contain a "model"/));
      expect(() => make({ config: "[]" })).toThrowError(corrupt(/Config/));
    });

    it("refuses a tokenizer of another kind", () => {
      const other = { ...model, pre_tokenizer: { type: "Whitespace" } };
      expect(() => make({ model: other })).toThrowError(corrupt(/Qwen family/));
    });

    it("refuses ids that the vocabulary does not have", () => {
      expect(() => make({ endTokenId: 151_669 })).toThrowError(corrupt(/no token has the id 151669/));
      expect(() => make({ padTokenId: -1 })).toThrowError(corrupt(/no token has the id -1/));
    });
  });
});
