/** @file What is in the store, garbage included, and getting rid of it. */
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { cdp } from "vitest/browser";
import { packId } from "./entry.ts";
import { estimateStorage } from "./estimate.ts";
import { cleanStore } from "./fixtures/clean-store.ts";
import { endWorkers, startWorker } from "./fixtures/store-worker.ts";
import { makeTestPack, type TestPack } from "./fixtures/test-pack.ts";
import { hasOpfs } from "./opfs.ts";
import { findStored, listStored, removePack } from "./stored.ts";
import { openStoredPack } from "./stored-pack.ts";

let one: TestPack;
let two: TestPack;
let ids: { one: string; two: string };
beforeAll(async () => {
  one = await makeTestPack();
  two = await makeTestPack({ revision: "two" });
  const idOf = ({ source }: TestPack): Promise<string> => packId(source.manifest, source.manifestBytes);
  ids = { one: await idOf(one), two: await idOf(two) };
});

afterEach(async () => {
  vi.restoreAllMocks();
  endWorkers();
  await cleanStore();
});

describe("packId", () => {
  it("is the pack's name, made safe, and the hash of its manifest", async () => {
    const { manifest, manifestBytes } = one.source;
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", manifestBytes));
    const digits = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0"))
      .join("")
      .slice(0, 12);
    const idOf = (name: string): Promise<string> => packId({ ...manifest, name }, manifestBytes);
    expect(await idOf("Qwen3 Embedding/4B (q4)")).toBe(`Qwen3-Embedding-4B-q4-${digits}`);
    expect(await idOf("../..")).toBe(`pack-${digits}`);
    expect(await idOf("x".repeat(4096))).toBe(`${"x".repeat(80)}-${digits}`);
  });
});

describe("hasOpfs", () => {
  it("says that packs can be stored, in workers and pages, and leaves nothing behind", async () => {
    expect(await hasOpfs()).toEqual({ ok: true });
    expect(await startWorker().call("hasOpfs")).toEqual({ ok: true });
    expect(await Array.fromAsync((await navigator.storage.getDirectory()).keys())).toEqual([]);
  });

  it("gives the reason when the browser refuses, as in private windows, and the store has the same one", async () => {
    const refusal = new DOMException("Security error when calling GetDirectory", "SecurityError");
    vi.spyOn(navigator.storage, "getDirectory").mockRejectedValue(refusal);
    const support = await hasOpfs();
    expect(support).toMatchObject({ ok: false, reason: expect.stringContaining("SecurityError") });
    const reason = support.ok ? "" : support.reason;
    await expect(listStored()).rejects.toMatchObject({ code: "storage-full", details: { freeBytes: 0, reason } });
  });
});

