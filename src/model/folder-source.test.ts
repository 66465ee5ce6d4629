/** @file Packs out of files of the user's. (Directory handles: `folder-source.browser.test.ts`.) */

import { describe, expect, it } from "vitest";

import { openDirectPack } from "./direct-pack.ts";
import { makeTinyPack, sha256 } from "./fixtures/tiny-pack.ts";
import { openPackSource } from "./source.ts";

const { manifest, contents } = makeTinyPack(4, "large");
const json = new TextEncoder().encode(JSON.stringify(manifest));

/** As `<input webkitdirectory>` gives it, or without a path as a drop does. */
function makeFile(path: string, bytes: Uint8Array): File {
  const file = new File([new Uint8Array(bytes)], path.split("/").at(-1)!, { lastModified: 7 });
  return Object.defineProperty(file, "webkitRelativePath", { value: path.includes("/") ? path : "" });
}

function packFiles(folder: string, replace: ReadonlyMap<string, Uint8Array | null> = new Map()): File[] {
  const all = new Map<string, Uint8Array | null>([...contents, ["manifest.json", json], ...replace]);
  return [...all].flatMap(([name, bytes]) => (bytes ? [makeFile(folder + name, bytes)] : []));
}

describe("openPackSource of files", () => {
  it.each([
    ["dropped without a path", "", "chosen files"],
    ["in the chosen folder", "stick/", "stick"],
    ["in a folder of the chosen one", "stick/nano-q4/", "stick/nano-q4"],
  ])("opens a pack %s", async (_where, folder, name) => {
    const extra = [makeFile(folder ? "stick/other/note.txt" : "note.txt", json)];
    const source = await openPackSource({ folder: [...extra, ...packFiles(folder)] });
    expect([source.manifest, source.origin]).toEqual([manifest, { folder: name }]);
    expect(sha256(source.manifestBytes)).toBe(sha256(json));
  });

  it("takes the pack on top before one in a folder of it", async () => {
    const source = await openPackSource({ folder: [...packFiles("stick/old/"), ...packFiles("stick/")] });
    expect(source.origin).toEqual({ folder: "stick" });
  });

  it("refuses several packs and names them", async () => {
    const folder = [...packFiles("stick/a/"), ...packFiles("stick/b/")];
    await expect(openPackSource({ folder })).rejects.toMatchObject({
      code: "invalid-input",
      details: { packs: ["stick/a", "stick/b"] },
    });
  });

  it("finds no pack where none is, or too deep", async () => {
    for (const folder of [[], [makeFile("x.txt", json)], [makeFile("stick/x.txt", json), ...packFiles("stick/a/b/")]]) {
      await expect(openPackSource({ folder })).rejects.toMatchObject({ code: "model-not-found" });
    }
  });

  it("reports a manifest that is none", async () => {
    const folder = packFiles("", new Map([["manifest.json", new Uint8Array(8)]]));
    await expect(openPackSource({ folder })).rejects.toMatchObject({ code: "model-corrupt" });
  });

  it("reads every file byte for byte, both ways", async () => {
    const pack = openDirectPack(await openPackSource({ folder: packFiles("stick/") }));
    for (const { name, bytes, sha256: expected } of manifest.files) {
      expect(sha256(new Uint8Array(await pack.readFile(name))), name).toBe(expected);
      const ranges = await pack.openFile(name);
      expect(sha256(new Uint8Array(await ranges.read(0, bytes))), name).toBe(expected);
    }
  });

  it("reports a file that is missing, of another size, or damaged, without waiting for it to get better", async () => {
    const flipped = contents.get("final.bin")!.slice();
    flipped[3]! ^= 1;
    const replaced = new Map<string, Uint8Array | null>([
      ["layer-00.bin", null],
      ["layer-01.bin", new Uint8Array(10)],
      ["final.bin", flipped],
    ]);
    const source = await openPackSource({ folder: packFiles("stick/", replaced) });
    const waits: number[] = [];
    const pack = openDirectPack(source, { wait: async (ms) => void waits.push(ms) });
    await expect(pack.readFile("layer-00.bin")).rejects.toMatchObject({
      code: "model-not-found",
      details: { file: "layer-00.bin", folder: "stick" },
    });
    await expect(pack.readFile("layer-01.bin")).rejects.toMatchObject({
      code: "model-corrupt",
      details: { file: "layer-01.bin", actualBytes: 10 },
    });
    expect(waits).toEqual([]);
    await expect(pack.openFile("final.bin")).rejects.toMatchObject({
      code: "model-corrupt",
      details: { file: "final.bin", block: 0, actual: sha256(flipped) },
    });
    // Read again once, in case it was the reading.
    expect(waits).toHaveLength(1);
  });

  it("rejects with aborted", async () => {
    const signal = AbortSignal.abort("no");
    await expect(openPackSource({ folder: packFiles("") }, { signal })).rejects.toMatchObject({ code: "aborted" });
    const pack = openDirectPack(await openPackSource({ folder: packFiles("") }));
    await expect(pack.openFile("large.bin", { signal })).rejects.toMatchObject({ code: "aborted", cause: "no" });
  });
});
