/** @file Packs in directories, as pickers and drops hand them out: here those of the origin's own file system. */

import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";

import type { PackManifest } from "../pack.ts";
import { openDirectPack } from "./direct-pack.ts";
import { sha256Hex } from "../sha256.ts";
import { openPackSource } from "./source.ts";

const FOLDER = "folder-source-test";
/** A pack of 0.4 MB, where nothing depends on blocks. */
const SMALL = "stress-q4";

let root: FileSystemDirectoryHandle;
let manifest: PackManifest;

beforeEach(async () => {
  root = await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
});

afterEach(async () => {
  await (await navigator.storage.getDirectory()).removeEntry(FOLDER, { recursive: true });
});

async function write(folder: FileSystemDirectoryHandle, name: string, content: Blob): Promise<void> {
  const writable = await (await folder.getFileHandle(name, { create: true })).createWritable();
  await writable.write(content);
  await writable.close();
}

/** Copies the tests' pack from its server. */
async function writePack(folder: FileSystemDirectoryHandle, pack = SMALL): Promise<void> {
  const base = `${inject("faultServerUrl")}/folder-source/${pack}/`;
  const json = await (await fetch(`${base}manifest.json`)).blob();
  manifest = JSON.parse(await json.text()) as PackManifest;
  await write(folder, "manifest.json", json);
  for (const { name } of manifest.files) await write(folder, name, await (await fetch(base + name)).blob());
}

describe("openPackSource of a directory", () => {
  it.each([FOLDER, `${FOLDER}/stick`])("reads a pack in %s, both ways", async (place) => {
    const folder = place === FOLDER ? root : await root.getDirectoryHandle("stick", { create: true });
    await root.getDirectoryHandle("other", { create: true });
    await writePack(folder, place === FOLDER ? "tiny" : SMALL);
    const source = await openPackSource({ folder: root });
    expect(source.origin).toEqual({ folder: place });
    const pack = openDirectPack(source);
    for (const { name, bytes, sha256: expected } of manifest.files) {
      expect(await sha256Hex(new Uint8Array(await pack.readFile(name))), name).toBe(expected);
      expect(await sha256Hex(new Uint8Array(await (await pack.openFile(name)).read(0, bytes))), name).toBe(expected);
    }
  });

  it("finds no pack in an empty directory, and names several", async () => {
    await expect(openPackSource({ folder: root })).rejects.toMatchObject({ code: "model-not-found" });
    for (const name of ["a", "b"]) {
      await write(await root.getDirectoryHandle(name, { create: true }), "manifest.json", new Blob(["{}"]));
    }
    await expect(openPackSource({ folder: root })).rejects.toMatchObject({ code: "invalid-input" });
  });

  it("serves no byte of a file that changed after it was verified", async () => {
    await writePack(root);
    const pack = openDirectPack(await openPackSource({ folder: root }));
    const table = await pack.openFile("embedding-0.bin");
    const { size } = await (await root.getFileHandle("embedding-0.bin")).getFile();
    await write(root, "embedding-0.bin", new Blob([new Uint8Array(size)]));
    await expect(table.read(0, 16)).rejects.toMatchObject({
      code: "model-fetch-failed",
      details: { file: "embedding-0.bin" },
    });
    await expect(pack.openFile("embedding-0.bin")).rejects.toMatchObject({ code: "model-corrupt" });
  });

  it("reports files that are missing or gone", async () => {
    await writePack(root);
    await root.removeEntry("layer-00.bin");
    const pack = openDirectPack(await openPackSource({ folder: root }));
    await expect(pack.readFile("layer-00.bin")).rejects.toMatchObject({
      code: "model-not-found",
      details: { file: "layer-00.bin" },
    });
    await root.removeEntry("layer-01.bin");
    await expect(pack.readFile("layer-01.bin")).rejects.toMatchObject({ code: "model-not-found" });
  });
});
