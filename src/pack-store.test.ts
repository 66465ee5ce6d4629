/** @file Tests of the store on the page over a real message channel. */
import { getEventListeners } from "node:events";
import { expose } from "comlink";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { DownloadProgress, UrlSource } from "./delivery.ts";
import { EmbedError } from "./errors.ts";
import { openStore, type PackStoreOptions, type PagePackStore } from "./pack-store.ts";
import { MapStore } from "./thread/fixtures/map-store.ts";
import { servedStore } from "./thread/fixtures/served-port.ts";
import type { WorkerPort } from "./thread/worker-calls.ts";

const NANO: UrlSource = { url: "http://localhost/nano/" };
const stores: PagePackStore[] = [];
afterEach(() => {
  stores.splice(0).forEach((store) => store.dispose());
  vi.unstubAllGlobals();
});

/** Answers as a server that has packs by the names of their folders. */
const fetchName = async (url: string): Promise<Response> =>
  url.includes("/absent/") ? new Response(null, { status: 404 }) : new Response(url.split("/").at(-2));

/** A store with the workers that it started, and what is behind each. */
function open(options: PackStoreOptions = { fetch: fetchName }) {
  const workers: { readonly port: WorkerPort & EventTarget; readonly store: () => MapStore }[] = [];
  const store = openStore(options, () => {
    let behind: MapStore | null = null;
    const port = servedStore((given) => (behind = new MapStore(given)));
    workers.push({ port, store: () => behind! });
    return port;
  });
  stores.push(store);
  return { store, workers };
}

/** The error that a call rejects with. */
function failure(call: Promise<unknown>): Promise<EmbedError> {
  return call.then(
    () => expect.fail("the call resolved"),
    (error: unknown) => error as EmbedError,
  );
}

describe("openStore", () => {
  it("starts one worker, at the first call", async () => {
    const { store, workers } = open();
    expect(workers).toHaveLength(0);
    await Promise.all([store.list(), store.estimate(), store.list()]);
    expect(workers).toHaveLength(1);
  });

  it.each([{ readyTimeoutMs: -1 }, { readyTimeoutMs: Infinity }, { fetch: "fetch" }])("refuses %j", (options) => {
    const opening = () => openStore(options as never, () => expect.fail("a worker was started"));
    expect(opening).toThrow(EmbedError);
  });
});

