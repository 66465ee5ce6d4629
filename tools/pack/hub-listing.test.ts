import { describe, expect, it } from "vitest";
import { chooseFiles, type HubFile, parseEntries } from "./hub-listing.ts";

/** Deeper than the stack is for what recurses. */
const DEEP_JSON = "[".repeat(100_000) + "]".repeat(100_000);
const DEEP: unknown = JSON.parse(DEEP_JSON);
const GIT = "a".repeat(40);
const SHA256 = "b".repeat(64);
const small = (path: string, size: unknown = 10) => ({ type: "file", path, size, oid: GIT });
const large = (path: string, size: unknown = 1000) => ({ ...small(path, 130), lfs: { oid: SHA256, size } });
const names = (files: readonly HubFile[]) => files.map(({ name }) => name);
const corrupt = expect.objectContaining({ code: "model-corrupt" });

const WHOLE = parseEntries(["config.json", "README.md"].map((path) => small(path)).concat(large("model.safetensors")));
const choose = (files: readonly HubFile[], index: string | null = null, gguf: string | null = null) =>
  names(chooseFiles(files, "acme/model", { index, gguf }));

describe("parseEntries", () => {
  it("keeps what packing reads, with the hash that the hub has of it", () => {
    const entries = [
      { type: "directory", path: "onnx", size: 0, oid: GIT },
      small(".gitattributes"),
      small("onnx/config.json"),
      small("an image.png"),
      small("config.json"),
      large("model.safetensors"),
    ];
    expect(parseEntries(entries)).toEqual([
      { name: "config.json", bytes: 10, hash: { kind: "git", hex: GIT } },
      { name: "model.safetensors", bytes: 1000, hash: { kind: "sha256", hex: SHA256 } },
    ]);
  });

  it.each([
    ["../model.safetensors"],
    ["a/../../config.json"],
    ["/etc/config.json"],
    ["a//b"],
    ["..\\model.safetensors"],
    ["C:model.safetensors"],
    ["model\n.safetensors"],
    [""],
    [7],
  ])("refuses the path %j", (path) => {
    expect(() => parseEntries([{ ...large("x"), path }])).toThrow(corrupt);
  });

  it.each([
    ["a name that a disk may not hold", [large("wéights.safetensors")]],
    ["a hidden one", [large(".safetensors")]],
    ["two that are one on some disks", [large("model.safetensors"), large("Model.safetensors")]],
    ["no size", [large("model.safetensors", undefined), { ...small("config.json"), size: undefined }]],
    ["a negative size", [large("model.safetensors", -1)]],
    ["a size that is no number", [large("model.safetensors", "1000")]],
    ["more than any model has", [large("model.safetensors", 2 ** 40)]],
    ["a small file that is large", [small("config.json", 2 ** 30)]],
    ["no hash", [{ ...small("config.json"), oid: undefined }]],
    ["the hash of something else", [{ ...large("model.safetensors"), lfs: { oid: GIT, size: 1 } }]],
    ["no entry", [null]],
    ["a path that nests deeply", [{ ...large("x"), path: DEEP }]],
    ["a size that nests deeply", [large("model.safetensors", DEEP)]],
    ["a hash that nests deeply", [{ ...small("config.json"), oid: DEEP }]],
    ["a hash that cannot be made a text", [{ ...small("config.json"), oid: { toString: 1 } }]],
    ["a path of megabytes", [{ ...large("x"), path: `/${"x".repeat(2 ** 20)}` }]],
  ])("refuses %s", (_what, entries) => {
    expect(() => parseEntries(entries)).toThrow(corrupt);
    expect(() => parseEntries(entries)).toThrow(/^.{1,400}$/);
  });
});

describe("chooseFiles", () => {
  it("takes every safetensors file, or those that the index names", () => {
    expect(choose(WHOLE)).toEqual(["config.json", "README.md", "model.safetensors"]);
    const files = [...WHOLE, ...parseEntries([large("a.safetensors"), large("model.gguf")])];
    const index = JSON.stringify({ weight_map: { x: "a.safetensors", y: "a.safetensors" } });
    expect(choose(files, index)).toEqual(["config.json", "README.md", "a.safetensors"]);
  });

  it("takes the GGUF file that was asked for instead", () => {
    const files = parseEntries([large("q8.gguf"), large("q4.gguf"), small("tokenizer.json"), small("LICENSE")]);
    expect(choose(files, null, "q8.gguf")).toEqual(["LICENSE", "q8.gguf"]);
    const failure = { code: "model-not-found", message: expect.stringContaining("q8.gguf, q4.gguf") };
    expect(() => choose(files, null, "q2.gguf")).toThrow(expect.objectContaining(failure));
  });

  it("lists the GGUF files of a repository that has nothing else", () => {
    const files = parseEntries([large("q8.gguf"), large("q4.gguf")]);
    const message = expect.stringMatching(/q8\.gguf, q4\.gguf; choose one with --file NAME\.gguf/);
    expect(() => choose(files)).toThrow(expect.objectContaining({ code: "model-not-found", message }));
  });

  it.each([
    ["weights", parseEntries([small("config.json")]), null],
    ["config.json", parseEntries([large("model.safetensors")]), null],
    ["a shard", WHOLE, JSON.stringify({ weight_map: { x: "gone.safetensors" } })],
  ])("says that there is no %s", (_what, files, index) => {
    expect(() => choose(files, index)).toThrow(expect.objectContaining({ code: "model-not-found" }));
  });

  it.each(["{", "null", "{}", '{"weight_map":{"x":"../a.safetensors"}}', '{"weight_map":{"x":1}}'])(
    "refuses the index %s",
    (index) => expect(() => choose(WHOLE, index)).toThrow(corrupt),
  );

  it.each([
    ["nests deeply", DEEP_JSON],
    ["has megabytes", JSON.stringify("x".repeat(2 ** 20))],
  ])("refuses an index with a name that %s, in few words", (_, name) => {
    expect(() => choose(WHOLE, `{"weight_map":{"x":${name}}}`)).toThrow(corrupt);
    expect(() => choose(WHOLE, `{"weight_map":{"x":${name}}}`)).toThrow(/^.{1,400}$/);
  });

  it("refuses more files, and more bytes, than any model has", () => {
    const many = Array.from({ length: 501 }, (_, i) => large(`model-${i}.safetensors`));
    expect(() => choose([...WHOLE, ...parseEntries(many)])).toThrow(corrupt);
    const big = Array.from({ length: 3 }, (_, i) => large(`model-${i}.safetensors`, 2 ** 35));
    expect(() => choose([...WHOLE, ...parseEntries(big)])).toThrow(corrupt);
  });
});
