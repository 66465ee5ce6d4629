/** @file Reading stored packs: damage on the disk is found, healed or reported; several readers at once. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BLOCK_BYTES } from "../manifest.ts";
import { packId } from "./entry.ts";
import { cleanStore } from "./fixtures/clean-store.ts";
import { endWorkers, startWorker, type StoreWorker } from "./fixtures/store-worker.ts";
import { makeTestPack, type TestPack } from "./fixtures/test-pack.ts";
import { findStored } from "./stored.ts";
import { openStoredPack } from "./stored-pack.ts";

const FILE_BYTES = BLOCK_BYTES + 1000;

let pack: TestPack;
let id: string;
let large: Uint8Array;
beforeAll(async () => {
  pack = await makeTestPack({ large: true });
  id = await packId(pack.source.manifest, pack.source.manifestBytes);
  large = pack.contents.get("large.bin")!;
});

beforeEach(() => startWorker().call("store", pack));

afterEach(async () => {
  endWorkers();
  await cleanStore();
});

/** Byte arrays of this size take seconds to compare one by one. */
const isSame = (a: ArrayBuffer | Uint8Array, b: Uint8Array): boolean => indexedDB.cmp(a, b) === 0;

/** What can happen to a file, and the blocks that are damaged by it. */
const DAMAGE: readonly [string, readonly number[], (worker: StoreWorker) => Promise<void>][] = [
  ["a byte turned over", [1], (worker) => worker.call("flip", { id, name: "large.bin" }, FILE_BYTES - 1)],
  ["cut", [1], (worker) => worker.call("cut", `${id}/files/large.bin`, BLOCK_BYTES + 1)],
  ["empty", [0, 1], (worker) => worker.call("cut", `${id}/files/large.bin`, 0)],
  ["missing", [0, 1], (worker) => worker.call("erase", `${id}/files/large.bin`)],
];

