import { strToU8, zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { HIDDEN, HOSTILE_HTML } from "../../tools/make-fixtures/hostile.ts";
import { makeDocx, makeEpub } from "../../tools/make-fixtures/zipped.ts";
import { formatOfName } from "./formats.ts";
import { MAX_UNPACKED_BYTES } from "./limits.ts";
import { readDocuments } from "./read-file.ts";
import type { SearchDocument } from "../../src/index.ts";

/** As if the file had been dropped. */
function read(name: string, content: string | Uint8Array): Promise<SearchDocument[]> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return readDocuments({ name, format: formatOfName(name) ?? "txt", bytes, charset: null });
}

async function readOne(name: string, content: string | Uint8Array): Promise<SearchDocument> {
  const [document, ...others] = await read(name, content);
  expect(others).toEqual([]);
  return document ?? expect.unreachable();
}

function headingsOf({ text, headings = [] }: SearchDocument): string[] {
  return headings.map(({ start, end, level }) => "#".repeat(level) + text.slice(start, end));
}

describe("readDocuments", () => {
  it("says where a document is from, under an id that stays", async () => {
    expect(await readOne("notes/old/a.b.txt", "One\r\nline.\n\n\n\nTwo.")).toEqual({
      id: "notes/old/a.b.txt",
      title: "a.b",
      text: "One\nline.\n\nTwo.",
      headings: [],
      metadata: { source: "a.b.txt", folder: "notes/old", type: "txt" },
    });
    const rows = await read("t.csv", "title,type\nA,x\n,\nC,z\n");
    expect(rows.map(({ id, title, metadata }) => [id, title, metadata?.["type"], metadata?.["type (column)"]])).toEqual(
      [
        ["t.csv#1", "A", "csv", "x"],
        ["t.csv#2", "C", "csv", "z"],
      ],
    );
  });

  it("reads Markdown with the HTML in it and the title before it", async () => {
    const source = `---\ntags: [a]\ntitle: "The *title*"\n---\n# One\n\nA [link](javascript:alert(1)) <b onclick="x">bold</b>.\n\n${HIDDEN}\n\n<script>alert(1)</script>\n\nTwo\n---\n\n\`\`\`\n<script>code</script>\n  # no heading\n\`\`\`\n`;
    const document = await readOne("a.md", source);
    expect(document.title).toBe("The *title*");
    expect(document.text).toBe("One\n\nA link bold.\n\nsafe\n\nTwo\n\n<script>code</script>\n# no heading");
    expect(headingsOf(document)).toEqual(["#One", "##Two"]);
    expect((await readOne("b.md", "text\n\n# First\n\n# Second")).title).toBe("First");
  });

  it("reads HTML as the plain text of its page", async () => {
    const document = await readOne("x/hostile.html", HOSTILE_HTML);
    expect(document.title).toBe("Hostile <img src=x onerror=alert(1)> page");
    expect(headingsOf(document)).toEqual(["#Visible heading"]);
  });

  it("reads Word documents with their headings and without their links' addresses", async () => {
    const document = await readOne(
      "bees.docx",
      makeDocx("", [
        { text: "Bees & wasps", style: "Title" },
        { text: "Spring", style: "heading 2" },
        { text: `<script>alert(1)</script> ${HIDDEN}` },
        { text: "a link", link: "javascript:alert(1)" },
      ]),
    );
    expect(document.title).toBe("Bees & wasps");
    expect(document.text).toBe("Bees & wasps\n\nSpring\n\n<script>alert(1)</script> safe\n\na link");
    expect(headingsOf(document)).toEqual(["#Bees & wasps", "##Spring"]);
    expect((await readOne("b.docx", makeDocx("Named", [{ text: "x" }]))).title).toBe("Named");
  });

  it("reads a book's chapters in their order, with headings from its contents where they have none", async () => {
    const document = await readOne(
      "salt.epub",
      makeEpub("Salt", [
        { label: "Sea", html: "<h2>From the sea</h2><p>One.</p><script>alert(1)</script>" },
        { label: "Mountain", html: `<p onclick="alert(1)">Two. ${HIDDEN}</p>` },
      ]),
    );
    expect(document.title).toBe("Salt");
    expect(document.text).toBe("From the sea\n\nOne.\n\nMountain\n\nTwo. safe");
    expect(headingsOf(document)).toEqual(["##From the sea", "#Mountain"]);
    expect(document.metadata).toEqual({
      author: "Strata",
      language: "en",
      source: "salt.epub",
      folder: "",
      type: "epub",
    });
  });

  it("refuses what has no text", async () => {
    for (const name of ["a.txt", "a.md", "a.html", "a.csv"])
      await expect(read(name, " \n\u200B")).rejects.toMatchObject({ reason: "empty" });
    for (const name of ["a.json", "a.jsonl"])
      await expect(read(name, " \n\n")).rejects.toMatchObject({ reason: "empty" });
    await expect(read("b.html", "<script>x</script>")).rejects.toMatchObject({ reason: "empty" });
    await expect(read("a.docx", makeDocx("T", []))).rejects.toMatchObject({ reason: "empty" });
    await expect(read("a.json", "[]")).rejects.toMatchObject({ reason: "empty" });
  });

  it("refuses a file of another kind than its name says", async () => {
    const zip = zipSync({ "a.txt": strToU8("x") });
    await expect(read("a.txt", zip)).rejects.toMatchObject({ reason: "binary" });
    await expect(read("a.md", Uint8Array.of(1, 0, 2))).rejects.toMatchObject({ reason: "binary" });
    await expect(read("a.docx", "text")).rejects.toMatchObject({ reason: "damaged" });
    await expect(read("a.docx", zip)).rejects.toMatchObject({ reason: "damaged" });
    await expect(read("a.epub", zip)).rejects.toMatchObject({ reason: "damaged" });
    const oldWord = Uint8Array.of(0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1);
    await expect(read("a.docx", oldWord)).rejects.toMatchObject({ reason: "encrypted" });
  });

  it("refuses damaged archives, wherever they are cut", async () => {
    const whole = makeDocx("T", [{ text: "x" }]);
    for (let end = 0; end < whole.length; end += 97)
      await expect(read("a.docx", whole.subarray(0, end))).rejects.toMatchObject({ reason: "damaged" });
  });

  it("refuses a book whose chapters are encrypted", async () => {
    const encryption =
      '<encryption><EncryptedData><CipherData><CipherReference URI="OEBPS/c0.xhtml"/></CipherData></EncryptedData></encryption>';
    const { unzipSync } = await import("fflate");
    const files = unzipSync(makeEpub("T", [{ label: "a", html: "<p>x</p>" }]));
    const locked = zipSync({ ...files, "META-INF/encryption.xml": strToU8(encryption) });
    await expect(read("a.epub", locked)).rejects.toMatchObject({ reason: "encrypted" });
  });

  it("refuses archives that unpack to more than the limit, and those that lie about it", async () => {
    const bomb = zipSync({ "word/document.xml": new Uint8Array(1000) });
    // Of its one file, what the archive's directory says that it unpacks to.
    const stated = new DataView(bomb.buffer, bomb.byteOffset + bomb.length - 22 - "word/document.xml".length - 46 + 24);
    stated.setUint32(0, MAX_UNPACKED_BYTES + 1, true);
    await expect(read("a.docx", bomb)).rejects.toMatchObject({ reason: "too-large" });
    stated.setUint32(0, 10, true);
    await expect(read("a.docx", bomb)).rejects.toMatchObject({ reason: "damaged" });
  });

  it("keeps titles to a line of a card", async () => {
    const { title } = await readOne("a.html", `<title>${"word ".repeat(100)}</title>x`);
    expect(title).toHaveLength(200);
  });
});
