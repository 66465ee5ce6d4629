import { describe, expect, it } from "vitest";
import type { SearchFilter } from "../search-types.ts";
import { compileFilter } from "./filter.ts";

const documents = [
  { id: "a", metadata: { kind: "pdf", year: 1999, draft: false } },
  { id: "b", metadata: { kind: "txt", year: 2004, draft: true } },
  { id: "c", metadata: { kind: "pdf", year: "2004" } },
  { id: "d", metadata: {} },
];

const found = (filter: unknown): string =>
  documents
    .filter(compileFilter(filter as SearchFilter))
    .map(({ id }) => id)
    .join("");

describe("compileFilter", () => {
  it("lets all through that is not ruled out", () => {
    expect(found({})).toBe("abcd");
    expect(found({ metadata: {} })).toBe("abcd");
    expect(found({ documentIds: undefined, metadata: undefined })).toBe("abcd");
  });

  it("goes by id, value, list and range, and wants all of them", () => {
    expect(found({ documentIds: ["d", "a", "zzz"] })).toBe("ad");
    expect(found({ metadata: { kind: "pdf" } })).toBe("ac");
    expect(found({ metadata: { draft: false } })).toBe("a");
    expect(found({ metadata: { year: [2004, 1999] } })).toBe("ab");
    expect(found({ metadata: { year: { gte: 1999, lte: 2003 } } })).toBe("a");
    expect(found({ metadata: { year: { gte: 1999 } } })).toBe("ab");
    expect(found({ documentIds: ["b", "c"], metadata: { kind: "pdf" } })).toBe("c");
  });

  it("lets nothing through for an empty list", () => {
    expect(found({ documentIds: [] })).toBe("");
    expect(found({ metadata: { kind: [] } })).toBe("");
  });

  it("takes only a document's own fields, never a text for a number", () => {
    expect(found({ metadata: { constructor: ["x"] } })).toBe("");
    expect(found({ metadata: { year: "2004" } })).toBe("c");
    expect(found({ metadata: { year: {} } })).toBe("ab");
  });

  it.each([
    ["filter", null],
    ["filter", []],
    ["filter", { ids: ["a"] }],
    ["documentIds", { documentIds: "a" }],
    ["documentIds", { documentIds: [1] }],
    ["metadata", { metadata: ["a"] }],
    ["metadata.kind", { metadata: { kind: null } }],
    ["metadata.kind", { metadata: { kind: [null] } }],
    ["metadata.kind", { metadata: { kind: { gt: 1 } } }],
    ["metadata.kind", { metadata: { kind: { gte: NaN } } }],
    ["metadata.kind", { metadata: { kind: { lte: "9" } } }],
    ["metadata.kind", { metadata: { kind: NaN } }],
  ])("refuses %s of an unknown form: %j", (field, filter) => {
    expect(() => compileFilter(filter as SearchFilter)).toThrow(
      expect.objectContaining({ code: "invalid-input", details: { field } }),
    );
  });
});
