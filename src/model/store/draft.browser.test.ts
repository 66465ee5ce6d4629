/** @file Storing a pack on a real disk, with workers killed at every operation on it. */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { BLOCK_BYTES } from "../manifest.ts";
import { packId } from "./entry.ts";
import { cleanStore } from "./fixtures/clean-store.ts";
import { killPoints } from "./fixtures/kill-points.ts";
import { endWorkers, startWorker, type StoreWorker } from "./fixtures/store-worker.ts";
import { blockOf, everyBlock, fileOf, makeTestPack, type TestPack } from "./fixtures/test-pack.ts";
import { findStored, listStored } from "./stored.ts";

let small: TestPack;
let large: TestPack;
let smallId: string;
let largeId: string;
beforeAll(async () => {
  small = await makeTestPack();
  large = await makeTestPack({ large: true });
  smallId = await packId(small.source.manifest, small.source.manifestBytes);
  largeId = await packId(large.source.manifest, large.source.manifestBytes);
});

afterEach(async () => {
  endWorkers();
  await cleanStore();
});

/** What a task does to the disk. */
async function operationsOf(task: (worker: StoreWorker) => Promise<unknown>): Promise<readonly string[]> {
  const worker = startWorker();
  await worker.call("freezeAt");
  await task(worker);
  return worker.call("operations");
}

/** Kills a worker in the middle of a task. @returns The operation, `null` when it has come to none. */
async function killAt(operation: number, task: (worker: StoreWorker) => Promise<unknown>): Promise<string | null> {
  const victim = startWorker();
  await victim.call("freezeAt", operation);
  const frozenAt = await Promise.race([victim.frozen, task(victim).then(() => null)]);
  victim.terminate();
  return frozenAt;
}

const totalBytes = ({ source }: TestPack): number => source.manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);

/** Bytes of blocks named `file block`. */
function bytesOf(pack: TestPack, written: readonly string[]): number {
  return written.reduce((sum, line) => {
    const [name, block] = line.split(" ");
    return sum + blockOf(pack, fileOf(pack, name!), Number(block)).length;
  }, 0);
}

async function expectWhole(worker: StoreWorker, pack: TestPack, id: string): Promise<void> {
  await worker.call("open", id, null);
  for (const [name, expected] of pack.contents) {
    const { content } = await worker.call("readFile", name);
    // Byte arrays of this size take seconds to compare one by one.
    expect(indexedDB.cmp(content, expected), name).toBe(0);
  }
  await worker.call("release");
}

