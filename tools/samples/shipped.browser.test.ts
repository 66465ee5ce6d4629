import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createEmbedder,
  createSearchIndex,
  type Embedder,
  type SearchDocument,
  type SearchIndex,
} from "../../src/index.ts";
import { BOOKS, chapterDocuments } from "./books.ts";
import type { ShippedLibrary } from "./libraries.ts";
import { passageDocuments } from "./passages.ts";

const TEXTS = import.meta.glob<string>("./texts/*.txt", { query: "?raw", import: "default" });

/** Half a unit in the last place of float16. */
const FLOAT16_ROUNDING = 2 ** -11;
/** What the order of float32 sums may change in a component. */
const SUMMING = 2e-6;

/** Documents of the first hits for the example questions, in their order. */
const ANSWERS: Readonly<Record<string, readonly string[]>> = {
  general: [
    "general/anaesthesia",
    "general/megacities",
    "general/index-funds",
    "general/coping-with-panic-attacks",
    "general/frankenstein",
    "general/how-aeroplanes-fly",
  ],
  classics: [
    "the-voyage-of-the-beagle/17",
    "the-adventures-of-sherlock-holmes/7",
    "sailing-alone-around-the-world/12",
    "meditations/7",
    "the-voyage-of-the-beagle/14",
    "meditations/6",
  ],
};

/** Embedded anew: some seconds are enough to see a model or a way of splitting that has changed. */
const SAMPLES: Readonly<Record<string, readonly string[]>> = {
  general: ["general/hibernating-bears", "general/stoicism", "general/how-denim-was-born"],
  classics: ["meditations/2"],
};

async function fetchSample(name: string): Promise<Response> {
  const response = await fetch(`/samples/${name}`);
  expect(response.ok, name).toBe(true);
  return response;
}

async function sourceDocuments({ id, title }: ShippedLibrary): Promise<SearchDocument[]> {
  if (id === "general") return passageDocuments(await (await fetchSample("passages.json")).text(), title);
  const texts = await Promise.all(BOOKS.map((book) => TEXTS[`./texts/${book.id}.txt`]!()));
  return BOOKS.flatMap((book, at) => chapterDocuments(book, texts[at]!, title));
}

/** Vectors of one document, in the order of its passages. */
async function vectorsOf(index: SearchIndex, documentId: string): Promise<number[][]> {
  const { documentIds, data, dimensions } = await index.vectors({ limit: index.status.passages });
  return documentIds.flatMap((id, row) =>
    id === documentId ? [[...data.subarray(row * dimensions, (row + 1) * dimensions)]] : [],
  );
}

let embedder: Embedder;
beforeAll(async () => {
  embedder = await createEmbedder({ model: "/models/nano-q4/", device: "wasm" });
});
afterAll(() => embedder.dispose());

describe.each(["general", "classics"])("the shipped library %s", (id) => {
  let shipped: SearchIndex;
  let entry: ShippedLibrary;

  beforeAll(async () => {
    const entries = (await (await fetchSample("libraries.json")).json()) as ShippedLibrary[];
    entry = entries.find((library) => library.id === id)!;
    shipped = await createSearchIndex({ embedder });
    await shipped.import(await (await fetchSample(entry.file)).blob());
  });
  afterAll(() => shipped.dispose());

  it("has its sources' documents, every passage with a vector of the built-in model", async () => {
    const { documents, passages, vectors, space } = shipped.status;
    expect({ documents, passages, space }).toEqual({
      documents: entry.documents,
      passages: entry.passages,
      space: entry.space,
    });
    expect(vectors).toBe(passages);
    const sources = await sourceDocuments(entry);
    expect(await Promise.all(sources.map((source) => shipped.document(source.id)))).toMatchObject(sources);
  });

  it("has the vectors that the built-in model makes of its documents", async () => {
    using anew = await createSearchIndex({ embedder });
    for (const documentId of SAMPLES[id]!) {
      await anew.add([(await shipped.document(documentId))!]);
      const [stored, made] = [await vectorsOf(shipped, documentId), await vectorsOf(anew, documentId)];
      expect(stored.length).toBe(made.length);
      expect(made.length).toBeGreaterThan(0);
      const off = made.flatMap((row, at) =>
        row.filter((x, c) => Math.abs(x - stored[at]![c]!) > FLOAT16_ROUNDING * Math.abs(x) + SUMMING),
      );
      expect(off, documentId).toEqual([]);
    }
  });

  it("answers its example questions", async () => {
    const results = await Promise.all(entry.questions.map((question) => shipped.search(question, { topK: 1 })));
    expect(results.map(({ mode, hits }) => [mode, hits[0]!.documentId])).toEqual(
      ANSWERS[id]!.map((documentId) => ["hybrid", documentId]),
    );
  });
});
