/** @file Tests of the page without its looks, with the built-in pack on WASM. */
import { describe, expect, it, onTestFinished } from "vitest";
import { BUILT_IN, diedLoading, firstChoice, noteLoad, rememberChoice } from "./model-choice.ts";
import { Page } from "./page.ts";
import { BUILT_IN_MODEL } from "./settings.ts";
import { stageOf } from "./state.ts";
import type { PageState, Stage } from "./state.ts";

const BASE = `${location.origin}/`;
const TALC = "# Talc\n\nTalc is the softest mineral: a fingernail scratches it.";
const YEAST = "Bread rises because yeast turns sugar into carbon dioxide, which the dough traps.";
const settings = { model: null, device: "wasm", query: "" } as const;

function makePage(model: string | null = null): Page {
  const page = new Page({ ...settings, model }, BASE);
  onTestFinished(() => page.close());
  return page;
}

const text = (name: string, content: string): File => new File([content], name);

/** Resolves with the first state, from now on, for which `holds` does. */
function until(page: Page, holds: (state: PageState) => boolean): Promise<PageState> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (!holds(page.store.get())) return;
      stop();
      resolve(page.store.get());
    };
    const stop = page.store.subscribe(check);
    check();
  });
}

const stages = (page: Page): Stage[] => {
  const seen: Stage[] = [stageOf(page.store.get())];
  page.store.subscribe(() => {
    const stage = stageOf(page.store.get());
    if (stage !== seen.at(-1)) seen.push(stage);
  });
  return seen;
};

describe("Page", () => {
  it("loads, indexes the sample and answers a question that was typed before the model was there", async () => {
    const page = makePage();
    const seen = stages(page);
    page.type("What makes an aircraft stay airborne during flight?");
    await Promise.all([page.addSample(BASE), page.open()]);
    const state = await until(page, (now) => stageOf(now) === "ready" && now.search.answered !== null);
    expect(seen).toEqual(["loading", "indexing", "ready"]);
    expect(state.indexing.done).toBe(state.indexing.total);
    expect(state.indexing.run).toMatchObject({ passages: state.indexing.total });
    expect(state.search.hits.slice(0, 3).map((hit) => hit.passage.id)).toContain("how-aeroplanes-fly");
    expect(state.sample?.questions.length).toBeGreaterThan(0);
  });

  it("can be searched from the first indexed passage on, and when paused", async () => {
    const page = makePage();
    await Promise.all([page.addSample(BASE), page.open()]);
    await until(page, (now) => now.indexing.done > 0);
    page.pause();
    page.type("mammals that sleep through the winter");
    const { indexing, search } = await until(page, (now) => now.search.answered !== null);
    expect(indexing.working).toBe(false);
    expect(indexing.done).toBeLessThan(indexing.total);
    expect(search.hits[0]?.passage.id).toBe("hibernating-bears");
    page.resume();
    await until(page, (now) => now.indexing.done > indexing.done);
  });

  it("ranks again as the library grows", async () => {
    const page = makePage();
    await page.open();
    page.type("scratches a soft mineral");
    await until(page, (now) => now.search.answered !== null);
    expect(page.store.get().search.hits).toEqual([]);
    await page.addFiles([text("bread.txt", YEAST)]);
    await until(page, (now) => now.indexing.done === 1);
    await page.addFiles([text("rocks.md", TALC), text("picture.png", "")]);
    const { search, imports } = await until(page, (now) => now.search.hits.length > 1);
    expect(search.hits[0]?.passage).toMatchObject({ title: "Talc", subject: "rocks.md" });
    expect(imports.map((report) => report.outcome)).toEqual(["not-a-text-type", 1, 1]);
  });

  it("answers the last of several keystrokes only", async () => {
    const page = makePage();
    await page.open();
    const answered = new Set<string | null>();
    page.store.subscribe(() => answered.add(page.store.get().search.answered));
    for (const query of ["b", "br", "bread"]) page.type(query);
    await until(page, (now) => now.search.answered === "bread");
    expect([...answered]).toEqual([null, "bread"]);
    page.type("");
    expect(page.store.get().search).toMatchObject({ answered: null, hits: [], timings: null });
  });

  it("tells why a model cannot be loaded", async () => {
    // The discard port: browsers refuse to connect to it.
    const page = makePage("http://127.0.0.1:9/");
    await page.open();
    expect(page.store.get()).toMatchObject({ status: null, failure: { code: "model-fetch-failed" } });
  });

  it("can be cancelled and opened again", async () => {
    const page = makePage();
    const opening = page.open();
    page.cancel();
    await opening;
    expect(page.store.get()).toMatchObject({ status: null, failure: { code: "aborted" } });
    await page.open();
    expect(page.store.get()).toMatchObject({ failure: null, status: { state: "ready" } });
  });

  it("keeps what is indexed when the model is gone and loaded again", async () => {
    const page = makePage();
    await page.open();
    await page.addFiles([text("bread.txt", YEAST)]);
    await until(page, (now) => now.indexing.done === 1);
    page.close();
    page.type("dough");
    await page.open();
    const { search } = await until(page, (now) => now.search.answered === "dough");
    expect(search.hits[0]?.passage.subject).toBe("bread.txt");
  });

  it("indexes anew with another model, and answers the question that stands with it", async () => {
    const page = makePage();
    await page.open();
    await page.addFiles([text("bread.txt", YEAST)]);
    page.type("dough");
    await until(page, (now) => now.search.hits.length === 1);
    const other = page.use({ kind: "address", url: new URL(BUILT_IN_MODEL, BASE).href });
    expect(page.store.get()).toMatchObject({ status: null, indexing: { done: 0, total: 1 }, search: { hits: [] } });
    await other;
    expect(page.store.get().status?.storage.kind).toBe("opfs");
    const { search } = await until(page, (now) => now.search.hits.length === 1 && now.search.answered === "dough");
    expect(search.hits[0]?.passage.subject).toBe("bread.txt");
  });

  it("takes the last of two models that are chosen quickly", async () => {
    const page = makePage("http://127.0.0.1:9/");
    await Promise.all([page.open(), page.use(BUILT_IN)]);
    expect(page.store.get()).toMatchObject({ choice: BUILT_IN, failure: null, status: { state: "ready" } });
  });

  it("falls back to the built-in model when the remembered one is gone, and says so", async () => {
    rememberChoice({ kind: "stored", id: "gone-000000000000", name: "gone" }, localStorage);
    const page = makePage();
    await page.open();
    const { choice, missed, status } = page.store.get();
    expect({ choice, missed }).toEqual({ choice: BUILT_IN, missed: { name: "gone", why: "gone" } });
    expect(status?.state).toBe("ready");
    expect(firstChoice(null, localStorage)).toEqual(BUILT_IN);
  });

  it("opens with the built-in model after a visit that died of its own, and says so", async () => {
    noteLoad({ kind: "stored", id: "big-000000000000", name: "big" }, localStorage);
    const page = makePage();
    expect(page.store.get()).toMatchObject({ choice: BUILT_IN, missed: { name: "big", why: "died" } });
    await page.open();
    expect(diedLoading(localStorage)).toBe(null);
  });
});
