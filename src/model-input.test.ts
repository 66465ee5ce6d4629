/** @file Tests of what callers may pass as a source of a model. */
import { describe, expect, it } from "vitest";
import type { UrlSource } from "./delivery.ts";
import { EmbedError } from "./errors.ts";
import { checkFetch, checkModelSource } from "./model-input.ts";

const PAGE = "https://example.org/app/index.html";

/** What is thrown for values, of which a TypeScript caller could not pass some. */
function refusal(model: unknown, page: string | undefined = PAGE): EmbedError {
  try {
    checkModelSource(model as string, page);
  } catch (error) {
    expect(error).toBeInstanceOf(EmbedError);
    expect(error).toMatchObject({ code: "invalid-input" });
    return error as EmbedError;
  }
  return expect.fail("nothing was thrown");
}

const check = (model: unknown) => checkModelSource(model as string, PAGE);

describe("checkModelSource", () => {
  it("makes a folder's absolute URL of a text, a URL and a source with url", () => {
    const expected = { url: "https://example.org/app/models/nano/" };
    expect(check("models/nano")).toEqual(expected);
    expect(check(new URL("https://example.org/app/models/nano"))).toEqual(expected);
    expect(check({ url: "models/nano/" })).toEqual(expected);
  });

  it("keeps headers as a plain object", () => {
    const headers = { Authorization: "Bearer t", "X-Key": "k" };
    expect(check({ url: "a", headers })).toEqual({ url: "https://example.org/app/a/", headers });
    const { headers: plain } = check({ url: "a", headers: new Headers(headers) }) as UrlSource;
    expect(plain).toEqual({ authorization: "Bearer t", "x-key": "k" });
    expect(structuredClone(plain)).toEqual(plain);
  });

  it.each([
    ["owner/repo"],
    ["Qwen/Qwen3-Embedding-0.6B"],
    ["o-w_n.er/r@main"],
    ["owner/repo@refs/pr/12"],
    ["owner/repo@0a1b2c3d4e5f"],
  ])("takes the hub id %j", (hub) => {
    expect(check({ hub })).toEqual({ hub });
  });

  it.each([
    ["repo"],
    ["owner/repo/more"],
    ["owner/"],
    ["../repo"],
    ["owner/.."],
    ["owner/repo@"],
    ["owner/repo@a/../b"],
    ["owner/repo@a b"],
    ["owner/repo?x=1"],
    ["owner/repo\n"],
    [""],
    [7],
    [null],
  ])("refuses the hub id %j", (hub) => {
    const error = refusal({ hub });
    expect(error.details).toEqual({ option: "model.hub", value: hub });
    expect(error.message).toContain("owner/repo");
  });

  it("keeps a hub's folder, address and token", () => {
    const source = { hub: "a/b", path: "packs/q4/", endpoint: "https://mirror.example/hub", token: "hf_x" };
    expect(check(source)).toEqual({ ...source, path: "packs/q4" });
    expect(check({ hub: "a/b", path: "", endpoint: undefined, token: undefined })).toEqual({ hub: "a/b" });
  });

  it.each([
    ["path", "/packs"],
    ["path", "packs//q4"],
    ["path", "../packs"],
    ["path", "packs/./q4"],
    ["path", 3],
    ["endpoint", "mirror.example"],
    ["endpoint", "/hub"],
    ["endpoint", "ftp://mirror.example"],
    ["endpoint", ""],
  ])("refuses a hub's %s %j", (field, value) => {
    expect(refusal({ hub: "a/b", [field]: value }).details).toEqual({ option: `model.${field}`, value });
  });

  it("makes an array of a list of files", () => {
    const files = [new File(["a"], "manifest.json"), new File(["b"], "layer-00.bin")];
    const list = { length: 2, 0: files[0], 1: files[1] };
    expect(check({ folder: files })).toEqual({ folder: files });
    const { folder } = check({ folder: list }) as { folder: File[] };
    expect(Array.isArray(folder)).toBe(true);
    expect(folder).toEqual(files);
  });

  it.each([[[]], [["manifest.json"]], ["models"], [{}], [null]])("refuses the folder %j", (folder) => {
    expect(refusal({ folder }).details).toMatchObject({ option: "model.folder" });
  });

  it("refuses what is no place on the web, a path of Windows too", () => {
    for (const url of ["file:///models/nano/", "ftp://example.org/nano/", "C:\\models\\nano"]) {
      expect(refusal({ url })).toMatchObject({ code: "invalid-input", details: { option: "model.url", value: url } });
    }
  });

  it("takes a stored pack by its id or name", () => {
    expect(check({ stored: "nano-0123456789ab" })).toEqual({ stored: "nano-0123456789ab" });
    expect(refusal({ stored: "" }).details).toEqual({ option: "model.stored", value: "" });
    expect(refusal({ stored: 5 }).details).toEqual({ option: "model.stored", value: 5 });
  });

  it("names what makes it no source, or two", () => {
    expect(refusal({}).message).toBe("model has none of url, hub, folder, stored; a source has exactly one");
    expect(refusal({ url: "a", stored: "b" }).details).toEqual({ option: "model", given: ["url", "stored"] });
    expect(refusal([]).message).toContain("none of");
    expect(check({ url: "a", hub: undefined })).toEqual({ url: "https://example.org/app/a/" });
  });

  it("names an option of another source, which would be lost", () => {
    const error = refusal({ url: "a", token: "hf_secret" });
    expect(error.details).toEqual({ option: "model.token", allowed: ["url", "headers"] });
    expect(refusal({ hub: "a/b", headers: {} }).details).toMatchObject({ option: "model.headers" });
  });

  it.each([
    [{ url: "a", headers: { Authorization: "hf_secret\r\nX-Other: 1" } }],
    [{ url: "a", headers: { Authorization: "hf_secret\u2713" } }],
    [{ url: "a", headers: { "Authorization: hf_secret": "x" } }],
    [{ url: "a", headers: "Authorization: hf_secret" }],
    [{ url: "a", headers: [["Authorization", "hf_secret"]] }],
    [{ url: "a", headers: { Authorization: { value: "hf_secret" } } }],
    [{ url: "a", headers: null }],
    [{ hub: "a/b", token: "hf_secret\n" }],
    [{ hub: "a/b", token: "" }],
    [{ hub: "a/b", token: ["hf_secret"] }],
    [{ hub: "a b", token: "hf_secret" }],
    [{ hub: "a/b", endpoint: "https://me:hf_secret@mirror.example", token: "hf_secret" }],
    [{ url: "https://me:hf_secret@example.org/", headers: {} }],
    ["https://me:hf_secret@example.org/"],
    ["https://me:hf_secret@exa mple.org/"],
    ["ftp://me:hf_secret@example.org/"],
    [{ hub: "a/b", endpoint: "ftp://me:hf_secret@mirror.example" }],
    [{ url: "a", hub: "a/b", token: "hf_secret" }],
  ])("shows no secret when it refuses case %#", (model) => {
    const { message, details } = refusal(model);
    expect(message + JSON.stringify(details)).not.toContain("secret");
  });
});

describe("checkFetch", () => {
  it("takes a function or nothing", () => {
    expect(checkFetch(fetch)).toBe(fetch);
    expect(checkFetch(undefined)).toBe(undefined);
    expect(() => checkFetch("fetch" as never)).toThrow(/^fetch is not a function/);
  });
});
