import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assembleText } from "./blocks.ts";
import { cleanLine } from "./clean.ts";
import { MAX_DOCUMENT_CHARACTERS } from "./limits.ts";

describe("assembleText", () => {
  it("says exactly where each heading stands, whatever the blocks", () => {
    const block = fc.record({ text: fc.string({ unit: "binary" }), level: fc.integer({ min: 0, max: 6 }) });
    fc.assert(
      fc.property(fc.array(block, { maxLength: 6 }), (blocks) => {
        const { text, headings } = assembleText(blocks);
        const wanted = blocks
          .filter(({ level }) => level > 0)
          .map((heading) => ({ text: cleanLine(heading.text), level: heading.level }))
          .filter((heading) => heading.text !== "");
        expect(headings.map(({ start, end, level }) => ({ text: text.slice(start, end), level }))).toEqual(wanted);
        for (const { start, end } of headings) {
          expect(start === 0 || text[start - 1] === "\n").toBe(true);
          expect(end === text.length || text[end] === "\n").toBe(true);
        }
      }),
    );
  });

  it("leaves out blocks without text", () => {
    expect(assembleText([" ", "a", "\u200B", "b"].map((text) => ({ text, level: 0 }))).text).toBe("a\n\nb");
  });

  it("refuses a text beyond the limit", () => {
    const half = { text: "x".repeat(MAX_DOCUMENT_CHARACTERS / 2), level: 0 };
    expect(() => assembleText([half, half])).toThrow(expect.objectContaining({ reason: "too-large" }));
  });
});