describe("the store", () => {
  it("holds versions of a pack side by side, the newest first", async () => {
    const worker = startWorker();
    await worker.call("store", one);
    await worker.call("store", two);
    const packs = await listStored();
    expect(packs.map(({ id, revision, state }) => [id, revision, state])).toEqual([
      [ids.two, "two", "complete"],
      [ids.one, "one", "complete"],
    ]);
    await worker.call("remove", ids.two);
    expect(await listStored()).toMatchObject([{ id: ids.one, state: "complete" }]);
    expect(await findStored(ids.two)).toBeNull();
  });

  it("lists what makes no sense as incomplete, and removes it", async () => {
    const worker = startWorker();
    await worker.call("store", one);
    const marker = `{"version":99,"manifestSha256":"${"0".repeat(64)}","storedAt":1}`;
    await worker.call("overwrite", `other-program/complete.json`, marker);
    await worker.call("overwrite", "a-file", "not a folder");
    await worker.call("overwrite", "empty-ffffffffffff/files/x.bin", "");
    await worker.call("overwrite", "torn-ffffffffffff/draft.json", '{"origin":{"url":7}}');
    await worker.call("overwrite", "text-ffffffffffff/manifest.json", "<html>");
    // A later version of the format, with its own hash in the id.
    const later = new TextEncoder().encode(JSON.stringify({ ...one.source.manifest, version: 2 }));
    const laterId = await packId(one.source.manifest, later);
    await worker.call("overwrite", `${laterId}/manifest.json`, new TextDecoder().decode(later));
    await worker.call("overwrite", `${laterId}/draft.json`, '{"origin":{"folder":"stick"}}');
    const garbage = [
      "other-program",
      "a-file",
      "empty-ffffffffffff",
      "torn-ffffffffffff",
      "text-ffffffffffff",
      laterId,
    ];
    const [first, ...others] = await listStored();
    expect(first).toMatchObject({ id: ids.one, state: "complete" });
    expect(others.map(({ id }) => id)).toEqual(garbage.toSorted());
    for (const pack of others) {
      const origin = pack.id === laterId ? { folder: "stick" } : null;
      expect(pack).toMatchObject({ name: pack.id, state: "incomplete", origin, totalBytes: 0, storedBytes: 0 });
      await worker.call("remove", pack.id);
    }
    expect(await listStored()).toHaveLength(1);
  });

  it("has a removal that was killed anywhere begun again, and never a pack without its files", async () => {
    const worker = startWorker();
    const seen: string[] = [];
    for (let operation = 0; ; operation++) {
      await worker.call("store", one);
      const victim = startWorker();
      await victim.call("freezeAt", operation);
      const frozenAt = await Promise.race([victim.frozen, victim.call("remove", ids.one).then(() => null)]);
      victim.terminate();
      if (frozenAt === null) break;
      seen.push(frozenAt);
      const { state, storedBytes, totalBytes } = (await findStored(ids.one))!;
      if (state === "complete") expect(storedBytes).toBe(totalBytes);
      await vi.waitFor(() => worker.call("remove", ids.one));
      expect(await listStored()).toEqual([]);
    }
    expect(seen).toEqual(expect.arrayContaining(["remove complete.json", `remove ${ids.one}`]));
  });

  it("removes no pack that is in use, until the worker that uses it has ended", async () => {
    const [worker, reader, other] = [startWorker(), startWorker(), startWorker()];
    await worker.call("store", one);
    expect(await findStored(ids.one)).toMatchObject({ inUse: false });
    await reader.call("open", ids.one, null);
    await other.call("open", ids.one, null);
    expect(await findStored(ids.one)).toMatchObject({ inUse: true });
    await other.call("release");
    await expect(worker.call("remove", ids.one)).rejects.toMatchObject({
      code: "storage-busy",
      details: { id: ids.one },
    });
    expect(await findStored(ids.one)).toMatchObject({ state: "complete" });
    reader.terminate();
    await vi.waitFor(() => worker.call("remove", ids.one));
    await expect(worker.call("remove", ids.one)).rejects.toMatchObject({ code: "model-not-found" });
    await expect(worker.call("remove", "..")).rejects.toMatchObject({ code: "model-not-found" });
  });

  it("removes no pack that is being written", async () => {
    const worker = startWorker();
    await worker.call("store", one);
    await navigator.locks.request(`strata-pack-write:${ids.one}`, async () => {
      expect(await findStored(ids.one)).toMatchObject({ inUse: true });
      await expect(worker.call("remove", ids.one)).rejects.toMatchObject({ code: "storage-busy" });
    });
    await worker.call("remove", ids.one);
  });

  it("removes a pack of which a worker that ended just now still has a file", async () => {
    const [worker, holder] = [startWorker(), startWorker()];
    await worker.call("store", one);
    await holder.call("hold", `${ids.one}/files/final.bin`);
    const removing = worker.call("remove", ids.one);
    await vi.waitFor(async () => expect(await findStored(ids.one)).toMatchObject({ state: "incomplete" }));
    // Its first attempt is answered before this is.
    await worker.call("hasOpfs");
    holder.terminate();
    await removing;
    expect(await listStored()).toEqual([]);
  });

  it("evicts downloads that have begun after all that is complete, and those that have nothing first", async () => {
    const worker = startWorker();
    const draft = await makeTestPack({ large: true });
    const draftId = await packId(draft.source.manifest, draft.source.manifestBytes);
    await worker.call("storeBlocks", draft, "large.bin", [1]);
    await worker.call("storeBlocks", two, "final.bin", []);
    await worker.call("store", one);
    const evicted = await worker.call("evict", 10, [0, 5, 10]);
    expect(evicted.map(({ id }) => id)).toEqual([ids.two, ids.one]);
    expect((await worker.call("evict", 10, [0, 10])).map(({ id }) => id)).toEqual([draftId]);
  });

  it("evicts leftovers, then what was used longest ago, as far as it must, and nothing in use", async () => {
    const worker = startWorker();
    const three = await makeTestPack({ revision: "three" });
    for (const pack of [one, two, three]) await worker.call("store", pack);
    await worker.call("overwrite", "leftover/x", "");
    const [newest] = await listStored();
    await worker.call("open", ids.one, null);
    await worker.call("release");
    const evicted = await worker.call("evict", 10, [0, 5, 10]);
    expect(evicted.map(({ id }) => id)).toEqual(["leftover", ids.two]);
    expect((await listStored()).map(({ id }) => id)).toEqual([newest!.id, ids.one]);
    expect(await worker.call("evict", 10, [10])).toEqual([]);
    const reader = startWorker();
    await reader.call("open", ids.one, null);
    await expect(worker.call("evict", 10, [0, 4])).rejects.toMatchObject({
      code: "storage-full",
      details: { neededBytes: 10, freeBytes: 4, removed: [newest!.id] },
    });
    expect(await listStored()).toMatchObject([{ id: ids.one, state: "complete", inUse: true }]);
  });
});

