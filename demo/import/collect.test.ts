import { describe, expect, it } from "vitest";
import { collectDrop, collectFiles, collectPaste } from "./collect.ts";
import { MAX_FILES } from "./limits.ts";

/** What a browser would hand over, as far as it is read: there is no other way to make a dropped folder. */
type Tree = string | { readonly [name: string]: Tree };

function entry(name: string, tree: Tree): FileSystemEntry {
  const isFile = typeof tree === "string";
  const children = isFile ? [] : Object.entries(tree).map(([child, inner]) => entry(child, inner));
  // A browser gives some at a time, then none.
  const createReader = () => ({
    readEntries: (give: (some: FileSystemEntry[]) => void) => give(children.splice(0, 2)),
  });
  const file = (give: (file: File) => void, fail: (error: Error) => void) =>
    tree === "unreadable" ? fail(new Error("no permission")) : give(new File([String(tree)], name));
  return { name, isFile, isDirectory: !isFile, createReader, file } as unknown as FileSystemEntry;
}

function transfer(parts: {
  entries?: FileSystemEntry[];
  files?: File[];
  texts?: Record<string, string>;
}): DataTransfer {
  const { entries = [], files = [], texts = {} } = parts;
  const items = [
    ...entries.map((dropped) => ({ kind: "file", webkitGetAsEntry: () => dropped, getAsFile: () => null })),
    ...files.map((file) => ({ kind: "file", webkitGetAsEntry: () => null, getAsFile: () => file })),
  ];
  return { items, files, getData: (type: string) => texts[type] ?? "" } as unknown as DataTransfer;
}

describe("collectDrop", () => {
  it("lists folders with all that people wrote, in the order of their paths", async () => {
    const folder = {
      "b.md": "b",
      a: { "2.txt": "x", "10.txt": "y" },
      ".git": { config: "z" },
      node_modules: { "x.md": "m" },
      "c.txt": "c",
    };
    const { sources, refusals } = await collectDrop(
      transfer({ entries: [entry("notes", folder), entry(".hidden.md", "h")], files: [new File(["f"], "f.txt")] }),
    );
    expect(sources.map((source) => "name" in source && source.name)).toEqual([
      ".hidden.md",
      "f.txt",
      "notes/a/10.txt",
      "notes/a/2.txt",
      "notes/b.md",
      "notes/c.txt",
    ]);
    expect(refusals).toEqual([]);
  });

  it("lists what cannot be opened, and goes on", async () => {
    const { sources, refusals } = await collectDrop(
      transfer({ entries: [entry("a", { x: "unreadable", "y.md": "y" })] }),
    );
    expect(sources).toHaveLength(1);
    expect(refusals).toMatchObject([{ name: "a/x", refused: "unreadable" }]);
  });

  it("stops at the limit, and says so", async () => {
    const many = Object.fromEntries(Array.from({ length: MAX_FILES + 5 }, (_, index) => [`${index}.txt`, "x"]));
    const { sources, refusals } = await collectDrop(transfer({ entries: [entry("a", many)] }));
    expect(sources).toHaveLength(MAX_FILES);
    expect(refusals).toMatchObject([{ refused: "too-many-documents" }]);
  });

  it("takes a link for a page to fetch", async () => {
    const texts = { "text/uri-list": "https://example.org/a", "text/html": "<a>a</a>" };
    expect((await collectDrop(transfer({ texts }))).sources).toEqual([{ kind: "url", url: "https://example.org/a" }]);
  });
});

describe("collectPaste", () => {
  it("prefers files to text, and HTML to plain text", () => {
    const texts = { "text/html": "<p>x</p>", "text/plain": "x" };
    expect(collectPaste(transfer({ texts, files: [new File(["f"], "f.txt")] })).sources).toMatchObject([
      { kind: "file" },
    ]);
    expect(collectPaste(transfer({ texts })).sources).toMatchObject([
      { kind: "text", format: "html", text: "<p>x</p>" },
    ]);
    expect(collectPaste(transfer({ texts: { "text/plain": " " } })).sources).toEqual([]);
  });

  it("gives the same text the same name", () => {
    const name = (text: string): unknown => collectPaste(transfer({ texts: { "text/plain": text } })).sources;
    expect(name("a b")).toEqual(name("a b"));
    expect(name("a b")).not.toEqual(name("a c"));
  });
});

describe("collectFiles", () => {
  it("goes by the path in the chosen folder", () => {
    const chosen = (path: string): File =>
      Object.defineProperty(new File(["x"], path.split("/").at(-1) ?? ""), "webkitRelativePath", { value: path });
    const { sources } = collectFiles([chosen("n/b.md"), chosen("n/.git/x.md"), chosen("n/a.md")]);
    expect(sources).toMatchObject([{ name: "n/a.md" }, { name: "n/b.md" }]);
  });
});
