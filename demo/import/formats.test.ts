import { describe, expect, it } from "vitest";
import { IMPORT_EXTENSIONS, formatOfAnswer, formatOfName } from "./formats.ts";

describe("formatOfName", () => {
  it("goes by the end of the name alone", () => {
    expect(formatOfName("a.b/C.HTM")).toBe("html");
    expect(formatOfName("notes.txt.exe")).toBeNull();
    expect(formatOfName("md")).toBeNull();
    expect(formatOfName("a.constructor")).toBeNull();
    expect(IMPORT_EXTENSIONS.every((extension) => formatOfName(`a${extension}`) !== null)).toBe(true);
  });
});

describe("formatOfAnswer", () => {
  it("goes by the content type, and by the address where that is vague", () => {
    expect(formatOfAnswer("text/html; charset=utf-8", "/a.pdf")).toBe("html");
    expect(formatOfAnswer("text/plain", "/README.md")).toBe("md");
    expect(formatOfAnswer("text/plain", "/")).toBe("txt");
    expect(formatOfAnswer("application/octet-stream", "/a.PDF")).toBe("pdf");
    expect(formatOfAnswer("", "/a")).toBeNull();
    expect(formatOfAnswer("image/png", "/a.md")).toBeNull();
  });
});
