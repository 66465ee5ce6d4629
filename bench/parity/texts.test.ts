/** @file The parity texts: as many as stated, of all kinds, none twice, the same ones each time. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { openPackTokenizer } from "./packs.ts";
import { parityTexts, TEXT_COUNT, type ParityText } from "./texts.ts";

const PACK = "public/models/nano-q4";

describe("parityTexts", () => {
  const tokenizer = openPackTokenizer(PACK);
  let texts: ParityText[];
  beforeAll(async () => {
    texts = await parityTexts(tokenizer);
  });

  it("are 200 of stated shares", () => {
    const counts: Partial<Record<string, number>> = {};
    for (const { kind } of texts) counts[kind] = (counts[kind] ?? 0) + 1;
    expect(texts).toHaveLength(TEXT_COUNT);
    expect(counts).toEqual({ english: 80, language: 60, question: 20, code: 20, notation: 20 });
  });

  it("gives no sequence twice", () => {
    expect(new Set(texts.map(({ inputIds }) => inputIds.join())).size).toBe(TEXT_COUNT);
  });

  it("has lengths from one token and its end to a few hundred, most of them short", () => {
    const lengths = texts.map(({ inputIds }) => inputIds.length).sort((a, b) => a - b);
    expect(lengths[0]).toBe(2);
    expect(lengths.at(-1)).toBeGreaterThan(150);
    expect(lengths.at(-1)).toBeLessThanOrEqual(300);
    expect(lengths[TEXT_COUNT / 2]).toBeGreaterThanOrEqual(15);
    expect(lengths[TEXT_COUNT / 2]).toBeLessThanOrEqual(30);
    // Both of ONNX Runtime's attention kernels are needed often, and slices of 16 too.
    expect(lengths.filter((length) => length > 32).length).toBeGreaterThanOrEqual(40);
    expect(lengths.filter((length) => length > 16).length).toBeGreaterThanOrEqual(100);
  });

  it("ends each with the end token, and no text with half a letter", () => {
    const { endTokenId } = JSON.parse(readFileSync(`${PACK}/manifest.json`, "utf8")) as { endTokenId: number };
    for (const { text, inputIds } of texts) {
      expect(inputIds.at(-1)).toBe(endTokenId);
      expect(text.isWellFormed(), text).toBe(true);
      expect(text).not.toBe("");
    }
  });

  it("gives the first ones when fewer are asked for", async () => {
    const few = await parityTexts(tokenizer, 12);
    expect(few.map(({ text }) => text)).toEqual(texts.slice(0, 12).map(({ text }) => text));
  });
});