describe("a browser that refuses", () => {
  const refusal = new DOMException("not now", "InvalidStateError");

  it("is storage-busy, whatever it refuses", async () => {
    vi.spyOn(navigator.storage, "estimate").mockRejectedValue(refusal);
    await expect(estimateStorage()).rejects.toMatchObject({ code: "storage-busy", cause: refusal });
    vi.spyOn(navigator.locks, "query").mockRejectedValue(refusal);
    await expect(listStored()).rejects.toMatchObject({ code: "storage-busy", cause: refusal });
    vi.spyOn(navigator.locks, "request").mockRejectedValue(refusal);
    await expect(openStoredPack(ids.one)).rejects.toMatchObject({ code: "storage-busy", cause: refusal });
    await expect(removePack(ids.one)).rejects.toMatchObject({ code: "storage-busy", cause: refusal });
    vi.restoreAllMocks();
    vi.spyOn(FileSystemDirectoryHandle.prototype, "entries").mockImplementation(() => {
      throw refusal;
    });
    await expect(listStored()).rejects.toMatchObject({ code: "storage-busy", cause: refusal });
  });
});

describe("a full disk", () => {
  const setQuota = (quotaSize?: number): Promise<unknown> =>
    cdp().send("Storage.overrideQuotaForOrigin", { origin: location.origin, ...(quotaSize && { quotaSize }) });

  afterEach(() => setQuota());

  it("says what is needed and free, keeps what it has, and goes on when there is room", async () => {
    const worker = startWorker();
    const large = await makeTestPack({ large: true });
    const largeBytes = large.contents.get("large.bin")!.length;
    const totalBytes = large.source.manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
    await setQuota(4_000_000);
    await expect(worker.call("store", large)).rejects.toMatchObject({ code: "storage-full" });
    const error = await worker.call("store", large).catch((thrown: { details: Record<string, number> }) => thrown);
    expect(error).toMatchObject({ code: "storage-full", details: { file: "large.bin", neededBytes: largeBytes } });
    expect("details" in error && error.details["freeBytes"]).toBeGreaterThan(2_000_000);
    expect("details" in error && error.details["freeBytes"]).toBeLessThanOrEqual(4_000_000);
    const [draft] = await listStored();
    expect(draft).toMatchObject({ state: "incomplete", storedBytes: totalBytes - largeBytes });
    await setQuota(100_000_000);
    const { stored, written } = await worker.call("store", large);
    expect({ state: stored.state, written }).toEqual({ state: "complete", written: ["large.bin 0", "large.bin 1"] });
  });

  it("is measured by asking for room, whatever the browser estimates", async () => {
    const worker = startWorker();
    await setQuota(50_000_000);
    expect(await worker.call("measureRoom", 10_000_000)).toBe(10_000_000);
    const granted = await worker.call("measureRoom", 4_000_000_000);
    expect(granted).toBeLessThanOrEqual(50_000_000);
    expect(granted).toBeGreaterThan(48_000_000);
    expect(await Array.fromAsync((await navigator.storage.getDirectory()).keys())).toEqual([]);
  });

  it("is not full while another tab measures it", async () => {
    const [worker, other] = [startWorker(), startWorker()];
    const large = await makeTestPack({ large: true });
    await setQuota(50_000_000);
    const lock = { name: "strata-room" };
    const storing = await navigator.locks.request(lock.name, async () => {
      await other.call("takeRoom", 33_000_000);
      const begun = worker.call("storeBlocks", large, "large.bin", [1]);
      begun.catch(() => undefined);
      await vi.waitFor(async () => expect((await navigator.locks.query()).pending).toMatchObject([lock]));
      await other.call("letGo");
      return { begun };
    });
    await storing.begun;
    expect(await listStored()).toMatchObject([{ storedBytes: 1000 }]);
  });

  it("is made room on by evicting", async () => {
    const worker = startWorker();
    const large = await makeTestPack({ large: true });
    await setQuota(30_000_000);
    await worker.call("store", one);
    await worker.call("store", large);
    expect(await worker.call("evict", 10_000_000)).toEqual([]);
    expect(await worker.call("evict", 20_000_000)).toMatchObject([{ id: ids.one }, { state: "complete" }]);
    await expect(worker.call("evict", 40_000_000)).rejects.toMatchObject({ code: "storage-full" });
  });
});