describe("a draft", () => {
  it("becomes a pack that reads back as it was written", async () => {
    const worker = startWorker();
    const before = Date.now();
    const { stored, written } = await worker.call("store", large);
    expect(written).toEqual(everyBlock(large).map(([file, block]) => `${file.name} ${block}`));
    expect(stored).toMatchObject({
      id: largeId,
      name: large.source.manifest.name,
      state: "complete",
      origin: large.source.origin,
      revision: "one",
      totalBytes: totalBytes(large),
      storedBytes: totalBytes(large),
      lastUsedAt: null,
    });
    expect(stored.storedAt).toBeGreaterThanOrEqual(before);
    expect(await listStored()).toEqual([{ ...stored, inUse: false }]);
    await expectWhole(worker, large, largeId);
    expect((await findStored(largeId))?.lastUsedAt).toBeGreaterThanOrEqual(stored.storedAt!);
    expect((await worker.call("store", large)).written).toEqual([]);
  });

  it("goes on from the last block, whatever operation on the disk a worker is killed at", async () => {
    const rescuer = startWorker();
    const store = (worker: StoreWorker): Promise<unknown> => worker.call("store", small);
    const operations = await operationsOf(store);
    expect(new Set(operations)).toEqual(
      new Set([
        "create strata-packs/",
        `create ${smallId}/`,
        ...["create manifest.json", "create draft.json", "create complete.json"],
        ...["create files/", "create journal/", "truncate", "write", "flush", "remove journal", "remove draft.json"],
        ...small.source.manifest.files.map(({ name }) => `create ${name}`),
      ]),
    );
    let leastBytes = 0;
    for (const operation of killPoints(operations.length)) {
      await cleanStore();
      const frozenAt = await killAt(operation, store);
      expect(frozenAt).toBe(operations[operation]);
      const [found] = await listStored();
      const foundBytes = found?.storedBytes ?? 0;
      expect(foundBytes, `${operation} ${frozenAt}`).toBeGreaterThanOrEqual(leastBytes);
      leastBytes = foundBytes;
      const { stored, written } = await rescuer.call("store", small);
      expect(bytesOf(small, written), `${operation} ${frozenAt}`).toBe(totalBytes(small) - foundBytes);
      expect(stored).toMatchObject({ state: "complete", storedBytes: totalBytes(small) });
      await expectWhole(rescuer, small, smallId);
    }
    expect(await listStored()).toMatchObject([{ state: "complete" }]);
  });

  it("loses a block at most of a large file when its worker is killed", async () => {
    const rescuer = startWorker();
    const store = (worker: StoreWorker): Promise<unknown> => worker.call("storeBlocks", large, "large.bin", [1, 0]);
    const operations = await operationsOf(store);
    const stored: number[] = [];
    for (const operation of killPoints(operations.length)) {
      await cleanStore();
      const frozenAt = await killAt(operation, store);
      const foundBytes = (await listStored())[0]?.storedBytes ?? 0;
      stored.push(foundBytes);
      const { written } = await rescuer.call("store", large);
      expect(bytesOf(large, written), `${operation} ${frozenAt}`).toBe(totalBytes(large) - foundBytes);
    }
    const steps = [0, 1000, BLOCK_BYTES + 1000];
    expect(steps).toEqual(expect.arrayContaining(stored));
    expect([stored[0], stored.at(-1)]).toEqual([0, steps.at(-1)]);
  });

  it("takes a journal without the end of its last line, and one with nonsense", async () => {
    const worker = startWorker();
    await worker.call("storeBlocks", large, "large.bin", [0]);
    await worker.call("append", `${largeId}/journal/large.bin`, "bl\0ck 1\nblock 1");
    expect((await findStored(largeId))?.storedBytes).toBe(BLOCK_BYTES);
    await worker.call("storeBlocks", large, "large.bin", [1]);
    expect((await findStored(largeId))?.storedBytes).toBe(BLOCK_BYTES + 1000);
    expect((await worker.call("store", large)).written).not.toContain("large.bin 1");
  });

  it("finds out by reading back what the disk did not keep, and has it written again", async () => {
    const worker = startWorker();
    await worker.call("storeBlocks", large, "large.bin", [0, 1]);
    await worker.call("flip", { id: largeId, name: "large.bin" }, BLOCK_BYTES - 1);
    const { written } = await worker.call("store", large);
    expect(written.filter((line) => line.startsWith("large.bin"))).toEqual(["large.bin 0"]);
    await expectWhole(worker, large, largeId);
  });

  it("makes of a complete pack with damage a draft that lacks the damaged blocks alone", async () => {
    const worker = startWorker();
    await worker.call("store", large);
    expect(await worker.call("verify", largeId)).toEqual({});
    expect(await findStored(largeId)).toMatchObject({ state: "complete" });
    await worker.call("flip", { id: largeId, name: "large.bin" }, BLOCK_BYTES + 3);
    await worker.call("cut", `${largeId}/files/layer-01.bin`, 100);
    await worker.call("erase", `${largeId}/files/final.bin`);
    expect(await worker.call("verify", largeId)).toEqual({ "large.bin": [1], "layer-01.bin": [0], "final.bin": [0] });
    expect(await findStored(largeId)).toMatchObject({ state: "incomplete", origin: large.source.origin });
    const { written, stored } = await worker.call("store", large);
    expect(written.sort()).toEqual(["final.bin 0", "large.bin 1", "layer-01.bin 0"]);
    expect(stored).toMatchObject({ state: "complete", origin: large.source.origin });
    await expectWhole(worker, large, largeId);
  });

  it("is repaired or as it was, whatever operation of finding damage a worker is killed at", async () => {
    const rescuer = startWorker();
    const verify = (worker: StoreWorker): Promise<unknown> => worker.call("verify", smallId);
    const damage = async (): Promise<void> => {
      await rescuer.call("store", small);
      await rescuer.call("flip", { id: smallId, name: "layer-00.bin" }, 5);
    };
    await damage();
    const operations = await operationsOf(verify);
    const states = new Set<string>();
    for (const operation of killPoints(operations.length)) {
      await damage();
      const frozenAt = await killAt(operation, verify);
      states.add((await findStored(smallId))!.state);
      await rescuer.call("verify", smallId);
      expect((await rescuer.call("store", small)).written, `${operation} ${frozenAt}`).toEqual(["layer-00.bin 0"]);
      await expectWhole(rescuer, small, smallId);
    }
    expect(states).toEqual(new Set(["complete", "incomplete"]));
  });

  it("writes a manifest again that a crash has torn, and keeps what it describes", async () => {
    const worker = startWorker();
    await worker.call("store", small);
    await worker.call("cut", `${smallId}/manifest.json`, 500);
    expect(await findStored(smallId)).toMatchObject({ state: "incomplete", totalBytes: 0, revision: null });
    const { stored, written } = await worker.call("store", small);
    expect({ state: stored.state, written }).toEqual({ state: "complete", written: [] });
  });

  it("is not complete when its commit marker is torn", async () => {
    const worker = startWorker();
    await worker.call("store", small);
    await worker.call("cut", `${smallId}/complete.json`, 40);
    expect(await findStored(smallId)).toMatchObject({ state: "incomplete", storedBytes: totalBytes(small) });
    expect((await worker.call("store", small)).written).toEqual([]);
    expect(await findStored(smallId)).toMatchObject({ state: "complete" });
  });

  it("keeps no secret of its source", async () => {
    const origin = {
      hub: "a/b@c",
      path: "q4",
      endpoint: "https://hub.example",
      token: "secret",
      headers: { a: "secret" },
    };
    const { stored } = await startWorker().call("store", { ...small, source: { ...small.source, origin } });
    expect(stored.origin).toEqual({ hub: "a/b@c", path: "q4", endpoint: "https://hub.example" });
  });

  it("copies a file that another version of the pack has, but for its damaged blocks", async () => {
    const worker = startWorker();
    const next = await makeTestPack({ revision: "two", large: true });
    expect(await worker.call("adopt", next, "large.bin")).toEqual({ whole: false, bytes: 0 });
    await worker.call("store", large);
    expect(await worker.call("adopt", next, "layer-00.bin")).toEqual({ whole: false, bytes: 0 });
    await worker.call("flip", { id: largeId, name: "large.bin" }, BLOCK_BYTES);
    expect(await worker.call("adopt", next, "large.bin")).toEqual({ whole: false, bytes: BLOCK_BYTES });
    await worker.call("flip", { id: largeId, name: "large.bin" }, BLOCK_BYTES);
    expect(await worker.call("adopt", next, "large.bin")).toEqual({ whole: true, bytes: 1000 });
    const { written, stored } = await worker.call("store", next);
    expect(written).not.toContain("large.bin 0");
    await expectWhole(worker, next, stored.id);
    await expectWhole(worker, large, largeId);
  });

  it("copies the blocks of an unfinished version too, but none of one that is being written", async () => {
    const worker = startWorker();
    const next = await makeTestPack({ revision: "two", large: true });
    await worker.call("storeBlocks", large, "large.bin", [1, 0]);
    await worker.call("flip", { id: largeId, name: "large.bin" }, 7);
    await navigator.locks.request(`strata-pack-write:${largeId}`, async () => {
      expect(await worker.call("adopt", next, "large.bin")).toEqual({ whole: false, bytes: 0 });
    });
    expect(await worker.call("adopt", next, "large.bin")).toEqual({ whole: false, bytes: 1000 });
    await worker.call("flip", { id: largeId, name: "large.bin" }, 7);
    expect(await worker.call("adopt", next, "large.bin")).toEqual({ whole: true, bytes: BLOCK_BYTES });
  });

  it("says what room its files are still to be given, whatever of them is verified", async () => {
    const worker = startWorker();
    await worker.call("storeBlocks", large, "final.bin", []);
    expect(await worker.call("missingRoom", largeId)).toBe(totalBytes(large));
    await worker.call("storeBlocks", large, "large.bin", [1]);
    expect(await worker.call("missingRoom", largeId)).toBe(totalBytes(large) - BLOCK_BYTES - 1000);
    await worker.call("overwrite", `${largeId}/journal/large.bin`, "");
    expect(await worker.call("missingRoom", largeId)).toBe(totalBytes(large) - BLOCK_BYTES - 1000);
    await worker.call("store", large);
    expect(await worker.call("missingRoom", largeId)).toBe(0);
  });

  it("makes no file that is missing when it is read back", async () => {
    const worker = startWorker();
    await worker.call("store", large);
    for (const name of ["large.bin", "final.bin"]) await worker.call("erase", `${largeId}/files/${name}`);
    expect(await worker.call("verify", largeId)).toEqual({ "large.bin": [0, 1], "final.bin": [0] });
    const missing = BLOCK_BYTES + 1000 + large.contents.get("final.bin")!.length;
    expect(await worker.call("missingRoom", largeId)).toBe(missing);
  });

  it("cuts a file that is too long, and makes nothing of that", async () => {
    const worker = startWorker();
    await worker.call("store", small);
    await worker.call("append", `${smallId}/files/final.bin`, "more");
    expect(await worker.call("verify", smallId)).toEqual({});
    expect((await worker.call("store", small)).written).toEqual([]);
    expect(await worker.call("verify", smallId)).toEqual({});
    expect(await findStored(smallId)).toMatchObject({ state: "complete" });
  });

  it("tells what was cleared under it", async () => {
    const gone = { code: "model-not-found", details: { id: smallId } };
    for (const path of ["files/final.bin", "files", "manifest.json"]) {
      await expect(startWorker().call("commitAfter", small, "erase", path), path).rejects.toMatchObject(gone);
    }
    await expect(startWorker().call("commitAfter", small, "cut", "manifest.json")).rejects.toMatchObject(gone);
  });

  it("reports a disk that fails, and what made it fail first", async () => {
    const broken = startWorker();
    await broken.call("store", small);
    await broken.call("flip", { id: smallId, name: "final.bin" }, 0);
    await broken.call("failDisk", "flush");
    await expect(broken.call("verify", smallId)).rejects.toMatchObject({ code: "storage-busy" });
    await expect(broken.call("storeBlocks", large, "large.bin", [1])).rejects.toMatchObject({ code: "storage-busy" });
    const full = startWorker();
    await full.call("storeBlocks", large, "large.bin", []);
    await full.call("failDisk", "write", "flush");
    await expect(full.call("store", large)).rejects.toMatchObject({ code: "storage-full" });
  });
});
