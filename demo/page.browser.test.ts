/** @file Tests of the page without its looks, with the built-in pack on WASM and the real search index. */
import { describe, expect, it, onTestFinished } from "vitest";
import { hasPack } from "../src/fixtures/browser-packs.ts";
import { deleteSearchIndex } from "../src/index.ts";
import { rememberSampled } from "./library-memory.ts";
import { BUILT_IN, diedLoading, firstChoice, noteLoad, rememberChoice } from "./model-choice.ts";
import { Page } from "./page.ts";
import { BUILT_IN_MODEL } from "./settings.ts";
import { stageOf } from "./state.ts";
import type { PageState, Stage } from "./state.ts";

const baseUrl = `${location.origin}/`;
const TALC = "# Minerals\n\n## Talc\n\nTalc is the softest mineral: a fingernail scratches it.";
const YEAST = "Bread rises because yeast turns sugar into carbon dioxide, which the dough traps.";
const settings = { model: null, device: "wasm" } as const;

/** @param name - `null`: its library lasts as long as the test. */
function makePage({ model = null, name = null }: { model?: string | null; name?: string | null } = {}): Page {
  const page = new Page({ ...settings, model }, { baseUrl, libraryName: name });
  onTestFinished(() => page.dispose());
  return page;
}

/** Without the built-in library. */
async function openEmpty(page: Page): Promise<void> {
  rememberSampled(localStorage);
  await page.openLibrary();
  localStorage.clear();
}

const text = (name: string, content: string) => ({ kind: "file", name, file: new Blob([content]) }) as const;

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

const answered =
  (query: string, mode = "hybrid") =>
  ({ search: { answer } }: PageState): boolean =>
    answer !== null && answer.isFinal && answer.question.query === query && answer.result.mode === mode;

const idsOf = ({ search }: PageState): string[] => search.answer?.result.hits.map(({ documentId }) => documentId) ?? [];
const vectorsOf = ({ index }: PageState): number => index?.vectors ?? 0;

const stages = (page: Page): Stage[] => {
  const seen: Stage[] = [stageOf(page.store.get())];
  page.store.subscribe(() => {
    const stage = stageOf(page.store.get());
    if (stage !== seen.at(-1)) seen.push(stage);
  });
  return seen;
};

