/** @file The store as a worker serves it, from offers to folders and new versions. */
import { beforeEach, describe, expect, it } from "vitest";
import type { PackManifest } from "../pack.ts";
import { bytesOf, DeliveryWorker, FaultLane, hashesOf, totalBytes } from "./fixtures/delivery-lab.ts";
import { BLOCK_BYTES } from "./manifest.ts";
import { sha256Hex } from "../sha256.ts";
import { cleanStore } from "./store/fixtures/clean-store.ts";
import { StoreWorker } from "./store/fixtures/store-worker.ts";

const FILE = "large.bin";
const CHANGED = "layer-00.bin";
/** A pack of 0.4 MB, where nothing depends on blocks. */
const SMALL = "stress-q4";

beforeEach(cleanStore);

/** The small pack as files on the user's disk, of an older version: another revision, and one file is different. */
async function olderFiles(lane: FaultLane): Promise<File[]> {
  const [manifest, files] = [await lane.manifest(SMALL), await lane.folder(SMALL)];
  const changed = new Uint8Array(await files.find(({ name }) => name === CHANGED)!.arrayBuffer());
  changed[0]! ^= 1;
  const sha256 = await sha256Hex(changed);
  const older: PackManifest = {
    ...manifest,
    source: { ...manifest.source, revision: "older" },
    files: manifest.files.map((file) => (file.name === CHANGED ? { ...file, sha256, blocks: [sha256] } : file)),
  };
  const replaced = [new File([changed], CHANGED), new File([JSON.stringify(older)], "manifest.json")];
  return [...files.filter(({ name }) => !replaced.some((file) => file.name === name)), ...replaced];
}

describe("the pack store", () => {
  it("copies a pack out of a folder, and says that it cannot be fetched from there again", async () => {
    const folder = await olderFiles(new FaultLane());
    const worker = new DeliveryWorker();
    const stored = await worker.call("download", { folder }).result;
    expect(stored).toMatchObject({ state: "complete", revision: "older", origin: { folder: expect.anything() } });
    await worker.call("unmark", stored.id).result;
    await expect(worker.call("download", { stored: stored.id }).result).rejects.toMatchObject({
      code: "invalid-input",
    });
    // With the folder at hand it is another matter.
    expect(await worker.call("download", { folder }).result).toMatchObject({ id: stored.id, state: "complete" });
  });

  it("fetches of a new version what has changed, and keeps the old one", async () => {
    const [elsewhere, lane] = [new FaultLane(), new FaultLane()];
    const worker = new DeliveryWorker();
    const older = await worker.call("download", { folder: await olderFiles(elsewhere) }).result;
    const manifest = await lane.manifest(SMALL);
    const changedBytes = manifest.files.find(({ name }) => name === CHANGED)!.bytes;
    expect(await worker.call("inspect", lane.source(SMALL)).result).toMatchObject({
      name: manifest.name,
      totalBytes: totalBytes(manifest),
      missingBytes: changedBytes,
    });
    const newer = await worker.call("download", lane.source(SMALL)).result;
    expect(newer.id).not.toBe(older.id);
    expect((await lane.log()).map(({ file }) => file)).toEqual([CHANGED]);
    const packs = await worker.call("list").result;
    expect(new Set(packs.map(({ id, state }) => `${id} ${state}`))).toEqual(
      new Set([`${newer.id} complete`, `${older.id} complete`]),
    );
    expect((await worker.call("load", { model: { stored: newer.id } }).result).hashes).toEqual(hashesOf(manifest));
  });

  it("offers what a source has before anything of it is fetched", async () => {
    const lane = new FaultLane();
    const manifest = await lane.manifest(SMALL);
    const worker = new DeliveryWorker();
    const bytes = totalBytes(manifest);
    const offer = await worker.call("inspect", lane.source(SMALL)).result;
    expect(offer).toMatchObject({ name: manifest.name, bits: 4, totalBytes: bytes, missingBytes: bytes });
    expect(await lane.log()).toEqual([]);
    const { id } = await worker.call("download", lane.source(SMALL)).result;
    expect(id).toBe(offer.id);
    expect(await worker.call("inspect", lane.source(SMALL)).result).toEqual({ ...offer, missingBytes: 0 });
    expect(await worker.call("inspect", { stored: id }).result).toEqual({ ...offer, missingBytes: 0 });
  });

  it("finds no stored pack where the browser stores none", async () => {
    const worker = new DeliveryWorker({ withoutOpfs: true });
    const missing = { code: "model-not-found", details: { id: "tiny", stored: [] } };
    for (const op of ["inspect", "download"] as const) {
      await expect(worker.call(op, { stored: "tiny" }).result).rejects.toMatchObject(missing);
    }
    await expect(worker.call("load", { model: { stored: "tiny" } }).result).rejects.toMatchObject(missing);
  });

  it("goes on with a stored pack from where it came", async () => {
    const lane = new FaultLane();
    await lane.inject({ file: FILE, kind: "flip", at: 0.1, times: 2 });
    const worker = new DeliveryWorker();
    await expect(worker.call("download", lane.source()).result).rejects.toMatchObject({ code: "model-corrupt" });
    const [left] = await worker.call("list").result;
    expect(await worker.call("download", { stored: left!.id }).result).toMatchObject({
      id: left!.id,
      state: "complete",
    });
  });

  it("finds what is damaged, and fetches that alone again", async () => {
    const lane = new FaultLane();
    const manifest = await lane.manifest();
    const worker = new DeliveryWorker();
    const { id } = await worker.call("download", lane.source()).result;
    const vandal = new StoreWorker();
    await vandal.call("flip", { id, name: FILE }, 7);
    await vandal.call("erase", `${id}/files/${CHANGED}`);
    vandal.terminate();
    const verify = worker.call("verify", id);
    expect((await verify.result).damaged.toSorted()).toEqual([FILE, CHANGED].toSorted());
    expect(verify.progress.every(({ phase }) => phase === "verify")).toBe(true);
    const before = (await lane.log()).length;
    await worker.call("download", lane.source()).result;
    const more = (await lane.log()).slice(before);
    const asked = more.map(({ file, range }) => [file, range]).toSorted();
    const wanted = [
      [FILE, `bytes=0-${BLOCK_BYTES - 1}`],
      [CHANGED, null],
    ];
    expect(asked).toEqual(wanted.toSorted());
    expect((await worker.call("load", { model: { stored: id } }).result).hashes).toEqual(hashesOf(manifest));
    const changed = manifest.files.find(({ name }) => name === CHANGED)!;
    expect(bytesOf(more)).toBe(BLOCK_BYTES + changed.bytes);
  });

  it("removes a pack that nobody uses, and refuses one that is loaded", async () => {
    const lane = new FaultLane();
    const [worker, reader] = [new DeliveryWorker(), new DeliveryWorker()];
    const { id } = await worker.call("download", lane.source(SMALL)).result;
    await reader.call("load", { model: { stored: id } }).result;
    await expect(worker.call("remove", id).result).rejects.toMatchObject({ code: "storage-busy" });
    expect((await worker.call("list").result)[0]).toMatchObject({ id, inUse: true });
    reader.terminate();
    // The browser takes a moment to take the lock from a worker that was killed.
    await navigator.locks.request(`strata-pack-use:${id}`, () => undefined);
    await worker.call("remove", id).result;
    expect(await worker.call("list").result).toEqual([]);
  });
});
