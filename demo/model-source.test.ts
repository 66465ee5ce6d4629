/** @file Tests of sources as visitors give them. */
import { describe, expect, it } from "vitest";
import { folderOfFiles, originName, parseSource, sourceOfOrigin } from "./model-source.ts";

const NONE = { endpoint: "", token: "", path: "" };

describe("parseSource", () => {
  it("takes a URL", () => {
    const name = "https://packs.example/4b/";
    expect(parseSource({ ...NONE, address: ` ${name} ` })).toEqual({ name, source: { url: name } });
  });

  it("takes a hub id, with a revision or without", () => {
    for (const name of ["someone/Qwen3-Embedding-4B-strata", "a.b/c_d@refs/pr/1"]) {
      expect(parseSource({ ...NONE, address: name })).toEqual({ name, source: { hub: name } });
    }
  });

  it("adds mirror, token and folder to a hub id, and not to a URL", () => {
    const more = { endpoint: "https://mirror.example", token: "secret", path: "packs/q4" };
    expect(parseSource({ ...more, address: "a/b" })?.source).toEqual({ hub: "a/b", ...more });
    expect(parseSource({ ...more, address: "https://a.example/" })?.source).toEqual({ url: "https://a.example/" });
  });

  it.each(["", "qwen", "a/b/c", "a b/c", "ftp://a.example/", "https://["])("refuses %j", (address) => {
    expect(parseSource({ ...NONE, address })).toBeNull();
  });

  it("refuses an endpoint that is no URL", () => {
    expect(parseSource({ ...NONE, address: "a/b", endpoint: "mirror" })).toBeNull();
  });
});

describe("folderOfFiles", () => {
  it("is named after the folder", () => {
    const file = Object.assign(new File([], "manifest.json"), { webkitRelativePath: "my-pack/manifest.json" });
    expect(folderOfFiles([file])).toEqual({ name: "my-pack", source: { folder: [file] } });
    expect(folderOfFiles([])).toBeNull();
  });
});

describe("sourceOfOrigin", () => {
  it("is the origin, unless that was a folder", () => {
    expect(sourceOfOrigin({ hub: "a/b" })).toEqual({ hub: "a/b" });
    expect(sourceOfOrigin({ folder: "stick" })).toBeNull();
    expect(sourceOfOrigin(null)).toBeNull();
    expect([{ hub: "a/b" }, { folder: "stick" }, { url: "u" }, null].map(originName)).toEqual([
      "a/b",
      "stick",
      "u",
      "",
    ]);
  });
});
