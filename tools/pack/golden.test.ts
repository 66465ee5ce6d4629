import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { goldenInputs } from "./golden.ts";
import { PROMPTS } from "./pack-plan.ts";
import { type ModelSource, openSource } from "./source.ts";
import { readTokenizerFiles, type TokenizerFiles } from "./tokenizer-files.ts";

const stress = openSource(fileURLToPath(new URL("../../fixtures/stress", import.meta.url)), null);
const END = 151_643;
let qwen: ModelSource;

beforeAll(() => {
  const folder = fileURLToPath(new URL("../../public/models/nano-q4", import.meta.url));
  const tokenizer = readTokenizerFiles(folder, true) as TokenizerFiles;
  qwen = { ...stress, tokenizer, endTokenId: END, padTokenId: END };
});

describe("goldenInputs", () => {
  it("cuts texts to exact token counts, the end token last", async () => {
    const counts = [5, 33, 70, 200, 1, 2, 1000];
    const inputs = await goldenInputs(qwen, PROMPTS, counts);
    expect(inputs.map((input) => input.inputIds.length)).toEqual(counts);
    for (const { inputIds } of inputs) expect(inputIds.indexOf(END)).toBe(inputIds.length - 1);
  });

  it("makes the second one a query where its prompt fits, and says so", async () => {
    const [document, query] = await goldenInputs(qwen, PROMPTS, [70, 33]);
    expect([document?.role, query?.role]).toEqual(["document", "query"]);
    const prompt = [641, 1235, 25, 16246];
    expect(query?.inputIds.slice(0, 4)).toEqual(prompt);
    expect(query?.text).not.toContain("Instruct");
    const [, short] = await goldenInputs(qwen, PROMPTS, [70, 10]);
    expect(short?.role).toBe("document");
  });

  it("mixes languages and punctuation", async () => {
    const [long] = await goldenInputs(qwen, PROMPTS, [300]);
    for (const script of [
      /[A-Z]/,
      /\p{Script=Han}/u,
      /\p{Script=Cyrillic}/u,
      /\p{Script=Arabic}/u,
      /[;{}]/,
      /\d/,
      /ü/,
    ]) {
      expect(long?.text).toMatch(script);
    }
  });

  it("gives a model without a tokenizer the same pseudo-random ids each time", async () => {
    const counts = [5, 200];
    const inputs = await goldenInputs(stress, PROMPTS, counts);
    expect(inputs).toEqual(await goldenInputs(stress, PROMPTS, counts));
    expect(inputs.map(({ inputIds }) => inputIds.length)).toEqual(counts);
    for (const { inputIds, text } of inputs) {
      expect(text).toBeUndefined();
      expect(inputIds.indexOf(1)).toBe(inputIds.length - 1);
      expect(Math.max(...inputIds)).toBeLessThan(1024);
    }
    expect(new Set(inputs[1]?.inputIds).size).toBeGreaterThan(150);
  });

  it("refuses more tokens than the model takes, and more inputs than a manifest holds", async () => {
    await expect(goldenInputs(stress, PROMPTS, [40_000])).rejects.toMatchObject({ code: "invalid-input" });
    await expect(goldenInputs(stress, PROMPTS, new Array(65).fill(5))).rejects.toMatchObject({ code: "invalid-input" });
  });
});
