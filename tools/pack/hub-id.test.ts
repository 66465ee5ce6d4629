import { describe, expect, it } from "vitest";
import { isCommit, isFileName, parseHubId } from "./hub-id.ts";

describe("parseHubId", () => {
  it.each([
    ["acme/model", undefined, "main"],
    ["acme/model@v1.0", undefined, "v1.0"],
    ["acme/model", "refs/pr/3", "refs/pr/3"],
    ["acme/model@v1", "v1", "v1"],
  ])("reads %s with --revision %s", (text, pinned, revision) => {
    expect(parseHubId(text, pinned)).toEqual({ repo: "acme/model", revision });
  });

  it.each(["model", "a/b/c", "/a/b", "../b", "a/..", "a/.b", "a--b/c", "a b/c", "./models", "C:\\models", "a/b?c"])(
    "takes %s for no repository",
    (text) => expect(parseHubId(text)).toBeNull(),
  );

  it.each([
    ["acme/model@a", "b"],
    ["acme/model@a b", undefined],
    ["acme/model", "a?b"],
    ["acme/model", "-x"],
  ])("refuses %s with --revision %s", (text, pinned) => {
    expect(() => parseHubId(text, pinned)).toThrow(expect.objectContaining({ code: "invalid-input" }));
  });
});

describe("isCommit", () => {
  it("takes full hashes only", () => {
    expect(isCommit("0123456789abcdef0123456789abcdef01234567")).toBe(true);
    expect(isCommit("0123456")).toBe(false);
  });
});

describe("isFileName", () => {
  it("takes plain names only", () => {
    expect(isFileName("model-00001-of-00002.safetensors")).toBe(true);
    for (const name of ["", ".", "..", ".hidden", "a/b", "a\\b", "a\0", "x".repeat(201)]) {
      expect(isFileName(name)).toBe(false);
    }
  });
});