describe("a stored pack", () => {
  it("reads whole files and ranges, and counts their bytes", async () => {
    const worker = startWorker();
    await worker.call("open", id, null);
    const { content, bytes } = await worker.call("readFile", "large.bin");
    expect([isSame(content, large), bytes]).toEqual([true, FILE_BYTES]);
    expect(await worker.call("openFile", "large.bin")).toBe(FILE_BYTES);
    const across = await worker.call("readRange", BLOCK_BYTES - 10, 20);
    expect(across).toEqual(large.slice(BLOCK_BYTES - 10, BLOCK_BYTES + 10));
    expect(await worker.call("readRange", FILE_BYTES - 1, 1)).toEqual(large.slice(-1));
    await expect(worker.call("readRange", FILE_BYTES, 1)).rejects.toMatchObject({ message: /broken invariant/ });
  });

  it("reads a layer as a range of its file", async () => {
    const worker = startWorker();
    await worker.call("open", id, null);
    const { offset, bytes, file } = pack.source.manifest.tensors.find(({ name }) => name === "layers.1.down.q")!;
    await worker.call("openFile", file);
    const expected = pack.contents.get(file)!.slice(offset, offset + bytes);
    expect(await worker.call("readRange", offset, bytes)).toEqual(expected);
  });

  it("reads in a page too, where there are no synchronous files", async () => {
    using stored = await openStoredPack(id);
    let bytes = 0;
    const content = await stored.readFile("large.bin", { onBytes: (more) => (bytes += more) });
    expect([isSame(content, large), bytes]).toEqual([true, FILE_BYTES]);
    const ranges = await stored.openFile("large.bin");
    expect(new Uint8Array(await ranges.read(7, 9))).toEqual(large.slice(7, 16));
  });

  it("checks a file that it reads in ranges once", async () => {
    const worker = startWorker();
    await worker.call("open", id, null);
    await worker.call("openFile", "large.bin");
    await worker.call("erase", `${id}/files/large.bin`);
    expect(await worker.call("openFile", "large.bin")).toBe(FILE_BYTES);
  });

  it.each(DAMAGE)("heals a file that is %s when it is read whole", async (_, blocks, damage) => {
    const worker = startWorker();
    await damage(worker);
    await worker.call("open", id, pack);
    const { content, bytes } = await worker.call("readFile", "large.bin");
    expect([isSame(content, large), bytes]).toEqual([true, FILE_BYTES]);
    expect(worker.repaired).toEqual(blocks.map((block) => `large.bin ${block}`));
    expect(await findStored(id)).toMatchObject({ state: "complete", inUse: true });
  });

  it.each(DAMAGE)("heals a file that is %s when it is opened for ranges", async (_, blocks, damage) => {
    const worker = startWorker();
    await damage(worker);
    await worker.call("open", id, pack);
    expect(await worker.call("openFile", "large.bin")).toBe(FILE_BYTES);
    const around = await worker.call("readRange", BLOCK_BYTES - 5, 1005);
    expect(isSame(around, large.slice(BLOCK_BYTES - 5))).toBe(true);
    expect(worker.repaired).toEqual(blocks.map((block) => `large.bin ${block}`));
  });

  it.each(DAMAGE)("reports a file that is %s and cannot be healed", async (_, blocks, damage) => {
    const worker = startWorker();
    await damage(worker);
    const corrupt = { code: "model-corrupt", details: { file: "large.bin", blocks } };
    await worker.call("open", id, null);
    await expect(worker.call("readFile", "large.bin")).rejects.toMatchObject(corrupt);
    await expect(worker.call("openFile", "large.bin")).rejects.toMatchObject(corrupt);
    await worker.call("open", id, "offline");
    const withCause = { ...corrupt, message: expect.stringContaining("no connection") };
    await expect(worker.call("readFile", "large.bin")).rejects.toMatchObject(withCause);
    await expect(worker.call("openFile", "large.bin")).rejects.toMatchObject(withCause);
  });

  it("reports a file whose repair repaired nothing", async () => {
    const worker = startWorker();
    await worker.call("flip", { id, name: "large.bin" }, 0);
    using stored = await openStoredPack(id, { repair: () => Promise.resolve() });
    const corrupt = { code: "model-corrupt", details: { file: "large.bin", blocks: [0] } };
    await expect(stored.readFile("large.bin")).rejects.toMatchObject(corrupt);
  });

  it("reads on in ranges when the file was taken away, once it is healed", async () => {
    const [reader, other] = [startWorker(), startWorker()];
    await reader.call("open", id, pack);
    await reader.call("openFile", "large.bin");
    await other.call("erase", `${id}/files/large.bin`);
    expect(await reader.call("readRange", 0, 8)).toEqual(large.slice(0, 8));
    expect(reader.repaired).toEqual(["large.bin 0", "large.bin 1"]);
  });

  it("is read by several workers at once", async () => {
    const readers = [startWorker(), startWorker(), startWorker()];
    await Promise.all(readers.map((reader) => reader.call("open", id, null)));
    const reads = readers.flatMap((reader) => [
      reader.call("readFile", "large.bin"),
      reader.call("readFile", "large.bin"),
    ]);
    const contents = await Promise.all(reads);
    expect(contents.every(({ content }) => isSame(content, large))).toBe(true);
  });

  it("stops between blocks when it is called off", async () => {
    using stored = await openStoredPack(id);
    const abort = new AbortController();
    const reading = stored.readFile("large.bin", { signal: abort.signal });
    abort.abort();
    await expect(reading).rejects.toMatchObject({ code: "aborted" });
    await expect(openStoredPack(id, { signal: abort.signal })).rejects.toMatchObject({ code: "aborted" });
  });

  it("cannot be opened before it is complete, or when it is not there", async () => {
    const worker = startWorker();
    await worker.call("erase", `${id}/complete.json`);
    for (const name of [id, "none-000000000000", "..", "a/b", ""]) {
      await expect(openStoredPack(name)).rejects.toMatchObject({ code: "model-not-found", details: { id: name } });
    }
    // Nothing holds on to what could not be opened.
    await worker.call("remove", id);
  });
});
