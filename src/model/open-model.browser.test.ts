/** @file Models as a worker opens them: from the browser's storage, from their source, healed, and without a network. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Fault } from "../../tools/fault-server.ts";
import { bytesOf, DeliveryWorker, FaultLane, hashesOf, totalBytes } from "./fixtures/delivery-lab.ts";
import type { WorkerSetup } from "./fixtures/delivery.worker.ts";
import { BLOCK_BYTES } from "./manifest.ts";
import { cleanStore } from "./store/fixtures/clean-store.ts";
import { StoreWorker } from "./store/fixtures/store-worker.ts";
import { makeTestPack, type TestPack } from "./store/fixtures/test-pack.ts";

const FILE = "large.bin";
const LAYER = "layer-00.bin";
/** A pack of 0.4 MB, where nothing depends on blocks. */
const SMALL = "stress-q4";

beforeEach(cleanStore);

/** A worker that has loaded the pack, and ended. */
async function loadOnce(lane: FaultLane, pack = SMALL): Promise<string> {
  const worker = new DeliveryWorker();
  const { storage } = await worker.call("load", { model: lane.source(pack) }).result;
  worker.terminate();
  return storage.packId!;
}

describe("openModel", () => {
  it("stores what it fetches, and reads from there the next time", async () => {
    const lane = new FaultLane();
    const manifest = await lane.manifest(SMALL);
    const worker = new DeliveryWorker();
    const first = await worker.call("load", { model: lane.source(SMALL) }).result;
    expect(first).toMatchObject({ name: manifest.name, hashes: hashesOf(manifest), storage: { kind: "opfs" } });
    expect(first.storage.reason).toContain("just been downloaded");
    const again = await worker.call("load", { model: lane.source(SMALL) }).result;
    expect(again.storage.reason).toContain("had it already");
    expect(again.hashes).toEqual(hashesOf(manifest));
    expect(bytesOf(await lane.log())).toBe(totalBytes(manifest));
  });

  it("opens a stored pack by its id or its name, without a request", async () => {
    const lane = new FaultLane();
    const manifest = await lane.manifest(SMALL);
    const id = await loadOnce(lane);
    const requests = (await lane.log()).length;
    for (const stored of [id, manifest.name]) {
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
    const loaded = await worker.call("load", { model: lane.source(SMALL), storage: "none" }).result;
    expect(loaded.storage).toMatchObject({ kind: "http", packId: null });
    expect(loaded.hashes).toEqual(hashesOf(await lane.manifest(SMALL)));
    expect(await worker.call("list").result).toEqual([]);
  });

  it("reads from the source each time where the browser offers no file storage, and says so", async () => {
    const lane = new FaultLane();
    const worker = new DeliveryWorker({ withoutOpfs: true });
    const { storage, hashes } = await worker.call("load", { model: lane.source(SMALL) }).result;
    expect(storage.kind).toBe("http");
    expect(storage.reason).toMatch(/^no file storage: .*: the model is fetched anew at each load$/);
    expect(hashes).toEqual(hashesOf(await lane.manifest(SMALL)));
  });

  it("does with what is stored when the browser is offline, without a request", async () => {
    const lane = new FaultLane();
    const id = await loadOnce(lane);
    const worker = new DeliveryWorker({ offline: true });
    const { storage, hashes } = await worker.call("load", { model: lane.source(SMALL) }).result;
    expect(storage).toMatchObject({ kind: "opfs", packId: id });
    expect(storage.reason).toContain("offline");
    expect(hashes).toEqual(hashesOf(await lane.manifest(SMALL)));
  });

  it("does with what is stored when the source gives no answer of use", async () => {
    const lane = new FaultLane();
    const id = await loadOnce(lane);
    await lane.inject({ file: "manifest.json", kind: "status", status: 503, times: "always" });
    const worker = new DeliveryWorker();
    const { storage } = await worker.call("load", { model: lane.source(SMALL) }).result;
    expect(storage).toMatchObject({ kind: "opfs", packId: id });
    expect(storage.reason).toContain("gave no answer (manifest.json: HTTP 503");
  });

  it("is told by a source that has the pack no longer", async () => {
    const lane = new FaultLane();
    await loadOnce(lane);
    await lane.inject({ file: "manifest.json", kind: "status", status: 404, times: "always" });
    const worker = new DeliveryWorker();
    await expect(worker.call("load", { model: lane.source(SMALL) }).result).rejects.toMatchObject({
      code: "model-not-found",
    });
  });

  it("says that storage is full instead of storing nothing in silence", async () => {
    const lane = new FaultLane();
    const worker = new DeliveryWorker({ freeBytes: 1000 });
    await expect(worker.call("load", { model: lane.source(SMALL) }).result).rejects.toMatchObject({
      code: "storage-full",
    });
  });

  it("finds a pack again, offline too, at a server that has the same one as a folder", async () => {
    const lane = new FaultLane();
    const worker = new DeliveryWorker();
    const folder = await lane.folder(SMALL);
    const { id } = await worker.call("download", { folder }).result;
    const requests = (await lane.log()).length;
    expect((await worker.call("load", { model: lane.source(SMALL) }).result).storage.packId).toBe(id);
    expect((await worker.call("list").result)[0]?.origin).toEqual(lane.source(SMALL));
    const mirror = new FaultLane();
    await worker.call("download", mirror.source(SMALL)).result;
    // The folder again takes nothing back.
    await worker.call("download", { folder }).result;
    const offline = new DeliveryWorker({ offline: true });
    for (const model of [lane.source(SMALL), mirror.source(SMALL)]) {
      expect((await offline.call("load", { model }).result).storage).toMatchObject({ kind: "opfs", packId: id });
    }
    expect(await lane.log()).toHaveLength(requests);
  });

  it.each(["stored", "url"] as const)("fetches a pack again that is gone before it is open (by %s)", async (by) => {
    const lane = new FaultLane();
    const manifest = await lane.manifest(SMALL);
    const id = await loadOnce(lane);
    const [worker, vandal] = [new DeliveryWorker(), new DeliveryWorker()];
    const lock = `strata-pack-use:${id}`;
    const load = await navigator.locks.request(lock, async () => {
      const loading = worker.call("load", { model: by === "url" ? lane.source(SMALL) : { stored: id } });
      await vi.waitUntil(async () => (await navigator.locks.query()).pending?.some(({ name }) => name === lock));
      await vandal.call("unmark", id).result;
      return { loading };
    });
    expect((await load.loading.result).hashes).toEqual(hashesOf(manifest));
  });
});

describe("a pack that has changed at its source", () => {
  /** @returns What is stored: another version from the same place. */
  async function storeOlder(lane: FaultLane): Promise<TestPack> {
    const pack = await makeTestPack({ revision: "older" });
    const older = { ...pack, source: { ...pack.source, origin: lane.source(SMALL) } };
    const worker = new StoreWorker();
    await worker.call("store", older);
    worker.terminate();
    return older;
  }

  it.each<{ readonly why: string; readonly setup: WorkerSetup; readonly fault?: Fault; readonly reason: string }>([
    { why: "there is no room for it", setup: { freeBytes: 1000 }, reason: "the browser offers 0.0 MB" },
    {
      why: "its files cannot be had",
      setup: {},
      fault: { file: LAYER, kind: "status", status: 503, times: "always" },
      reason: "layer-00.bin: HTTP 503",
    },
    {
      why: "the network goes away on the way",
      setup: { offline: "download" },
      fault: { file: LAYER, kind: "cut", at: 0.5, times: "always" },
      reason: "layer-00.bin: no network",
    },
  ])("is done without when $why", async ({ setup, fault, reason }) => {
    const lane = new FaultLane();
    const older = await storeOlder(lane);
    if (fault) await lane.inject(fault);
    const worker = new DeliveryWorker(setup);
    const { storage, hashes } = await worker.call("load", { model: lane.source(SMALL) }).result;
    expect(storage).toMatchObject({ kind: "opfs", reason: expect.stringContaining(reason) as string });
    expect(storage.reason).toMatch(/: what was stored on \d{4}-\d\d-\d\d is used$/);
    expect(hashes).toEqual(hashesOf(older.source.manifest));
  });

  it("is an error when its files are gone, and when the load is called off", async () => {
    const lane = new FaultLane();
    await storeOlder(lane);
    const worker = new DeliveryWorker();
    await lane.inject({ file: LAYER, kind: "status", status: 404 });
    const load = () => worker.call("load", { model: lane.source(SMALL) });
    await expect(load().result).rejects.toMatchObject({ code: "model-fetch-failed" });
    await lane.inject({ file: LAYER, kind: "gate", at: 0.5 });
    const held = load();
    await lane.held();
    held.abort();
    await expect(held.result).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("a stored file that was damaged since", () => {
  async function damage(id: string, name = LAYER): Promise<void> {
    const worker = new StoreWorker();
    await worker.call("flip", { id, name }, name === FILE ? 1.5 * BLOCK_BYTES : 0);
    worker.terminate();
  }

  it("is found at load, and its damaged block alone is fetched again", async () => {
    const lane = new FaultLane();
    const manifest = await lane.manifest();
    const id = await loadOnce(lane, "tiny");
    await damage(id, FILE);
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
    const manifest = await lane.manifest(SMALL);
    const id = await loadOnce(lane);
    await damage(id);
    const worker = new DeliveryWorker();
    expect((await worker.call("load", { model: { stored: id } }).result).hashes).toEqual(hashesOf(manifest));
    const layer = manifest.files.find(({ name }) => name === LAYER)!;
    expect(bytesOf(await lane.log())).toBe(totalBytes(manifest) + layer.bytes);
  });

  it("is healed from the folder that it came from when that is at hand", async () => {
    const lane = new FaultLane();
    const [manifest, folder] = [await lane.manifest(SMALL), await lane.folder(SMALL)];
    const worker = new DeliveryWorker();
    const { id } = await worker.call("download", { folder }).result;
    await damage(id);
    await expect(worker.call("load", { model: { stored: id } }).result).rejects.toMatchObject({
      code: "model-corrupt",
    });
    expect((await worker.call("load", { model: { folder } }).result).hashes).toEqual(hashesOf(manifest));
  });

  it("is an error and no wrong byte when its source is gone", async () => {
    const lane = new FaultLane();
    const id = await loadOnce(lane);
    await damage(id);
    await lane.inject({ file: "*", kind: "status", status: 404, times: "always" });
    const worker = new DeliveryWorker();
    await expect(worker.call("load", { model: { stored: id } }).result).rejects.toMatchObject({
      code: "model-corrupt",
      details: { file: LAYER, blocks: [0] },
    });
  });
});