describe("PagePackStore", () => {
  it("downloads, lists, verifies and removes", async () => {
    const { store } = open();
    const pack = await store.download(NANO);
    expect(pack).toMatchObject({ id: "nano-1", name: "nano", state: "complete", origin: NANO });
    expect(await store.list()).toEqual([pack]);
    expect(await store.estimate()).toEqual({ usedBytes: 1000, freeBytes: 5, persisted: false });
    expect(await store.verify("nano-1")).toEqual({ checkedBytes: 1000, damaged: ["of nano-1"] });
    expect(await store.remove("nano-1")).toBe(undefined);
    expect(await store.list()).toEqual([]);
  });

  it("sends a source as it was checked", async () => {
    const { store, workers } = open();
    const file = new File(["{}"], "manifest.json");
    const controller = new AbortController();
    const calls = [
      failure(store.inspect({ hub: "a/b", token: "t" }, { signal: controller.signal })),
      failure(store.inspect({ folder: [file] }, { signal: controller.signal })),
    ];
    await store.list();
    controller.abort();
    await Promise.all(calls);
    const [hub, folder] = workers[0]!.store().sources as [unknown, { readonly folder: readonly File[] }];
    expect(hub).toEqual({ hub: "a/b", token: "t" });
    expect(await folder.folder[0]!.text()).toBe("{}");
  });

  it.each<[string, (store: PagePackStore) => Promise<unknown>]>([
    ["a relative URL outside a page", (store) => store.download({ url: "nano" })],
    ["no source", (store) => store.inspect({} as never)],
    ["no id", (store) => store.verify("")],
    ["an id that is none", (store) => store.remove(7 as never)],
    ["bytes that are none", (store) => store.evict(NaN)],
  ])("refuses %s without a worker", async (_, call) => {
    const { store, workers } = open();
    expect((await failure(call(store))).code).toBe("invalid-input");
    expect(workers).toHaveLength(0);
  });

  it("rejects with a call's own error, details kept, and goes on", async () => {
    const { store } = open();
    const absent = await failure(store.download({ url: "http://localhost/absent/" }));
    expect(absent).toBeInstanceOf(EmbedError);
    expect(absent).toMatchObject({ code: "model-not-found", details: { status: 404 } });
    const full = await failure(store.evict(9));
    expect(full).toMatchObject({ code: "storage-full", details: { neededBytes: 9, freeBytes: 5 } });
    expect(await store.list()).toEqual([]);
  });

  it("thins out progress and delivers the last one before the result", async () => {
    const { store } = open();
    const seen: DownloadProgress[] = [];
    await store.download(NANO, { onProgress: (progress) => seen.push(progress) });
    expect(seen[0]?.loadedBytes).toBe(0);
    expect(seen.at(-1)?.loadedBytes).toBe(1000);
    expect(seen.length).toBeLessThan(500);
    await store.verify("nano-1", { onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)?.phase).toBe("verify");
  });

  it("rejects an aborted call at once, cancels it in the worker and forgets the signal", async () => {
    const { store, workers } = open();
    const controller = new AbortController();
    const onProgress = vi.fn();
    const hooks = { signal: controller.signal, onProgress };
    const call = failure(store.download({ url: "http://localhost/slow/" }, hooks));
    await expect.poll(() => onProgress.mock.calls.length).toBeGreaterThan(0);
    controller.abort("later");
    expect(await call).toMatchObject({ code: "aborted", cause: "later" });
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    await store.list();
    expect(workers[0]!.store().cancelled).toBe(1);
    expect((await store.download(NANO)).name).toBe("nano");
  });

  it("never sends a call that was aborted while the worker started", async () => {
    const { store, workers } = open();
    const controller = new AbortController();
    const call = failure(store.download(NANO, { signal: controller.signal }));
    controller.abort();
    expect((await call).code).toBe("aborted");
    await store.list();
    expect(workers[0]!.store().sources).toEqual([]);
    expect((await failure(store.download(NANO, { signal: controller.signal }))).code).toBe("aborted");
  });

  it("rejects what waits when the worker crashes, and starts a fresh one for the next call", async () => {
    const { store, workers } = open();
    await store.list();
    const call = failure(store.download({ url: "http://localhost/slow/" }));
    workers[0]!.port.dispatchEvent(Object.assign(new Event("error"), { message: "boom" }));
    expect(await call).toMatchObject({ code: "worker-crashed", message: "the worker crashed: boom" });
    expect((await store.download(NANO)).name).toBe("nano");
    expect(workers).toHaveLength(2);
  });

  it("rejects every call with disposed, and starts no worker any more", async () => {
    const { store, workers } = open();
    const call = failure(store.download({ url: "http://localhost/slow/" }));
    store.dispose();
    store.dispose();
    expect((await call).code).toBe("disposed");
    expect((await failure(store.list())).code).toBe("disposed");
    expect(workers).toHaveLength(1);
    const unused = open();
    unused.store.dispose();
    expect((await failure(unused.store.list())).code).toBe("disposed");
    expect(unused.workers).toHaveLength(0);
  });

  it("rejects when nothing answers in time, and tries again", async () => {
    let started = 0;
    const store = openStore({ readyTimeoutMs: 1 }, () => {
      const { port1 } = new MessageChannel();
      started++;
      return Object.assign(port1, { terminate: () => port1.close() });
    });
    const calls = await Promise.all([failure(store.list()), failure(store.estimate())]);
    for (const error of calls) expect(error).toMatchObject({ code: "worker-crashed", details: { readyTimeoutMs: 1 } });
    await failure(store.list());
    expect(started).toBe(2);
  });

  it("refuses the worker of another build", async () => {
    const { port1, port2 } = new MessageChannel();
    const list = vi.fn();
    const terminate = vi.fn(() => port1.close());
    expose({ ready: () => 999, list, cancel: () => {} }, port2);
    const store = openStore({}, () => Object.assign(port1, { terminate }));
    expect(await failure(store.list())).toMatchObject({ code: "worker-crashed", details: { worker: 999 } });
    expect(list).not.toHaveBeenCalled();
    expect(terminate).toHaveBeenCalledOnce();
  });

  it("leaves requests to the worker when the page gives no fetch", async () => {
    const { store } = open({});
    vi.stubGlobal("fetch", async () => new Response("of the worker"));
    expect((await store.download(NANO)).name).toBe("of the worker");
  });

  it("asks once for storage that stays, at the first download, and takes no for an answer", async () => {
    const persist = vi.fn(() => Promise.reject(new Error("no")));
    vi.stubGlobal("navigator", { storage: { persist } });
    const { store } = open();
    await store.list();
    expect(persist).not.toHaveBeenCalled();
    await store.download(NANO);
    await store.download(NANO);
    expect(persist).toHaveBeenCalledOnce();
  });
});
