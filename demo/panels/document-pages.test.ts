/** @file Tests of the list of documents, and of saved libraries among files. */
import { describe, expect, it } from "vitest";
import type { DocumentEntry } from "../../src/index.ts";
import { matchDocuments, nameOf, PAGE_SIZE, pageOf } from "./document-pages.ts";
import { libraryFileName, splitLibraries } from "./library-file.ts";

const entry = (id: string, title: string | null): DocumentEntry => ({
  id,
  title,
  metadata: {},
  passages: 1,
  vectors: 1,
  length: 1,
  addedAt: 0,
});

const documents = [entry("notes/tea.md", "Green tea"), entry("notes/coffee.md", null), entry("x", "Tea and coffee")];

describe("matchDocuments", () => {
  it("lists the newest first", () => {
    expect(matchDocuments(documents, " ").map(nameOf)).toEqual(["Tea and coffee", "notes/coffee.md", "Green tea"]);
  });

  it("finds all words in title or id, whatever their case", () => {
    expect(matchDocuments(documents, "COFFEE").map(({ id }) => id)).toEqual(["x", "notes/coffee.md"]);
    expect(matchDocuments(documents, "tea coffee").map(({ id }) => id)).toEqual(["x"]);
    expect(matchDocuments(documents, "tea milk")).toEqual([]);
  });
});

describe("pageOf", () => {
  it("cuts the list, and stays on it when it gets shorter", () => {
    const many = Array.from({ length: PAGE_SIZE + 1 }, (_, at) => entry(String(at), null));
    expect(pageOf(many, 1)).toMatchObject({
      page: 1,
      pages: 2,
      matches: PAGE_SIZE + 1,
      entries: [{ id: String(PAGE_SIZE) }],
    });
    expect(pageOf(many.slice(1), 1)).toMatchObject({ page: 0, pages: 1 });
    expect(pageOf([], 3)).toEqual({ entries: [], page: 0, pages: 1, matches: 0 });
  });
});

describe("splitLibraries", () => {
  it("tells a saved library by its first bytes", async () => {
    const saved = { kind: "file", name: "a.txt", file: new Blob(["STRATAIX\u0001"]) } as const;
    const other = { kind: "file", name: "b.strata", file: new Blob(["STRATA"]) } as const;
    const link = { kind: "url", url: "https://example.org/" } as const;
    const { libraries, rest } = await splitLibraries({ sources: [saved, other, link], refusals: [] });
    expect(libraries).toEqual([saved.file]);
    expect(rest.sources).toEqual([other, link]);
  });
});

describe("libraryFileName", () => {
  it("has the day in it", () => expect(libraryFileName(new Date(0))).toBe("library-1970-01-01.strata-index"));
});