describe("Page", () => {
  it("finds words of the built-in library before there is a model, and meaning as soon as there is one", async () => {
    localStorage.clear();
    const page = makePage();
    const seen = stages(page);
    const question = "What makes an aircraft stay airborne during flight?";
    page.type(question);
    await page.openLibrary();
    const before = await until(page, answered(question, "lexical"));
    expect(before).toMatchObject({ status: null, index: { lexicalReady: true } });
    expect(vectorsOf(before)).toBe(before.index!.passages);
    await page.open();
    const state = await until(page, answered(question));
    expect(seen).toEqual(["loading", "ready"]);
    expect(idsOf(state).slice(0, 3)).toContain("general/how-aeroplanes-fly");
    expect(state.libraries[0]?.questions.length).toBeGreaterThan(0);
  });

  it("embeds what a visitor brings, and goes on after a pause", async () => {
    const page = makePage();
    const seen = stages(page);
    await Promise.all([openEmpty(page), page.open()]);
    page.pause();
    await page.addSources([text("bread.txt", YEAST), text("rocks.md", TALC), text("picture.png", "")]);
    page.type("dough");
    const paused = await until(page, answered("dough", "lexical"));
    expect(idsOf(paused)).toEqual([paused.documents[0]?.id ?? idsOf(paused)[0]]);
    expect(paused.index).toMatchObject({ vectors: 0, passages: 2, indexing: { state: "paused" } });
    expect(paused.imports.map((report) => report.outcome)).toEqual(["not-a-text-type", 1, 1]);
    page.resume();
    const { search } = await until(page, (now) => answered("dough")(now) && vectorsOf(now) === 2);
    expect(search.answer?.result.hits[0]).toMatchObject({ metadata: { source: "bread.txt" } });
    page.type("scratches a soft mineral");
    const other = await until(page, answered("scratches a soft mineral"));
    expect(other.search.answer?.result.hits[0]).toMatchObject({ metadata: { source: "rocks.md" } });
    expect(seen.at(-1)).toBe("ready");
  });

  it("finds more like a passage, opens its document, and asks again for the question behind it", async () => {
    const page = makePage();
    await Promise.all([openEmpty(page), page.open()]);
    await page.addSources([text("bread.txt", YEAST), text("rocks.md", TALC)]);
    page.type("yeast");
    const { search } = await until(page, answered("yeast"));
    const [hit] = search.answer!.result.hits;
    page.ask({ like: hit! });
    const like = await until(page, ({ search: { answer } }) => answer !== null && answer.question.like !== null);
    expect(like.search.answer!.result).toMatchObject({ mode: "semantic", timings: { embedMs: 0 } });
    expect(idsOf(like)).not.toContain(hit!.documentId);
    await page.openDocument(hit!, hit!.terms);
    const { opened } = page.store.get();
    expect(opened?.document?.text.slice(hit!.start, hit!.end)).toBe(hit!.text);
    page.closeDocument();
    page.ask({ like: null });
    await until(page, ({ search: { answer } }) => answer?.question.like === null);
    await page.openDocument({ documentId: "no such", start: 0, end: 0 });
    expect(page.store.get().opened).toMatchObject({ isMissing: true });
  });

  it("answers the last of several keystrokes only", async () => {
    const page = makePage();
    await Promise.all([openEmpty(page), page.open()]);
    await page.addSources([text("bread.txt", YEAST)]);
    const seen = new Set<string | undefined>();
    page.store.subscribe(() => seen.add(page.store.get().search.answer?.question.query));
    for (const query of ["b", "br", "bread"]) page.type(query);
    await until(page, answered("bread"));
    expect([...seen]).toEqual([undefined, "bread"]);
    page.type("");
    expect(page.store.get().search).toMatchObject({ answer: null, failure: null });
  });

  it("keeps library, pause and vectors from one visit to the next", async () => {
    const name = "page-test";
    await deleteSearchIndex(name);
    const first = makePage({ name });
    await Promise.all([openEmpty(first), first.open()]);
    await first.addSources([text("bread.txt", YEAST)]);
    await until(first, (now) => vectorsOf(now) === 1);
    await first.configure({ dimensions: 64, precision: "int8" });
    first.stop();
    first.dispose();
    const second = makePage({ name });
    rememberSampled(localStorage);
    second.type("dough");
    await second.openLibrary();
    const state = await until(second, answered("dough", "lexical"));
    expect(state).toMatchObject({ stopped: true, unkept: null, index: { documents: 1, vectors: 1 } });
    expect(state.index?.view).toMatchObject({ dimensions: 64, precision: "int8" });
    const code = second.snippet();
    expect(code).toContain('view: { dimensions: 64, precision: "int8" }');
    second.resume();
    expect(second.store.get().stopped).toBe(false);
    await second.removeDocuments([state.search.answer!.result.hits[0]!.documentId]);
    await until(second, (now) => now.index?.documents === 0);
    second.dispose();
    await deleteSearchIndex(name);
    localStorage.clear();
  });

  it("hands its library over as one file", async () => {
    const page = makePage();
    await Promise.all([openEmpty(page), page.open()]);
    await page.addSources([text("bread.txt", YEAST)]);
    await until(page, (now) => vectorsOf(now) === 1);
    const file = await page.exportLibrary();
    const other = makePage();
    await openEmpty(other);
    await other.importLibrary(file!);
    expect(other.store.get()).toMatchObject({ index: { documents: 1, vectors: 1 }, transfer: null });
    await other.importLibrary(new Blob(["no library"]));
    expect(other.store.get()).toMatchObject({ libraryFailure: { code: "invalid-input" }, index: { documents: 1 } });
  });

  it("tells why a model cannot be loaded, and finds words all the same", async () => {
    // The discard port: browsers refuse to connect to it.
    const page = makePage({ model: "http://127.0.0.1:9/" });
    await Promise.all([openEmpty(page), page.open()]);
    expect(page.store.get()).toMatchObject({ status: null, failure: { code: "model-fetch-failed" } });
    await page.addSources([text("bread.txt", YEAST)]);
    page.type("yeast");
    await until(page, answered("yeast", "lexical"));
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

  it("keeps vectors when the same model comes from elsewhere, and answers the question that stands with it", async () => {
    const page = makePage();
    await Promise.all([openEmpty(page), page.open()]);
    await page.addSources([text("bread.txt", YEAST)]);
    page.type("dough");
    await until(page, (now) => vectorsOf(now) === 1 && answered("dough")(now));
    const other = page.use({ kind: "address", url: new URL(BUILT_IN_MODEL, baseUrl).href });
    expect(page.store.get()).toMatchObject({ status: null, search: { answer: null } });
    await other;
    expect(page.store.get()).toMatchObject({ status: { storage: { kind: "opfs" } }, mismatch: false });
    const { index } = await until(page, answered("dough"));
    expect(index?.vectors).toBe(1);
  });

  it("embeds anew with a model of another space that was chosen, and asks before it does in another visit", async ({
    skip,
  }) => {
    const other = `${baseUrl}test-packs/nano-q8/`;
    if (!(await hasPack(other))) skip("nano-q8: ../shared/models/nano is not here");
    const name = "page-test-other";
    await deleteSearchIndex(name);
    const page = makePage({ name });
    await Promise.all([openEmpty(page), page.open()]);
    await page.addSources([text("bread.txt", YEAST)]);
    const { index: before } = await until(page, (now) => vectorsOf(now) === 1);
    await page.use({ kind: "address", url: other });
    const { index: after, mismatch } = await until(page, (now) => vectorsOf(now) === 1);
    expect({ mismatch, isSame: after?.space === before?.space }).toEqual({ mismatch: false, isSame: false });
    page.dispose();
    const next = makePage({ name });
    rememberSampled(localStorage);
    await Promise.all([next.openLibrary(), next.open()]);
    next.type("yeast");
    const asking = await until(next, answered("yeast", "lexical"));
    expect(asking).toMatchObject({ mismatch: true, failure: null, index: { vectors: 1, space: after?.space } });
    await next.reindex();
    const done = await until(next, (now) => answered("yeast")(now) && vectorsOf(now) === 1);
    expect(done).toMatchObject({ mismatch: false, index: { space: before?.space } });
    next.dispose();
    await deleteSearchIndex(name);
    localStorage.clear();
  });

  it("takes the last of two models that are chosen quickly", async () => {
    const page = makePage({ model: "http://127.0.0.1:9/" });
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
