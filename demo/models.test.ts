/** @file Tests of the model panel's controller where the storage fails; with the real one: models.browser.test.ts. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EmbedError } from "../src/index.ts";
import type { DownloadProgress, PackOffer, PackStore, StoredPack } from "../src/index.ts";
import { NANO } from "./catalogue.ts";
import type { ModelChoice } from "./model-choice.ts";
import { lostBytes } from "./model-state.ts";
import { Models } from "./models.ts";
import { INITIAL_STATE } from "./state.ts";
import { createStore } from "./store.ts";

const SOURCE = { source: { hub: "a/b" }, name: "a/b" };
const STORAGE = { usedBytes: 10, freeBytes: 1000, persisted: false };
const OFFER: PackOffer = {
  id: "b-0",
  name: "b",
  revision: "1",
  architecture: NANO.architecture,
  bits: 4,
  totalBytes: 100,
  missingBytes: 100,
};
const PACK: StoredPack = {
  id: "b-0",
  name: "b",
  state: "complete",
  origin: { hub: "a/b" },
  revision: "1",
  totalBytes: 100,
  storedBytes: 100,
  storedAt: 1,
  lastUsedAt: null,
  inUse: false,
};
const PROGRESS: DownloadProgress = {
  phase: "download",
  loadedBytes: 40,
  totalBytes: 100,
  bytesPerSecond: 10,
  remainingMs: 6000,
  by: "here",
  trouble: null,
};

/** A storage that does what a test needs of it. */
function makePacks(parts: Partial<PackStore>): PackStore {
  const never = () => Promise.reject(new Error("not of this test"));
  return {
    list: () => Promise.resolve([]),
    estimate: () => Promise.resolve(STORAGE),
    inspect: () => Promise.resolve(OFFER),
    download: never,
    verify: never,
    remove: never,
    evict: never,
    ...parts,
  };
}

function makeModels(parts: Partial<PackStore>) {
  const used: ModelChoice[] = [];
  const page = {
    store: createStore(INITIAL_STATE),
    metrics: () => null,
    use: (choice: ModelChoice) => Promise.resolve(void used.push(choice)),
  };
  const models = new Models(makePacks(parts), page, { wait: () => Promise.resolve() });
  return { models, used, arrival: () => models.store.get().arrival };
}

const rejects = (...[code, details]: [ConstructorParameters<typeof EmbedError>[0], object?]) =>
  Promise.reject(new EmbedError(code, code, { details: { ...details } }));

/** A download that reports once and then goes on until it is called off. */
const endless: PackStore["download"] = (_source, { signal, onProgress } = {}) => {
  onProgress?.(PROGRESS);
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new EmbedError("aborted", ""))));
};

