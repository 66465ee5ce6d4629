/** @file Tests of reading and splitting a visitor's files. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeText, MAX_FILE_BYTES, MAX_PASSAGE_CHARACTERS, MAX_PASSAGE_WORDS } from "./import-files.ts";
import { readImport, splitPassages } from "./import-files.ts";

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const file = (name: string, content: string | Uint8Array<ArrayBuffer>): File => new File([content], name);
const sentence = "Granite cools slowly under the ground, so its crystals grow large.";
const wordsOf = (text: string): string[] => text.match(/\S+/g) ?? [];

describe("splitPassages", () => {
  it("keeps a paragraph whole and names the heading above it", () => {
    const paragraph = Array(5).fill(sentence).join(" ");
    expect(splitPassages(`# Rocks\n\n${paragraph}\n\n## Slow ones\n${paragraph}\n`)).toEqual([
      { heading: "Rocks", text: paragraph },
      { heading: "Slow ones", text: paragraph },
    ]);
  });

  it("joins short paragraphs, but not across a heading", () => {
    expect(splitPassages("One.\n\nTwo.\r\n\r\nThree.\n# Next\nFour.")).toEqual([
      { heading: null, text: "One. Two. Three." },
      { heading: "Next", text: "Four." },
    ]);
  });

  it("cuts a long paragraph at the end of a sentence", () => {
    const passages = splitPassages(Array(60).fill(sentence).join(" "));
    expect(passages.length).toBeGreaterThan(2);
    for (const { text } of passages) expect(text.endsWith("large.")).toBe(true);
  });

  it("cuts a sentence without an end between words", () => {
    const passages = splitPassages("and so on ".repeat(300));
    expect(passages.map(({ text }) => wordsOf(text).length)).toEqual([200, 200, 200, 200, 100]);
  });

  it("splits Chinese, which has no spaces, at its full stops", () => {
    const passages = splitPassages("花岗岩在地下慢慢冷却，所以晶体很大。".repeat(200));
    for (const { text } of passages) expect(text.endsWith("。")).toBe(true);
  });

  it("cleans what it splits", () => {
    expect(splitPassages("A\u0000b  <b>bold</b>\nclaim &amp; more.")).toEqual([
      { heading: null, text: "A b bold claim & more." },
    ]);
  });

  it("never makes a passage over the limits, nor an empty one, and loses no word", () => {
    const text = fc.array(fc.constantFrom("stone", "x".repeat(1700), "😀".repeat(900), ". ", "\n", "\n\n", " "), {
      maxLength: 600,
    });
    fc.assert(
      fc.property(text, (parts) => {
        const whole = parts.join("");
        const passages = splitPassages(whole);
        for (const passage of passages) {
          expect(passage.text.length).toBeGreaterThan(0);
          expect(passage.text.length).toBeLessThanOrEqual(MAX_PASSAGE_CHARACTERS);
          expect(wordsOf(passage.text).length).toBeLessThanOrEqual(MAX_PASSAGE_WORDS);
          expect(passage.text).not.toMatch(/\p{Surrogate}/u);
        }
        expect(
          passages
            .map((passage) => passage.text)
            .join("")
            .replace(/\s/g, ""),
        ).toBe(whole.replace(/\s/g, ""));
      }),
      { numRuns: 60 },
    );
  });
});

describe("decodeText", () => {
  it("reads UTF-8 with and without its mark", () => {
    expect(decodeText(utf8("\uFEFFnaïve"))).toEqual({ text: "naïve" });
    expect(decodeText(utf8("naïve"))).toEqual({ text: "naïve" });
  });

  it("reads UTF-16 by its mark, in either order", () => {
    expect(decodeText(Uint8Array.of(0xff, 0xfe, 0x61, 0, 0xe9, 0))).toEqual({ text: "aé" });
    expect(decodeText(Uint8Array.of(0xfe, 0xff, 0, 0x61, 0, 0xe9))).toEqual({ text: "aé" });
  });

  it("takes NUL for a sign of a binary file", () => {
    expect(decodeText(Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0))).toEqual({ refused: "binary" });
  });

  it("refuses Latin-1 instead of guessing", () => {
    expect(decodeText(Uint8Array.of(0x6e, 0x61, 0xef, 0x76, 0x65))).toEqual({ refused: "not-utf8" });
  });
});

describe("readImport", () => {
  it("reads HTML as headings and paragraphs, without scripts, styles and comments", async () => {
    const html = `<!doctype html><html><head><title>no</title><style>p{}</style></head><body>
      <h1 class="x">Hard &amp; <em>soft</em>
        rocks</h1><!-- <p>not this</p> --><p>Talc is <b>soft</b>.<br>Very.</p><ul><li>Quartz</li><li>Feldspar</li></ul>
      <SCRIPT>if (a < b) document.write("<p>nor this</p>")</SCRIPT><h2>End</h2>Tail`;
    expect(await readImport(file("Rocks.HTML", html))).toEqual({
      name: "Rocks.HTML",
      passages: [
        { heading: "Hard & soft rocks", text: "Talc is soft. Very. Quartz Feldspar" },
        { heading: "End", text: "Tail" },
      ],
    });
  });

  it("reads a script that is never closed as nothing", async () => {
    expect(await readImport(file("a.html", "<p>Seen</p><script>let unseen"))).toMatchObject({
      passages: [{ text: "Seen" }],
    });
  });

  it.each([
    ["photo.png", "x", "not-a-text-type"],
    ["no-extension", "x", "not-a-text-type"],
    ["huge.txt", "x".repeat(MAX_FILE_BYTES + 1), "too-large"],
    ["zip.txt", "PK\u0000", "binary"],
    ["blank.md", " \n\n \t", "empty"],
    ["tags.html", "<div><br></div>", "empty"],
  ])("refuses %s", async (name, content, refused) => {
    expect(await readImport(file(name, content))).toEqual({ name, refused });
  });

  it("reports a file that cannot be read, as a dropped folder", async () => {
    const folder = { name: "folder.txt", size: 4096, arrayBuffer: () => Promise.reject(new Error("a folder")) };
    expect(await readImport(folder)).toEqual({ name: "folder.txt", refused: "unreadable" });
  });

  it.each([
    ["tags without an end", "<p".repeat(MAX_FILE_BYTES / 2)],
    ["one endless tag name", `<${"a".repeat(MAX_FILE_BYTES - 1)}`],
    ["scripts without an end", "<script>".repeat(MAX_FILE_BYTES / 8)],
    ["a word without an end", "x".repeat(MAX_FILE_BYTES)],
    ["blank lines only", "\n ".repeat(MAX_FILE_BYTES / 2)],
    ["a heading of spaces", `#${" ".repeat(MAX_FILE_BYTES - 1)}`],
  ])("settles for the largest file of %s", async (_, content) => {
    expect(await readImport(file("hostile.html", content))).toMatchObject({ name: "hostile.html" });
  });
});
