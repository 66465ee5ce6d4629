import { describe, expect, it } from "vitest";
import { MAX_DOCUMENTS } from "./limits.ts";
import { readCsv } from "./read-csv.ts";
import { readJson, readJsonLines } from "./read-json.ts";
import type { ReadRow } from "./rows.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const csv = (text: string, delimiter: "" | "\t" = ""): Promise<ReadRow[]> =>
  readCsv(bytes(text), { charset: null, delimiter });

describe("readCsv", () => {
  it("makes title, text and fields of the columns that are called so", async () => {
    expect(await csv('Name,Year,Body,Zip\nA,1990,"one\n\ntwo",01234\n\nB,2001.5,three,\n')).toEqual([
      { title: "A", text: "one\n\ntwo", metadata: { Year: 1990, Zip: "01234" }, number: 1 },
      { title: "B", text: "three", metadata: { Year: 2001.5 }, number: 2 },
    ]);
  });

  it("lists the columns where none is prose", async () => {
    const long = "x".repeat(200);
    expect(await csv(`title;colour;story\nA;red;${long}\nB;;y\n`)).toEqual([
      { title: "A", text: `colour: red\nstory: ${long}`, metadata: { colour: "red" }, number: 1 },
      { title: "B", text: "story: y", metadata: {}, number: 2 },
    ]);
  });

  it("keeps a column as text where one value is no amount", async () => {
    const rows = await csv("text,size\na,1\nb,1 m\nc,007\n");
    expect(rows.map(({ metadata }) => metadata)).toEqual([{ size: "1" }, { size: "1 m" }, { size: "007" }]);
  });

  it("reads tabs, odd column names and rows of any length", async () => {
    const [row] = await csv("a\ta\t__proto__\n1\t2\t3\t4\n", "\t");
    expect(row?.text).toBe("a: 1\na (2): 2\n__proto__: 3\ncolumn 4: 4");
    expect(Object.entries(row?.metadata ?? {})).toContainEqual(["__proto__", 3]);
  });

  it("shows markup and formulas as they are, without bidi controls", async () => {
    const [row] = await csv('text\n"<script>alert(1)</script>=HYPERLINK(1)\u202E"\n');
    expect(row?.text).toBe("<script>alert(1)</script>=HYPERLINK(1)");
  });

  it("refuses a quote that is never closed, and too many rows", async () => {
    await expect(csv('text\nfine\n"open\nlost\nlost\n')).rejects.toMatchObject({ reason: "damaged" });
    await expect(csv("text\n" + "x\n".repeat(MAX_DOCUMENTS + 1))).rejects.toMatchObject({
      reason: "too-many-documents",
    });
    expect(await csv("text\n" + "x\n".repeat(MAX_DOCUMENTS))).toHaveLength(MAX_DOCUMENTS);
  });

  it("finds nothing in an empty table", async () => {
    expect(await csv("")).toEqual([]);
    expect(await csv("a,b\n,\n")).toEqual([]);
  });
});

describe("readJsonLines", () => {
  it("reads one document a line: objects by their fields, strings as text", () => {
    const lines = '{"title":"A","text":"one","year":1990,"tags":["x","y"],"by":{"name":"N"},"open":true}\n\n"two"\r\n';
    expect(readJsonLines(bytes(lines), null)).toEqual([
      { title: "A", text: "one", metadata: { year: 1990, tags: "x, y", "by.name": "N", open: true }, number: 1 },
      { title: null, text: "two", metadata: {}, number: 2 },
    ]);
  });

  it("names the line that is no JSON", () => {
    const read = (): unknown => readJsonLines(bytes('{"text":"a"}\n\n{"text":\n'), null);
    expect(read).toThrow(expect.objectContaining({ reason: "damaged", message: expect.stringContaining("Line 3") }));
  });
});

describe("readJson", () => {
  it("reads a list, the only list of an object, or one document", () => {
    const texts = (json: string): string[] => readJson(bytes(json), null).map(({ text }) => text);
    expect(texts('[{"text":"a"},{"text":"b"}]')).toEqual(["a", "b"]);
    expect(texts('{"version":1,"items":[{"text":"a"}]}')).toEqual(["a"]);
    expect(texts('{"text":"a","tags":["b"]}')).toEqual(["a"]);
    expect(texts('["a","b"]')).toEqual(["a", "b"]);
    expect(texts("[]")).toEqual([]);
  });

  it("bears deep and odd values", () => {
    const deep = `${'{"a":'.repeat(3000)}1${"}".repeat(3000)}`;
    expect(readJson(bytes(deep), null)[0]?.text).toContain('{"a":');
    expect(readJson(bytes('[null, 5, {"text": "\\ud800"}]'), null).map(({ text }) => text)).toEqual(["5", "\uFFFD"]);
    expect(() => readJson(bytes("{"), null)).toThrow(expect.objectContaining({ reason: "damaged" }));
  });
});
