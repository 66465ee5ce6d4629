/** @file Journals as crashes leave them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blockLine, lostLine, readJournal, versionLine } from "./journal.ts";

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
      blocksOf("block 1\n\0\0\0\0\nblock -1\nblock 2 \nblock 1e1\nblock 9999999999\nblock 100\nblock 3\n"),
    ).toEqual([1, 3]);
  });

  it("gives back every version that a server may name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (version) => {
        const before = versionLine("before") + blockLine(1) + versionLine(version);
        expect(readJournal(bytes(before), 2)).toMatchObject({ version, endBytes: bytes(before).length });
      }),
    );
    expect(readJournal(bytes(versionLine("a") + versionLine(null)), 1).version).toBeNull();
    expect(readJournal(bytes(`${versionLine("a")}version {\n`), 1).version).toBe("a");
  });

  it("knows, of a journal cut anywhere, a beginning of what the whole one says", () => {
    const lines = [versionLine('"x"'), ...[0, 12, 1, 31].map(blockLine)];
    const whole = bytes(lines.join(""));
    for (let cut = 0; cut <= whole.length; cut++) {
      const { blocks, endBytes } = readJournal(whole.subarray(0, cut), 100);
      expect([0, 12, 1, 31].slice(0, blocks.size)).toEqual([...blocks]);
      expect(endBytes).toBeLessThanOrEqual(cut);
    }
  });
});
