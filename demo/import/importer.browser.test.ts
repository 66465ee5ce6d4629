import { afterAll, describe, expect, it } from "vitest";
import { makeFixtures } from "../../tools/make-fixtures/fixtures.ts";
import { makePdf } from "../../tools/make-fixtures/pdf.ts";
import { Importer } from "./importer.ts";
import { MAX_FILE_BYTES } from "./limits.ts";
import type { ImportOutcome } from "./outcome.ts";
import type { SearchDocument } from "../../src/index.ts";

const importer = new Importer();
afterAll(() => importer.dispose());

const read = (name: string, ...parts: BlobPart[]): Promise<ImportOutcome> =>
  importer.read({ kind: "file", name, file: new Blob(parts) });
const bytes = (array: Uint8Array): ArrayBuffer => array.slice().buffer;
const refusal = (outcome: ImportOutcome): string | null => ("refused" in outcome ? outcome.refused : null);

function documentsOf(outcome: ImportOutcome): readonly SearchDocument[] {
  return "documents" in outcome ? outcome.documents : expect.unreachable(JSON.stringify(outcome));
}

async function readFixture(name: string): Promise<readonly SearchDocument[]> {
  const file = makeFixtures().get(name) ?? expect.unreachable(name);
  return documentsOf(await read(`folder/${name}`, bytes(file)));
}

async function readPdf(name: string, file: Uint8Array): Promise<SearchDocument> {
  const [document] = documentsOf(await read(name, bytes(file)));
  return document ?? expect.unreachable();
}

function headingsOf({ text, headings = [] }: SearchDocument): string[] {
  return headings.map(({ start, end, level }) => "#".repeat(level) + text.slice(start, end));
}

describe("Importer", () => {
  it("reads a file of each kind", async () => {
    const [tide] = await readFixture("tide-mills.pdf");
    expect(tide).toMatchObject({
      title: "Tide mills",
      metadata: { pages: 3, source: "tide-mills.pdf", folder: "folder", type: "pdf" },
    });
    expect(headingsOf(tide ?? expect.unreachable())).toEqual([
      "#Page 1",
      "##How a tide mill works",
      "#Page 2",
      "##Old mills",
      "#Page 3",
      "##Power from the tide",
    ]);
    expect(tide?.text).toContain("lets the flood tide into a millpond behind a dam.\n\nWhen the tide has gone out");
    expect(tide?.text).not.toContain("Tide mills - 1");

    const texts = async (name: string): Promise<string[]> =>
      (await readFixture(name)).map(({ title, text }) => `${title}: ${text}`);
    expect(await texts("lighthouse.md")).toEqual([expect.stringMatching(/^Keeping a lighthouse: .*Fresnel/s)]);
    expect(await texts("bees.docx")).toEqual([expect.stringMatching(/^The year of a bee hive: .*two thousand eggs/s)]);
    expect(await texts("salt.epub")).toEqual([expect.stringMatching(/^A short book of salt: .*Hallstatt/s)]);
    expect(await texts("bridges.csv")).toHaveLength(3);
    expect(await texts("hostile.html")).toEqual([expect.stringContaining("Visible text with a link.\n\nsafe")]);
    expect(Object.hasOwn(globalThis, "ran")).toBe(false);
  });

  it("takes a PDF's headings from its table of contents", async () => {
    const lines = ["Chapter One", "Text of one.", "Text of two."].map((text, index) => ({ text, y: 700 - 60 * index }));
    const outline = [
      { title: "Chapter One", page: 0, top: 716 },
      { title: "Two", page: 0, top: 596 },
    ];
    const document = await readPdf("a.pdf", makePdf({ pages: [lines], outline }));
    expect(document.text).toBe("Chapter One\n\nText of one.\n\nTwo\n\nText of two.");
    expect(headingsOf(document)).toEqual(["#Chapter One", "#Two"]);
  });

  it("reads a PDF in an encoding of its language", async () => {
    const file = makePdf({ pages: [[{ text: "90858ED4", y: 700 }]], japaneseEncoding: "90ms-RKSJ-H" });
    expect((await readPdf("a.pdf", file)).text).toBe("Page 1\n\n水車");
  });

  it("says why a PDF is not taken", async () => {
    const whole = makePdf({ pages: [[{ text: "x", y: 700 }]] });
    expect(refusal(await read("a.pdf", bytes(makePdf({ pages: [[]], access: "locked" }))))).toBe("encrypted");
    expect(refusal(await read("a.pdf", bytes(makePdf({ pages: [[], []] }))))).toBe("no-text-layer");
    expect(refusal(await read("a.pdf", bytes(whole.subarray(0, 400))))).toBe("damaged");
    expect(refusal(await read("a.pdf", "no PDF"))).toBe("damaged");
    expect(refusal(await read("a.pdf"))).toBe("empty");
  });

  it("refuses by name and size without reading, and goes on with the next", async () => {
    const huge = new Blob(Array<ArrayBuffer>(5).fill(new ArrayBuffer(MAX_FILE_BYTES / 4)));
    expect(refusal(await importer.read({ kind: "file", name: "a.txt", file: huge }))).toBe("too-large");
    expect(refusal(await read("a.exe", "x"))).toBe("not-a-text-type");
    expect(documentsOf(await read("a.txt", "x"))).toHaveLength(1);
  });

  it("reads HTML in the encoding that it names", async () => {
    const [document] = documentsOf(
      await read("a.html", '<meta charset="windows-1252">', bytes(Uint8Array.of(0x80)), " 5"),
    );
    expect(document?.text).toBe("€ 5");
  });

  it("reads pasted text and addresses", async () => {
    const pasted = await importer.read({
      kind: "text",
      name: "pasted-1",
      text: "\nFirst line\n\nmore",
      format: "plain",
    });
    expect(documentsOf(pasted)).toMatchObject([{ id: "pasted-1", title: "First line", text: "First line\n\nmore" }]);
    const url = new URL("/e2e/fixtures/lighthouse.md", location.href).href;
    expect(documentsOf(await importer.read({ kind: "url", url }))).toMatchObject([
      { id: url, metadata: { source: "lighthouse.md", type: "md" } },
    ]);
    expect(refusal(await importer.read({ kind: "url", url: "ftp://example.org/" }))).toBe("url-invalid");
  });

  it("gives many rows in their order", async () => {
    const rows = Array.from({ length: 1000 }, (_, index) => `row ${index}`);
    expect(documentsOf(await read("a.csv", `text\n${rows.join("\n")}\n`)).map(({ text }) => text)).toEqual(rows);
  });

  it("stops what is aborted, at once, and reads what waits behind it", async () => {
    const abort = new AbortController();
    // Seconds of work.
    const slow = new Blob(["<div>".repeat(4_000), "</x>".repeat(2_000_000)]);
    const stopped = importer.read({ kind: "file", name: "slow.html", file: slow }, { signal: abort.signal });
    const next = read("next.txt", "x");
    const rejected = expect(stopped).rejects.toThrow("enough");
    abort.abort(new Error("enough"));
    await rejected;
    expect(documentsOf(await next)).toHaveLength(1);
    await expect(importer.read({ kind: "text", name: "a", text: "x" }, { signal: abort.signal })).rejects.toThrow(
      "enough",
    );
  });

  it("ends what is being read when it is disposed", async () => {
    const other = new Importer();
    const reading = other.read({ kind: "text", name: "a", text: "x" });
    other.dispose();
    await expect(reading).rejects.toMatchObject({ name: "AbortError" });
    await expect(other.read({ kind: "text", name: "a", text: "x" })).rejects.toMatchObject({ name: "AbortError" });
  });
});
