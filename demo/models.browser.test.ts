/** @file Tests of the model panel's controller with the real storage: download, pause, use, verify, remove. */
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { openPackStore } from "../src/index.ts";
import type { ModelsState } from "./model-state.ts";
import { Models } from "./models.ts";
import { Page } from "./page.ts";
import { BUILT_IN_MODEL } from "./settings.ts";

const BASE = `${location.origin}/`;
/** The built-in pack, as if somebody else served it. */
const NANO = { source: { url: new URL(BUILT_IN_MODEL, BASE).href }, name: "nano" };
const BREAD = new File(["Bread rises because yeast turns sugar into carbon dioxide. ".repeat(60)], "bread.txt");

async function openModels() {
  const page = new Page({ model: null, device: "wasm" }, { baseUrl: BASE, libraryName: null });
  const packs = openPackStore();
  const models = new Models(packs, page);
  onTestFinished(() => {
    page.dispose();
    packs.dispose();
  });
  await models.open();
  return { models, page };
}

/** Resolves with the first state for which `holds` does. */
function until(models: Models, holds: (state: ModelsState) => boolean): Promise<ModelsState> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (!holds(models.store.get())) return;
      stop();
      resolve(models.store.get());
    };
    const stop = models.store.subscribe(check);
    check();
  });
}

beforeEach(async () => {
  localStorage.clear();
  using packs = openPackStore();
  for (const { id } of await packs.list()) await packs.remove(id);
});

describe("Models", () => {
  it("offers, downloads with a pause in between, and removes", async () => {
    const { models } = await openModels();
    expect(models.store.get()).toMatchObject({ stored: [], storageMissing: null });
    await models.look(NANO);
    const { arrival } = models.store.get();
    expect(arrival).toMatchObject({ stage: "offered", offer: { name: "nano-qwen3-embedding", bits: 4 } });
    expect(arrival!.offer!.missingBytes).toBe(arrival!.offer!.totalBytes);
    const first = models.download();
    await until(models, (now) => (now.arrival?.progress?.loadedBytes ?? 0) > 0);
    models.pause();
    await first;
    expect(models.store.get()).toMatchObject({ arrival: { stage: "paused" }, stored: [{ state: "incomplete" }] });
    await models.download();
    const { stored, arrival: there } = models.store.get();
    expect(there).toMatchObject({ stage: "stored", packId: arrival!.packId });
    expect(stored).toMatchObject([{ id: arrival!.packId, state: "complete", origin: NANO.source, inUse: false }]);
    await models.remove(arrival!.packId!);
    expect(models.store.get()).toMatchObject({ stored: [], tasks: {} });
  });

  it("cancels a download and leaves nothing of it", async () => {
    const { models } = await openModels();
    await models.look(NANO);
    const download = models.download();
    await until(models, (now) => (now.arrival?.progress?.loadedBytes ?? 0) > 0);
    await models.cancel();
    await download;
    expect(models.store.get()).toMatchObject({ arrival: null, stored: [], tasks: {} });
  });

  it("uses a stored model, measures the machine with it and finds it whole; another visit opens with it", async () => {
    const { models, page } = await openModels();
    await models.look(NANO);
    await models.download();
    const { packId: id } = models.store.get().arrival!;
    await page.addSources([{ kind: "file", name: BREAD.name, file: BREAD }]);
    await models.use({ id: id!, name: "nano" });
    expect(page.store.get()).toMatchObject({ failure: null, status: { storage: { kind: "opfs", packId: id } } });
    const { measured } = await until(models, (now) => now.measured !== null);
    expect(measured).toMatchObject({ kind: "wasm" });
    await models.verify(id!);
    expect(models.store.get().tasks[id!]).toMatchObject({ kind: "verified", damaged: [] });
    const again = new Page({ model: null, device: "wasm" }, { baseUrl: BASE, libraryName: null });
    onTestFinished(() => again.dispose());
    expect(again.store.get().choice).toEqual({ kind: "stored", id, name: "nano" });
    page.close();
    await models.useBuiltIn();
    // What is left says that the model passed its self-check: the library's, whatever the page chooses.
    expect(Object.keys(localStorage)).toEqual(["strata:self-checks:1"]);
  });
});
