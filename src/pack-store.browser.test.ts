/** @file The store on the page with its real worker, the browser's own storage and a real server. */
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import type { Fault, LoggedRequest } from "../tools/fault-server.ts";
import type { DownloadProgress } from "./delivery.ts";
import { EmbedError } from "./errors.ts";
import { openPackStore, type PackStoreOptions, type PagePackStore } from "./pack-store.ts";

const LANE = `${inject("faultServerUrl")}/pack-store-page`;
/** Has a file of three blocks, `large.bin`. */
const TINY = { url: `${LANE}/tiny/` };
const BLOCK_BYTES = 16 * 2 ** 20;

const stores: PagePackStore[] = [];

function open(options: PackStoreOptions = {}): PagePackStore {
  const store = openPackStore(options);
  stores.push(store);
  return store;
}

async function clear(): Promise<void> {
  using store = openPackStore();
  for (const { id } of await store.list()) await store.remove(id);
}

beforeEach(async () => {
  await fetch(LANE, { method: "DELETE" });
  await clear();
});

afterEach(async () => {
  stores.splice(0).forEach((store) => store.dispose());
  await clear();
});

async function log(): Promise<LoggedRequest[]> {
  return (await fetch(`${LANE}/log`)).json() as Promise<LoggedRequest[]>;
}

function addFaults(...faults: Fault[]): Promise<Response> {
  return fetch(`${LANE}/faults`, { method: "POST", body: JSON.stringify(faults) });
}

function failure(call: Promise<unknown>): Promise<EmbedError> {
  return call.then(
    () => expect.fail("the call resolved"),
    (error: unknown) => error as EmbedError,
  );
}

describe("openPackStore", () => {
  it("shows an empty store, and what may be stored", async () => {
    const store = open();
    expect(await store.list()).toEqual([]);
    const { usedBytes, freeBytes } = await store.estimate();
    expect(usedBytes).toBeGreaterThanOrEqual(0);
    expect(freeBytes).toBeGreaterThan(0);
  });

  it("rejects with a typed error where no pack is", async () => {
    const store = open();
    const error = await failure(store.download({ url: `${LANE}/no-such-pack/` }));
    expect(error).toBeInstanceOf(EmbedError);
    expect(error).toMatchObject({ code: "model-not-found", details: { status: 404 } });
    expect((await failure(store.verify("no-such-id"))).code).toBe("model-not-found");
    expect(await store.list()).toEqual([]);
  });

  it("stores a pack for every page, and removes it", async () => {
    const store = open();
    const offer = await store.inspect(TINY);
    expect(offer.missingBytes).toBe(offer.totalBytes);
    const seen: DownloadProgress[] = [];
    const pack = await store.download(TINY, { onProgress: (progress) => seen.push(progress) });
    expect(pack).toMatchObject({ id: offer.id, state: "complete", origin: TINY, storedBytes: offer.totalBytes });
    expect(seen.at(-1)).toMatchObject({ loadedBytes: offer.totalBytes, totalBytes: offer.totalBytes });
    expect(await open().list()).toEqual([{ ...pack, inUse: false }]);
    expect(await store.verify(pack.id)).toEqual({ checkedBytes: offer.totalBytes, damaged: [] });
    await store.remove(pack.id);
    expect(await store.list()).toEqual([]);
  });

  it("fetches through the page's function, to which the page adds what it knows", async () => {
    const urls: string[] = [];
    const store = open({
      fetch: (url, init) => {
        urls.push(url);
        return fetch(url, { ...init, headers: { ...init.headers, "X-Test": "of the page" } });
      },
    });
    expect((await store.download(TINY)).state).toBe("complete");
    const requests = (await log()).filter(({ method }) => method === "GET");
    expect(requests.map(({ headers }) => headers["x-test"])).toEqual(requests.map(() => "of the page"));
    // Of the files the browser's HTTP cache may have had some; nothing went past the page.
    expect(urls).toEqual(expect.arrayContaining(requests.map(({ path }) => new URL(path, LANE).href)));
    expect(urls).toEqual(expect.arrayContaining([`${TINY.url}manifest.json`, `${TINY.url}layer-00.bin`]));
  });

  it("takes the page's own fetch as it is", async () => {
    expect((await open({ fetch: window.fetch }).inspect(TINY)).name).toBe("tiny");
  });

  it("reads a folder that the page was given", async () => {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle("a-folder", { create: true });
    const store = open();
    expect(await failure(store.inspect({ folder }))).toMatchObject({ code: "model-not-found" });
    const { body } = await fetch(`${TINY.url}manifest.json`);
    const files = [new File([await new Response(body).arrayBuffer()], "manifest.json")];
    expect((await store.inspect({ folder: files })).name).toBe("tiny");
    await root.removeEntry("a-folder");
  });

  it.each<[string, PackStoreOptions]>([
    ["the worker's fetch", {}],
    ["the page's fetch", { fetch: (url, init) => fetch(url, init) }],
  ])("stops at once when a download is called off, and goes on from there, through %s", async (_, options) => {
    await addFaults({ kind: "gate", file: "large.bin", at: BLOCK_BYTES + 1000 });
    const store = open(options);
    const controller = new AbortController();
    const { signal } = controller;
    let callOff = (): void => {};
    const underWay = new Promise<void>((resolve) => (callOff = resolve));
    const onProgress = ({ loadedBytes }: DownloadProgress): void => void (loadedBytes > BLOCK_BYTES && callOff());
    const call = failure(store.download(TINY, { signal, onProgress }));
    await underWay;
    await expect.poll(async () => (await store.list())[0]?.storedBytes).toBeGreaterThanOrEqual(BLOCK_BYTES);
    controller.abort("later");
    expect(await call).toMatchObject({ code: "aborted", cause: "later" });
    await expect.poll(async () => (await log()).some(({ file, cut }) => file === "large.bin" && cut)).toBe(true);
    expect((await store.download(TINY)).state).toBe("complete");
    const ranges = (await log()).filter(({ file }) => file === "large.bin").map(({ range }) => range);
    expect(ranges[0]).toBe(null);
    expect(ranges[1]).toMatch(`bytes=${BLOCK_BYTES}-`);
  });

  it("rejects with disposed in the middle of a download, which another store takes up", async () => {
    await addFaults({ kind: "gate", file: "large.bin", at: 1000 });
    const store = open({ fetch: (url, init) => fetch(url, init) });
    const call = failure(store.download(TINY));
    await fetch(`${LANE}/held`);
    store.dispose();
    expect((await call).code).toBe("disposed");
    expect((await failure(store.list())).code).toBe("disposed");
    // The page's request ends with the worker that it was for.
    await expect.poll(async () => (await log()).some(({ file, cut }) => file === "large.bin" && cut)).toBe(true);
    expect((await open().download(TINY)).state).toBe("complete");
  });
});
