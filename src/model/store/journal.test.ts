/** @file Journals as crashes leave them. */
import { describe, expect, it } from "vitest";
import { blockLine, lostLine, readJournal } from "./journal.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const blocksOf = (text: string): number[] => [...readJournal(bytes(text), 100).blocks];

describe("readJournal", () => {
  it("knows the blocks that were written and not lost again", () => {
    const text = [3, 4, 5].map(blockLine).join("") + lostLine(4) + blockLine(7) + lostLine(7) + blockLine(7);
    expect(blocksOf(text)).toEqual([3, 5, 7]);
  });

  it("believes nothing of a last line without its end", () => {
    expect(blocksOf("block 1\nblock 2")).toEqual([1]);
    expect(blocksOf("block 1\nblock 1")).toEqual([1]);
    expect(readJournal(bytes("block 1\nlost 1"), 2)).toMatchObject({ endBytes: 8 });
  });

  it("passes over lines that make no sense", () => {
    expect(
      blocksOf("block 1\n\0\0\0\0\nblock -1\nblock 2 \nblock 1e1\nblock 9999999999\nblock 100\nversion x\nblock 3\n"),
    ).toEqual([1, 3]);
  });

  it("knows, of a journal cut anywhere, a beginning of what the whole one says", () => {
    const whole = bytes([0, 12, 1, 31].map(blockLine).join(""));
    for (let cut = 0; cut <= whole.length; cut++) {
      const { blocks, endBytes } = readJournal(whole.subarray(0, cut), 100);
      expect([0, 12, 1, 31].slice(0, blocks.size)).toEqual([...blocks]);
      expect(endBytes).toBeLessThanOrEqual(cut);
    }
  });
});
