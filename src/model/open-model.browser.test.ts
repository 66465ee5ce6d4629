/** @file Models as a worker opens them: from the browser's storage, from their source, healed, and without a network. */
import { beforeEach, describe, expect, it } from "vitest";
import { bytesOf, DeliveryWorker, FaultLane, hashesOf, totalBytes } from "./fixtures/delivery-lab.ts";
import { BLOCK_BYTES } from "./manifest.ts";
import { cleanStore } from "./store/fixtures/clean-store.ts";
import { StoreWorker } from "./store/fixtures/store-worker.ts";

const FILE = "large.bin";

beforeEach(cleanStore);

/** A worker that has loaded the tiny pack, and ended. */
async function loadOnce(lane: FaultLane): Promise<string> {
  const worker = new DeliveryWorker();
  const { storage } = await worker.call("load", { model: lane.source() }).result;
  worker.terminate();
  return storage.packId!;
}

describe("openModel", () => {
  it("stores what it fetches, and reads from there the next time", async () => {
    const lane = new FaultLane();
    const manifest = await lane.manifest();
    const worker = new DeliveryWorker();
    const first = await worker.call("load", { model: lane.source() }).result;
    expect(first).toMatchObject({ name: "tiny", hashes: hashesOf(manifest), storage: { kind: "opfs" } });
    expect(first.storage.reason).toContain("just been downloaded");
    const again = await worker.call("load", { model: lane.source() }).result;
    expect(again.storage.reason).toContain("had it already");
    expect(again.hashes).toEqual(hashesOf(manifest));
    expect(bytesOf(await lane.log())).toBe(totalBytes(manifest));
  });

  it("opens a stored pack by its id or its name, without a request", async () => {
    const lane = new FaultLane();
    const manifest = await lane.manifest();
    const id = await loadOnce(lane);
    const requests = (await lane.log()).length;
    for (const stored of [id, "tiny"]) {
      const worker = new DeliveryWorker();
      expect(await worker.call("load", { model: { stored } }).result).toMatchObject({
        hashes: hashesOf(manifest),
        storage: { kind: "opfs", packId: id },
      });
    }
    expect(await lane.log()).toHaveLength(requests);
  });

  it("says what is stored when it is asked for something else", async () => {
    const id = await loadOnce(new FaultLane());
    const worker = new DeliveryWorker();
    await expect(worker.call("load", { model: { stored: "huge" } }).result).rejects.toMatchObject({
      code: "model-not-found",
      details: { id: "huge", stored: [id] },
    });
  });

  it("goes on with an incomplete pack that is asked for by its name", async () => {
    const lane = new FaultLane();
    const manifest = await lane.manifest();
    await lane.inject({ file: FILE, kind: "gate", at: 1.4 * BLOCK_BYTES });
    const worker = new DeliveryWorker();
    const download = worker.call("download", lane.source());
    await lane.held();
    download.abort();
    await expect(download.result).rejects.toMatchObject({ code: "aborted" });
    expect((await worker.call("load", { model: { stored: "tiny" } }).result).hashes).toEqual(hashesOf(manifest));
  });

  it("stores nothing when it is not to", async () => {
    const lane = new FaultLane();
    const worker = new DeliveryWorker();
    const loaded = await worker.call("load", { model: lane.source(), storage: "none" }).result;
    expect(loaded.storage).toMatchObject({ kind: "http", packId: null });
    expect(loaded.hashes).toEqual(hashesOf(await lane.manifest()));
    expect(await worker.call("list").result).toEqual([]);
  });

  it("reads from the source each time where the browser offers no file storage, and says so", async () => {
    const lane = new FaultLane();
    const worker = new DeliveryWorker({ withoutOpfs: true });
    const { storage, hashes } = await worker.call("load", { model: lane.source() }).result;
    expect(storage.kind).toBe("http");
    expect(storage.reason).toMatch(/^no file storage: .*: the model is fetched anew at each load$/);
    expect(hashes).toEqual(hashesOf(await lane.manifest()));
  });

  it("does with what is stored when the browser is offline, without a request", async () => {
    const lane = new FaultLane();
    const id = await loadOnce(lane);
    const worker = new DeliveryWorker({ offline: true });
    const { storage, hashes } = await worker.call("load", { model: lane.source() }).result;
    expect(storage).toMatchObject({ kind: "opfs", packId: id });
    expect(storage.reason).toContain("offline");
    expect(hashes).toEqual(hashesOf(await lane.manifest()));
  });

  it("does with what is stored when the source gives no answer of use", async () => {
    const lane = new FaultLane();
    const id = await loadOnce(lane);
    await lane.inject({ file: "manifest.json", kind: "status", status: 503, times: "always" });
    const worker = new DeliveryWorker();
    const { storage } = await worker.call("load", { model: lane.source() }).result;
    expect(storage).toMatchObject({ kind: "opfs", packId: id });
    expect(storage.reason).toContain("gave no answer");
  });

  it("is told by a source that has the pack no longer", async () => {
    const lane = new FaultLane();
    await loadOnce(lane);
    await lane.inject({ file: "manifest.json", kind: "status", status: 404, times: "always" });
    const worker = new DeliveryWorker();
    await expect(worker.call("load", { model: lane.source() }).result).rejects.toMatchObject({
      code: "model-not-found",
    });
  });

  it("says that storage is full instead of storing nothing in silence", async () => {
    const lane = new FaultLane();
    const worker = new DeliveryWorker({ freeBytes: 1000 });
    await expect(worker.call("load", { model: lane.source() }).result).rejects.toMatchObject({ code: "storage-full" });
  });
});

describe("a stored file that was damaged since", () => {
  async function damage(id: string): Promise<void> {
    const worker = new StoreWorker();
    await worker.call("flip", { id, name: FILE }, 1.5 * BLOCK_BYTES);
    worker.terminate();
  }

  it("is found at load, and its damaged block alone is fetched again", async () => {
    const lane = new FaultLane();
    const manifest = await lane.manifest();
    const id = await loadOnce(lane);
    await damage(id);
    const log = await lane.log();
    const worker = new DeliveryWorker();
    expect((await worker.call("load", { model: lane.source() }).result).hashes).toEqual(hashesOf(manifest));
    const more = (await lane.log()).slice(log.length);
    expect(more.map(({ file, range }) => ({ file, range }))).toEqual([
      { file: FILE, range: `bytes=${BLOCK_BYTES}-${2 * BLOCK_BYTES - 1}` },
    ]);
    expect((await worker.call("list").result)[0]).toMatchObject({ id, state: "complete" });
  });

  it("is healed from where it came from when the pack is opened by its name", async () => {
    const lane = new FaultLane();
    const manifest = await lane.manifest();
    const id = await loadOnce(lane);
    await damage(id);
    const worker = new DeliveryWorker();
    expect((await worker.call("load", { model: { stored: id } }).result).hashes).toEqual(hashesOf(manifest));
    expect(bytesOf(await lane.log())).toBe(totalBytes(manifest) + BLOCK_BYTES);
  });

  it("is an error and no wrong byte when its source is gone", async () => {
    const lane = new FaultLane();
    const id = await loadOnce(lane);
    await damage(id);
    await lane.inject({ file: "*", kind: "status", status: 404, times: "always" });
    const worker = new DeliveryWorker();
    await expect(worker.call("load", { model: { stored: id } }).result).rejects.toMatchObject({
      code: "model-corrupt",
      details: { file: FILE, blocks: [1] },
    });
  });
});
