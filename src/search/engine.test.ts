/** @file The engine in memory: what goes in is found, once, and unchanged passages are not embedded again. */
import { describe, expect, it } from "vitest";
import type { SearchMode, SearchRequest } from "../search-types.ts";
import type { SearchEngine } from "./engine.ts";
import { document, embed, embedAll, letterVector, openTestEngine, PLANTS, SPACE } from "./fixtures.ts";

async function plants() {
  const opened = await openTestEngine();
  await opened.engine.add(PLANTS, {});
  await embedAll(opened.engine);
  return opened;
}

async function find(engine: SearchEngine, text: string, request: SearchRequest = {}) {
  const vector = request.mode === "lexical" ? null : letterVector(text);
  return engine.search({ query: text, vector }, request);
}

const idsOf = async (engine: SearchEngine, text: string, request: SearchRequest = {}) =>
  (await find(engine, text, request)).hits.map(({ documentId }) => documentId);

describe("SearchEngine", () => {
  it("finds by words before there is any vector, and says so", async () => {
    const { engine } = await openTestEngine();
    await engine.add(PLANTS, {});
    const { mode, hits, considered } = await find(engine, "otters");
    expect([mode, considered]).toEqual(["lexical", 4]);
    expect(hits).toHaveLength(1);
    expect(hits[0]).toMatchObject({ documentId: "kelp", terms: ["otters"], cosine: null, section: [], title: null });
    expect(hits[0]!.score).toBe(hits[0]!.bm25);
  });

  it("finds by vectors alone, exactly", async () => {
    const { engine } = await plants();
    const text = PLANTS[1]!.text;
    const { mode, hits } = await find(engine, text, { mode: "semantic" });
    expect(mode).toBe("semantic");
    expect(hits[0]).toMatchObject({ documentId: "oak", bm25: null, terms: [] });
    const expected = PLANTS.map((plant) =>
      letterVector(plant.text).reduce((sum, value, i) => sum + value * letterVector(text)[i]!, 0),
    ).toSorted((a, b) => b - a);
    hits.forEach((hit, i) => expect(Math.abs(hit.score - expected[i]!)).toBeLessThan(1e-6));
  });

  it("joins both lists by reciprocal rank, each hit with its cosine", async () => {
    const { engine } = await plants();
    const { mode, hits } = await find(engine, "spores");
    expect(mode).toBe("hybrid");
    expect(hits[0]).toMatchObject({ documentId: "fern", terms: ["spores"] });
    expect(hits).toHaveLength(4);
    expect(hits.every(({ cosine }) => cosine !== null)).toBe(true);
  });

  it("keeps to filters, topK and passages per document", async () => {
    const { engine } = await plants();
    const year = { metadata: { year: { gte: 2003 } } };
    expect((await idsOf(engine, "stones", { filter: year })).toSorted()).toEqual(["fern", "kelp"]);
    expect((await find(engine, "x", { filter: year })).considered).toBe(2);
    expect(await idsOf(engine, "moss", { topK: 1 })).toEqual(["moss"]);
    const long = Array.from({ length: 40 }, (_, i) => `Moss number ${i} grows here and there.`).join(" ");
    await engine.add([document("book", long)], {});
    await embedAll(engine);
    expect((await idsOf(engine, "moss")).filter((id) => id === "book").length).toBeGreaterThan(1);
    expect((await idsOf(engine, "moss", { perDocument: 1, topK: 5 })).toSorted()).toEqual([
      "book",
      "fern",
      "kelp",
      "moss",
      "oak",
    ]);
  });

  it("finds more like a passage, without the passage itself", async () => {
    const { engine } = await plants();
    const [moss] = (await find(engine, "moss", { mode: "lexical" })).hits;
    const query = { passageId: moss!.passageId };
    const { mode, hits } = await engine.search({ query, vector: null }, {});
    expect(mode).toBe("semantic");
    expect(hits.map(({ documentId }) => documentId).toSorted()).toEqual(["fern", "kelp", "oak"]);
  });

  it("knows a passage by its document and its number there, too", async () => {
    const { engine } = await plants();
    const text = ["Moss grows on stone.", "Fern grows below oak."].map((line) => `${line} `.repeat(12).trim());
    await engine.add([document("wood", text.join("\n\n"))], {});
    await embedAll(engine);
    const { hits } = await find(engine, "grows", { mode: "lexical", filter: { documentIds: ["wood"] } });
    expect(hits.map(({ passage }) => passage).toSorted()).toEqual(hits.map((_, i) => i));
    expect(hits.length).toBeGreaterThan(1);
    for (const { passageId, documentId, passage } of hits) {
      const byId = await engine.search({ query: { passageId }, vector: null }, {});
      const byPlace = await engine.search({ query: { documentId, passage }, vector: null }, {});
      expect(byPlace.hits).toEqual(byId.hits);
    }
  });

  it.each([
    { passageId: 999 },
    { documentId: "moss", passage: 1 },
    { documentId: "moss", passage: -1 },
    { documentId: "moss", passage: 0.5 },
    { documentId: "nothing", passage: 0 },
  ])("knows no passage %o", async (query) => {
    const { engine } = await plants();
    await expect(engine.search({ query, vector: null }, {})).rejects.toMatchObject({
      code: "invalid-input",
      details: query,
    });
  });

  it("passes over documents that have not changed, and embeds of changed ones what is new", async () => {
    const { engine } = await openTestEngine();
    const paragraphs = Array.from({ length: 6 }, (_, i) => `Paragraph ${i}. `.repeat(12).trim());
    const text = (parts: readonly string[]) => parts.join("\n\n");
    await engine.add([document("a", text(paragraphs))], {});
    const first = await embedAll(engine);
    expect(await engine.add([document("a", text(paragraphs))], {})).toMatchObject({ added: 0, unchanged: 1 });
    const changed = [...paragraphs.slice(0, 5), "Something else entirely ".repeat(8).trim()];
    const result = await engine.add([document("a", text(changed))], {});
    expect(result).toMatchObject({ added: 1, unchanged: 0 });
    expect(result.reused).toBeGreaterThan(first.length / 2);
    expect(result.reused).toBeLessThan(result.passages);
    expect(await embedAll(engine)).toHaveLength(result.passages - result.reused);
    const { documents, passages, vectors } = engine.status;
    expect([documents, vectors]).toEqual([1, passages]);
    // What was replaced is found no more.
    expect((await find(engine, "entirely", { mode: "lexical" })).hits).not.toEqual([]);
    expect((await find(engine, "5", { mode: "lexical" })).hits).toEqual([]);
  });

  it("takes over vectors of the same text under another id", async () => {
    const { engine } = await plants();
    expect(await engine.add([{ ...PLANTS[0]!, id: "moss-moved" }], {})).toMatchObject({ added: 1, reused: 1 });
    expect(await embedAll(engine)).toEqual([]);
  });

  it("forgets what is removed, and everything when cleared", async () => {
    const { engine, statuses } = await plants();
    expect(await engine.remove(["oak", "nobody", "oak"])).toBe(1);
    for (const mode of ["lexical", "semantic", "hybrid"] satisfies SearchMode[]) {
      expect(await idsOf(engine, PLANTS[1]!.text, { mode })).not.toContain("oak");
    }
    expect(await engine.document("oak")).toBeNull();
    await engine.clear();
    expect(statuses.at(-1)).toMatchObject({ documents: 0, passages: 0, vectors: 0, space: null });
    expect((await find(engine, "moss")).hits).toEqual([]);
  });

  it("drops vectors of passages that have left while they were embedded", async () => {
    const { engine } = await openTestEngine();
    await engine.add(PLANTS, {});
    const batch = await engine.pending(10, []);
    await engine.remove(["moss"]);
    await engine.keepVectors({ ...embed(batch), space: SPACE });
    expect(engine.status).toMatchObject({ passages: 3, vectors: 3 });
    expect((await idsOf(engine, PLANTS[0]!.text, { mode: "semantic" })).toSorted()).toEqual(["fern", "kelp", "oak"]);
  });

  it("refuses vectors of another space, and takes them once the old ones are forgotten", async () => {
    const { engine } = await plants();
    await engine.add([document("new", "Something new.")], {});
    const batch = await engine.pending(10, []);
    const other = { ...embed(batch), space: "other" };
    await expect(engine.keepVectors(other)).rejects.toMatchObject({
      code: "index-mismatch",
      details: { what: "space", expected: SPACE, actual: "other" },
    });
    expect(engine.status.vectors).toBe(4);
    await engine.forgetVectors();
    expect(engine.status).toMatchObject({ passages: 5, vectors: 0, view: null });
    expect(await embedAll(engine, "other")).toHaveLength(5);
    expect(engine.status.space).toBe("other");
  });

  it.each(["float16", "int8", "binary"] as const)("finds the same with a view in %s", async (precision) => {
    const { engine } = await plants();
    const exact = await find(engine, "kelp and otters", { mode: "semantic" });
    await engine.configure({ precision, dimensions: 16 });
    expect(engine.status.view).toMatchObject({ precision, dimensions: 16, rescore: true });
    expect((await find(engine, "kelp and otters", { mode: "semantic" })).hits).toEqual(exact.hits);
    expect(await engine.measure({ queries: 4, topK: 2 })).toMatchObject({ recall: 1, queries: 4, topK: 2 });
  });

  it("gives documents back as they came", async () => {
    const { engine } = await openTestEngine();
    const filler = "It takes a while to say all that there is to say about this, so here are some more words. ".repeat(
      2,
    );
    const text = `# One\n\nFirst. ${filler}\n\n## Two\n\nSecond. ${filler}`;
    const given = { id: "m", title: "Manual", text, format: "markdown" as const, metadata: { kind: "md", pages: 2 } };
    await engine.add([given], {});
    expect(await engine.document("m")).toEqual(given);
    expect(engine.documents()).toMatchObject([{ id: "m", title: "Manual", vectors: 0, length: text.length }]);
    const { hits } = await find(engine, "second", { mode: "lexical" });
    expect(hits[0]!.section).toEqual(["One", "Two"]);
    expect(text.slice(hits[0]!.start, hits[0]!.end)).toBe(hits[0]!.text);
  });

  it("keeps documents whole when it is told to, as far as a model reads", async () => {
    const { engine } = await openTestEngine({ passages: { maxTokens: Infinity, overlapTokens: 0 } });
    const sentence = "The ferry crosses the sound twice a day. ";
    await engine.add([document("day", sentence.repeat(500)), document("years", sentence.repeat(6000))], {});
    const [day, years] = engine.documents();
    expect(day!.passages).toBe(1);
    expect(years!.passages).toBeGreaterThan(1);
    expect(years!.passages).toBeLessThan(6);
  });

  it("gives vectors of some passages, spread over the whole", async () => {
    const { engine } = await plants();
    const sample = engine.vectors(2);
    expect([sample.rows, sample.dimensions, sample.documentIds]).toEqual([2, 26, ["moss", "kelp"]]);
    letterVector(PLANTS[2]!.text).forEach((value, i) => expect(sample.data[26 + i]).toBeCloseTo(value, 6));
  });

  it("answers, or says why not, when it is closed while its words are read", async () => {
    const { engine } = await openTestEngine();
    await engine.add(PLANTS, {});
    const waiting = find(engine, "moss", { mode: "lexical" });
    engine.close();
    const outcome = await waiting.then(
      ({ hits }) => hits.length,
      (error: unknown) => (error as { code: string }).code,
    );
    expect([1, "disposed"]).toContain(outcome);
  });

  it("stops adding when it is called off, and keeps what it has taken", async () => {
    const { engine } = await openTestEngine();
    const controller = new AbortController();
    const many = Array.from({ length: 300 }, (_, i) => document(`d${i}`, `Text number ${i}.`));
    const onProgress = () => controller.abort();
    await expect(engine.add(many, { signal: controller.signal, onProgress })).rejects.toMatchObject({
      code: "aborted",
    });
    expect(engine.status.documents).toBe(64);
    expect(await engine.add(many, {})).toMatchObject({ added: 236, unchanged: 64 });
  });
});

