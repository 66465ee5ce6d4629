import { PreTrainedTokenizer } from "@huggingface/transformers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { QWEN, readTokenizerFiles } from "../../fixtures/tokenizer/files.ts";
import { leftPad } from "./left-pad.ts";
import { createTokenizer, type TextTokenizer } from "./tokenizer.ts";

const files = readTokenizerFiles();

const TEXTS = [
  "",
  " ",
  "The quick brown fox jumps over the lazy dog.",
  "I've said it's done; they'RE not sure, we'LL see. 'S 'tis",
  "  tabs\tand   spaces \r\n\r\n and a trailing newline\n",
  "中国的首都是北京，人口超过两千万。東京タワー、서울특별시",
  "تقع القاهرة على ضفاف نهر النيل. Столица России — Москва. हिन्दी में लिखा हुआ पाठ",
  "👩‍👩‍👧‍👦🇫🇷 3.14159, 1,000,000 and 0x1F4A9; 2024-02-29T12:34:56Z",
  "def fib(n: int) -> int:\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\n\n\n",
  "e\u0301 \u0041\u030A \u1E9B\u0323 \uFB01 ſ 'ſ K",
  "\0\x01\x7F\x85\u00A0\u2028\uFEFF\u200B\uFFFD",
  "=".repeat(5000) + "x".repeat(5000) + "é".repeat(5000) + "中文字".repeat(2000) + " ".repeat(5000) + "end",
];

describe.skipIf(!files)("tokenizer against transformers.js", () => {
  const config = { ...(JSON.parse(files?.config ?? "{}") as object), padding_side: "left" };
  const model = JSON.parse(files?.model ?? "{}") as object;
  const reference = files && new PreTrainedTokenizer(model, config);
  const tokenizer = files ? createTokenizer({ model, config, ...QWEN }) : ({} as TextTokenizer);

  const ours = async (text: string, allowSpecialTokens = false): Promise<number[]> =>
    Array.from((await tokenizer.encode(text, { allowSpecialTokens })).inputIds);
  const theirs = (text: string): number[] => reference!.encode(text);

  it.each(TEXTS.map((text) => [text.slice(0, 40), text]))("gives the same ids for %j", async (_, text) => {
    expect(await ours(text)).toEqual(theirs(text));
  });

  it("gives the same left-padded batch", async () => {
    const { input_ids, attention_mask } = reference!([...TEXTS], { padding: true, return_tensor: false }) as Record<
      string,
      number[][]
    >;
    const batch = leftPad(await Promise.all(TEXTS.map((text) => tokenizer.encode(text))), QWEN.padTokenId);
    expect([batch.rows, batch.columns]).toEqual([TEXTS.length, input_ids![0]!.length]);
    expect(Array.from(batch.inputIds)).toEqual(input_ids!.flat());
    expect(Array.from(batch.attentionMask)).toEqual(attention_mask!.flat());
  });

  const unit = fc.oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    fc.constantFrom(
      ..."aZéß中가1٣ \t\n\r'.,!=<|>/_-",
      "  ",
      "\r\n",
      "'re",
      "'S",
      "\u0301",
      "\u0323",
      "\u200D",
      "😀",
      " the",
    ),
  );

  it("gives the same ids for any well-formed string", async () => {
    const text = fc.string({ unit, maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(text, async (text) => {
        expect(await ours(text)).toEqual(theirs(text));
      }),
      { numRuns: 2000 },
    );
  });

  it("gives the same ids for any string with special tokens in it, where they are allowed", async () => {
    const special = fc.constantFrom("<|endoftext|>", "<|im_start|>", "<think>", "</think>", "<tool_call>", "<|", "|>");
    const text = fc.string({ unit: fc.oneof(unit, special), maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(text, async (text) => {
        expect(await ours(text, true)).toEqual(theirs(text));
      }),
      { numRuns: 500 },
    );
  });

  it("gives the same ids for long runs without a space", async () => {
    const letters = fc.string({
      unit: fc.constantFrom(..."abcdefghijklmnopqrstuvwxyzéß中字가나"),
      minLength: 3000,
      maxLength: 9000,
    });
    await fc.assert(
      fc.asyncProperty(letters, async (text) => {
        expect(await ours(text)).toEqual(theirs(text));
      }),
      { numRuns: 20, endOnFailure: true },
    );
  });
});
