import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HIDDEN } from "../../tools/make-fixtures/hostile.ts";
import { cleanLine, cleanLines } from "./clean.ts";

describe("cleanLines", () => {
  it("takes out controls, bidi controls and what cannot be seen", () => {
    expect(cleanLines(HIDDEN)).toBe("safe");
    expect(cleanLines("\uFEFFa\u00ADb\u200B\u200Ec\u061Cd\u2060e\uFFFAf")).toBe("abcdef");
    expect(cleanLines("a\u0000b\u009Fc")).toBe("a b c");
  });

  it("keeps one blank line between paragraphs and one space between words", () => {
    expect(cleanLines("  a \t\u00A0 b \r\n\r\n \r\n\r\nc\rd\u2028e\u2029f\fg  ")).toBe("a b\n\nc\nd\ne\n\nf\n\ng");
  });

  it("keeps the joiners of scripts and emoji that need them", () => {
    const persian = "می\u200Cخواهم";
    const family = "👩\u200D👩\u200D👧";
    const flag = "🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}";
    expect(cleanLines(`${persian} ${family} ${flag}`)).toBe(`${persian} ${family} ${flag}`);
    expect(cleanLines("wo\u200Drd")).toBe("word");
  });

  it("composes characters and replaces lone halves of pairs", () => {
    expect(cleanLines("e\u0301 \uD800x")).toBe("\u00E9 \uFFFDx");
  });

  it("changes nothing more when applied again, whatever the text", () => {
    const hostile = fc.constantFrom(
      " ",
      "\n",
      "\r",
      "\t",
      "\u200D",
      "\u202E",
      "\u0301",
      "e",
      "م",
      "👩",
      "\u{E0041}",
      "🏴",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(hostile, fc.string({ unit: "binary" }))), (parts) => {
        const once = cleanLines(parts.join(""));
        expect(cleanLines(once)).toBe(once);
        expect(once).not.toMatch(/[\u202A-\u202E\u2066-\u2069\u200E\u200F\u061C]|\n\n\n| {2}|\r/);
        expect(cleanLine(once)).not.toContain("\n");
      }),
    );
  });

  it("takes time in proportion to the text", () => {
    const started = performance.now();
    for (const part of [" ", "\n ", "\u200D", "\u{E0041}", "🏴\u{E0041}", "\u0301"]) cleanLines(part.repeat(200_000));
    // Milliseconds if linear; minutes if quadratic.
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