describe("index files", () => {
  it("carry everything over, vectors included", async () => {
    const { engine } = await plants();
    const file = await engine.exportFile({});
    const { engine: other, statuses } = await openTestEngine();
    const request = { vectors: "require", modelSpace: SPACE } as const;
    expect(await other.importFile(file, request, {})).toMatchObject({ added: 4, passages: 4, reused: 4 });
    // At no moment is there anything to embed.
    expect(statuses.filter(({ passages, vectors }) => passages > vectors)).toEqual([]);
    expect(await embedAll(other)).toEqual([]);
    const [before, after] = [await find(engine, "wet stones"), await find(other, "wet stones")];
    expect(after.hits.map(({ text, score, cosine }) => [text, score, cosine])).toEqual(
      before.hits.map(({ text, score, cosine }) => [text, score, cosine]),
    );
    expect(await other.importFile(file, request, {})).toMatchObject({ added: 0, unchanged: 4 });
    expect(other.status).toMatchObject({ documents: 4, passages: 4, vectors: 4 });
  });

  it("of another space are refused, or taken in without vectors", async () => {
    const { engine } = await plants();
    const file = await engine.exportFile({});
    const { engine: other } = await openTestEngine();
    const required = other.importFile(file, { vectors: "require", modelSpace: "other" }, {});
    await expect(required).rejects.toMatchObject({ code: "index-mismatch", details: { actual: SPACE } });
    expect(other.status.documents).toBe(0);
    await other.importFile(file, { vectors: "drop", modelSpace: "other" }, {});
    const { engine: third } = await openTestEngine();
    await third.add(PLANTS, {});
    // What is there already is given its vectors.
    expect(await third.importFile(file, { vectors: "require", modelSpace: null }, {})).toMatchObject({ reused: 4 });
    expect(third.status).toMatchObject({ documents: 4, passages: 4, vectors: 4 });
    expect(other.status).toMatchObject({ documents: 4, vectors: 0 });
    expect(await embedAll(other, "other")).toHaveLength(4);
  });

  it("with a byte changed anywhere, cut off or of a later version are refused, and nothing has changed", async () => {
    const { engine } = await plants();
    const bytes = new Uint8Array(await (await engine.exportFile({})).arrayBuffer());
    const { engine: other } = await openTestEngine();
    const request = { vectors: "require", modelSpace: null } as const;
    for (let at = 0; at < bytes.length; at += 97) {
      const damaged = bytes.slice();
      damaged[at]! ^= 0x10;
      await expect(other.importFile(new Blob([damaged]), request, {})).rejects.toMatchObject({ code: "invalid-input" });
    }
    for (const length of [0, 7, 50, bytes.length - 1]) {
      const cut = new Blob([bytes.subarray(0, length)]);
      await expect(other.importFile(cut, request, {})).rejects.toMatchObject({ code: "invalid-input" });
    }
    const later = bytes.slice();
    later[8] = 2;
    await expect(other.importFile(new Blob([later]), request, {})).rejects.toMatchObject({ details: { version: 2 } });
    expect(other.status).toMatchObject({ documents: 0, vectors: 0 });
  });
});
