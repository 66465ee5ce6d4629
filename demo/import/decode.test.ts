import { describe, expect, it } from "vitest";
import { decodeHtml, decodeText } from "./decode.ts";

const utf8 = new TextEncoder();
const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const refused = (reason: string): unknown => expect.objectContaining({ reason });

describe("decodeText", () => {
  it("reads UTF-8 and UTF-16 by its byte order mark", () => {
    expect(decodeText(utf8.encode("\uFEFFgrün"))).toBe("grün");
    expect(decodeText(Uint8Array.of(0xff, 0xfe, 0x41, 0, 0xac, 0x20))).toBe("A€");
    expect(decodeText(Uint8Array.of(0xfe, 0xff, 0, 0x41))).toBe("A");
  });

  it("refuses what is no UTF-8, and what is no text", () => {
    expect(() => decodeText(latin1("grün"))).toThrow(refused("not-utf8"));
    expect(() => decodeText(Uint8Array.of(0x41, 0))).toThrow(refused("binary"));
    expect(() => decodeText(latin1("%PDF-1.7"))).toThrow(refused("binary"));
    expect(() => decodeText(latin1("PK\u0003\u0004..."))).toThrow(refused("binary"));
  });

  it("goes by the sender's word, unless that is wrong", () => {
    expect(decodeText(latin1("gr\u00FCn"), "iso-8859-1")).toBe("grün");
    expect(() => decodeText(latin1("x"), "klingon")).toThrow(refused("not-utf8"));
    expect(decodeText(utf8.encode("\uFEFFgrün"), "iso-8859-1")).toBe("grün");
  });
});

describe("decodeHtml", () => {
  it("reads the encoding that the page names, and no other", () => {
    expect(decodeHtml(latin1('<meta charset="windows-1252">\u00FC'), null)).toContain("ü");
    expect(decodeHtml(latin1('<meta http-equiv=x content="text/html; charset=ISO-8859-1">\u00FC'), null)).toContain(
      "ü",
    );
    expect(() => decodeHtml(latin1("<p>\u00FC"), null)).toThrow(refused("not-utf8"));
    expect(decodeHtml(utf8.encode('<?xml version="1.0" encoding="utf-16"?>ü'), null)).toContain("ü");
  });
});
