import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cleanText, wellFormed } from "./clean.ts";

describe("cleanText", () => {
  it("changes nothing unless it is asked to", () => {
    const text = " <b>a</b>\0 \n\n b &amp; ";
    expect(cleanText(text)).toBe(text);
    expect(cleanText(text, { stripHtml: false })).toBe(text);
  });

  it("turns control characters into spaces, but keeps tabs and line ends", () => {
    expect(cleanText("a\0b\x07c\x7Fd\x85e\t\r\nf", { stripControls: true })).toBe("a b c d e\t\r\nf");
  });

  it("collapses white space of any kind and trims the ends", () => {
    expect(cleanText("\uFEFF a\u00A0\u2003\n\t b \r\n", { collapseWhitespace: true })).toBe("a b");
  });

  it("collapses what stripped tags, references and controls leave behind", () => {
    const all = { stripHtml: true, stripControls: true, collapseWhitespace: true };
    expect(cleanText("<p>a&nbsp;&#1;</p>\n<p>\0b</p>", all)).toBe("a b");
  });
});

describe("wellFormed", () => {
  it("replaces lone surrogates and keeps pairs", () => {
    expect(wellFormed("a\uD83Db\uDE00\uD83D\uDE00\uD83D")).toBe("a\uFFFDb\uFFFD😀\uFFFD");
  });

  it("gives the string that UTF-8 can carry", () => {
    const units = fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd7fe, max: 0xe001 }));
    fc.assert(
      fc.property(fc.array(units), (codes) => {
        const text = String.fromCharCode(...codes);
        expect(wellFormed(text)).toBe(
          new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text)),
        );
      }),
    );
  });
});
