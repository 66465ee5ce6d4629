import { describe, expect, it } from "vitest";
import { checkDocuments, checkPassageOptions, checkSearchRequest } from "./document-input.ts";

const refusal = (details: object): unknown => expect.objectContaining({ code: "invalid-input", details });

describe("checkDocuments", () => {
  it("passes what is right, with the known fields alone", () => {
    const document = {
      id: "x",
      text: "A\nlone \ud800",
      title: "",
      headings: [{ start: 0, end: 1, level: 2 }],
      format: "markdown",
      metadata: { a: "1", b: 2, c: false },
    };
    expect(checkDocuments([{ ...document, other: 1, headings: [{ ...document.headings[0], other: 1 }] }])).toEqual([
      document,
    ]);
    expect(checkDocuments([{ id: "x", text: "", title: undefined }])).toEqual([{ id: "x", text: "" }]);
    expect(checkDocuments([])).toEqual([]);
  });

  it.each([
    ["id", { id: "" }],
    ["id", { id: 7 }],
    ["id", { id: "x".repeat(1025) }],
    ["text", { text: null }],
    ["title", { title: null }],
    ["format", { format: "html" }],
    ["headings", { headings: {} }],
    ["headings", { headings: [null] }],
    ["headings", { headings: [{ start: 0, end: 9, level: 1 }] }],
    ["headings", { headings: [{ start: 2, end: 1, level: 1 }] }],
    ["headings", { headings: [{ start: 0, end: 1, level: 0 }] }],
    [
      "headings",
      {
        headings: [
          { start: 0, end: 2, level: 1 },
          { start: 1, end: 3, level: 1 },
        ],
      },
    ],
    ["metadata", { metadata: [] }],
    ["metadata.a", { metadata: { a: null } }],
    ["metadata.a", { metadata: { a: NaN } }],
    ["metadata.a", { metadata: { a: [1] } }],
  ])("refuses a wrong %s, and says where: %j", (field, wrong) => {
    const documents = [
      { id: "first", text: "" },
      { id: "x", text: "text", ...wrong },
    ];
    expect(() => checkDocuments(documents)).toThrow(refusal({ index: 1, field }));
  });

  it("refuses an id that comes twice, a hole, and what is no array", () => {
    const document = { id: "x", text: "" };
    expect(() => checkDocuments([document, document])).toThrow(refusal({ index: 1, field: "id" }));
    expect(() => checkDocuments(new Array(1))).toThrow(refusal({ index: 0 }));
    expect(() => checkDocuments(document)).toThrow(refusal({}));
  });

  it("keeps a field of metadata that is named as a prototype is", () => {
    const metadata = JSON.parse('{"__proto__": "x"}') as object;
    expect(Object.entries(checkDocuments([{ id: "x", text: "", metadata }])[0]!.metadata!)).toEqual([
      ["__proto__", "x"],
    ]);
  });
});

describe("checkPassageOptions", () => {
  it("fills in what is left out", () => {
    expect(checkPassageOptions(undefined)).toEqual({ maxTokens: 256, overlapTokens: 32 });
    expect(checkPassageOptions({ maxTokens: Infinity })).toEqual({ maxTokens: Infinity, overlapTokens: 32 });
    expect(checkPassageOptions({ maxTokens: 16 })).toEqual({ maxTokens: 16, overlapTokens: 4 });
    expect(checkPassageOptions({ overlapTokens: 0 })).toEqual({ maxTokens: 256, overlapTokens: 0 });
  });

  it.each([
    ["maxTokens", { maxTokens: 15 }],
    ["maxTokens", { maxTokens: 20.5 }],
    ["maxTokens", { maxTokens: "64" }],
    ["overlapTokens", { overlapTokens: -1 }],
    ["overlapTokens", { maxTokens: 64, overlapTokens: 64 }],
    ["passages", null],
  ])("refuses a wrong %s: %j", (field, options) => {
    expect(() => checkPassageOptions(options)).toThrow(refusal({ field }));
  });
});

describe("checkSearchRequest", () => {
  it("fills in what is left out and leaves out what is no part of it", () => {
    const usual = { topK: 10, mode: "hybrid", perDocument: Infinity, filter: null };
    expect(checkSearchRequest(undefined)).toEqual(usual);
    expect(checkSearchRequest({ instruction: "x", signal: null })).toEqual(usual);
    const request = { topK: 3, mode: "lexical", perDocument: 1, filter: { documentIds: ["a"] } };
    expect(checkSearchRequest(request)).toEqual(request);
  });

  it.each([
    ["topK", { topK: 0 }],
    ["topK", { topK: Infinity }],
    ["mode", { mode: "fuzzy" }],
    ["perDocument", { perDocument: 0.5 }],
    ["filter", { filter: { ids: [] } }],
  ])("refuses a wrong %s: %j", (field, request) => {
    expect(() => checkSearchRequest(request)).toThrow(refusal({ field }));
  });

  it("refuses what is no object", () => {
    expect(() => checkSearchRequest(null)).toThrow(refusal({}));
  });
});