describe("Models", () => {
  beforeEach(() => void vi.stubGlobal("navigator", {}));
  afterEach(() => void vi.unstubAllGlobals());

  it("says what the device would make of a model once it knows the device", async () => {
    const { models } = makeModels({});
    expect(models.assess(OFFER)).toBeNull();
    await models.open();
    expect(models.assess(OFFER)).toMatchObject({ verdict: "runs", on: "wasm" });
    expect(models.assess({ ...OFFER, missingBytes: 1001 })?.verdict).toBe("cannot");
    const before = models.assess(OFFER)!.memoryBytes;
    models.setContext(32_768);
    expect(models.assess(OFFER)!.memoryBytes).toBeGreaterThan(before);
  });

  it("pauses by calling off and goes on by asking again", async () => {
    const { models, arrival } = makeModels({ download: endless });
    await models.look(SOURCE);
    expect(arrival()).toMatchObject({ stage: "offered", name: "b", packId: "b-0" });
    const downloading = models.download();
    expect(arrival()).toMatchObject({ stage: "downloading", progress: PROGRESS });
    expect(lostBytes(models.store.get())).toBe(40);
    models.pause();
    await downloading;
    expect(arrival()).toMatchObject({ stage: "paused", progress: PROGRESS });
    const again = models.download();
    expect(arrival()).toMatchObject({ stage: "downloading" });
    models.dismiss();
    await again;
    expect(arrival()).toBeNull();
  });

  it("cancels by calling off and removing, and waits until the download has let go", async () => {
    const removed: string[] = [];
    const remove = (id: string) => (removed.push(id) < 3 ? rejects("storage-busy") : Promise.resolve());
    const { models, arrival } = makeModels({ download: endless, remove });
    await models.look(SOURCE);
    const downloading = models.download();
    await models.cancel();
    await downloading;
    expect(arrival()).toBeNull();
    expect(removed).toEqual(["b-0", "b-0", "b-0"]);
    expect(models.store.get().tasks).toEqual({});
  });

  it("pauses a download for a look at another model", async () => {
    const { models, arrival } = makeModels({ download: endless });
    await models.look(SOURCE);
    const downloading = models.download();
    await models.look({ source: { hub: "c/d" }, name: "c/d" });
    await downloading;
    expect(arrival()).toMatchObject({ source: { hub: "c/d" }, stage: "offered" });
  });

  it("tells how much room is needed and how much there is", async () => {
    const room = { neededBytes: 100, freeBytes: 7 };
    const { models, arrival } = makeModels({ download: () => rejects("storage-full", room) });
    await models.look(SOURCE);
    await models.download();
    expect(arrival()).toMatchObject({ stage: "failed", room, failure: { code: "storage-full" } });
  });

  it("tells a refusal that a token would help against from others", async () => {
    const denied = async (status: number) => {
      const { models, arrival } = makeModels({ inspect: () => rejects("model-fetch-failed", { status }) });
      await models.look(SOURCE);
      expect(arrival()).toMatchObject({ stage: "failed", failure: { code: "model-fetch-failed" } });
      return arrival()!.denied;
    };
    expect(await Promise.all([401, 403, 500].map(denied))).toEqual([true, true, false]);
  });

  it("offers a model without storing it where nothing can be stored", async () => {
    const full = () => rejects("storage-full", { freeBytes: 0 });
    const { models, used, arrival } = makeModels({ list: full, inspect: full });
    await models.open();
    expect(models.store.get()).toMatchObject({ storage: null, storageMissing: "storage-full", stored: [] });
    await models.look(SOURCE);
    expect(arrival()).toMatchObject({ stage: "offered", offer: null });
    await models.useSource();
    expect(used).toEqual([{ kind: "source", ...SOURCE }]);
    expect(arrival()).toBeNull();
  });

  it("keeps a pack that another tab uses and says so", async () => {
    const { models } = makeModels({ remove: () => rejects("storage-busy"), list: () => Promise.resolve([PACK]) });
    await models.remove("b-0");
    expect(models.store.get().tasks["b-0"]).toMatchObject({ kind: "failed", failure: { code: "storage-busy" } });
  });

  it("goes on with a download of an earlier visit, unless its folder is needed", async () => {
    const sources: unknown[] = [];
    const download: PackStore["download"] = (source) => Promise.resolve((sources.push(source), PACK));
    const { models, used, arrival } = makeModels({ download });
    await models.resume({ ...PACK, origin: { folder: "stick" } });
    expect(sources).toEqual([]);
    await models.resume(PACK);
    expect(sources).toEqual([{ hub: "a/b" }]);
    expect(arrival()).toMatchObject({ stage: "stored", packId: "b-0" });
    await models.use(PACK);
    expect(used).toEqual([{ kind: "stored", id: "b-0", name: "b" }]);
    expect(arrival()).toBeNull();
  });

  it("names what is damaged", async () => {
    const result = { checkedBytes: 100, damaged: ["layer-00.bin"] };
    const { models } = makeModels({ verify: () => Promise.resolve(result) });
    await models.verify("b-0");
    expect(models.store.get().tasks["b-0"]).toEqual({ kind: "verified", ...result });
  });
});
