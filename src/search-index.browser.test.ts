/** @file The index on the page with its real worker, the browser's own storage and the built-in model. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createEmbedder, type DocumentsOptions, type Embedder } from "./embedder.ts";
import { EmbedError } from "./errors.ts";
import { deleteSearchIndex } from "./search/store/delete-index.ts";
import { createSearchIndex, openSearchIndex, type SearchIndex } from "./search-index.ts";
import type { SearchIndexOptions } from "./search-index-input.ts";
import type { SearchDocument } from "./search-types.ts";

const NAME = "search-index-test";
/** Of indexing, each at a random moment. */
const KILLS = 20;

let embedder: Embedder;
const indexes: SearchIndex[] = [];

beforeAll(async () => {
  embedder = await createEmbedder({ model: "/models/nano-q4/", device: "wasm", storage: "none" });
});

afterEach(async () => {
  indexes.splice(0).forEach((index) => index.dispose());
  await deleteSearchIndex(NAME);
});

afterAll(() => embedder.dispose());

async function open(options: SearchIndexOptions = {}): Promise<SearchIndex> {
  const index = await createSearchIndex({ name: NAME, embedder, ...options });
  indexes.push(index);
  return index;
}

const FACTS = [
  "Granite cools slowly, deep in the crust of the earth.",
  "A sonnet has fourteen lines and a turn of thought.",
  "Rennet makes milk curdle, the first step to cheese.",
  "The tide mill stores the flood and grinds with the ebb.",
  "Copper roofs turn green in the rain of the coast.",
];

const documents: SearchDocument[] = FACTS.map((text, i) => ({ id: `fact-${i}`, text, metadata: { i } }));

/** As many short texts as wanted, all different. */
const numbered = (count: number): SearchDocument[] =>
  Array.from({ length: count }, (_, i) => ({ id: `n${i}`, text: `${FACTS[i % FACTS.length]} Number ${i}.` }));

function failure(call: Promise<unknown>): Promise<EmbedError> {
  return call.then(
    () => expect.fail("the call resolved"),
    (error: unknown) => error as EmbedError,
  );
}

/** The embedder, to which texts with this word are too long. */
function embedderThatRefuses(word: string): Embedder {
  const embedDocuments = async (texts: readonly string[], options?: DocumentsOptions) => {
    const index = texts.findIndex((text) => text.includes(word));
    if (index < 0) return embedder.embedDocuments(texts, options);
    throw new EmbedError("invalid-input", `text ${index} is too long`, { details: { index } });
  };
  return Object.create(embedder, {
    embed: { value: embedder.embed.bind(embedder) },
    embedDocuments: { value: embedDocuments },
  }) as Embedder;
}

describe("createSearchIndex", () => {
  it("finds by meaning and words, with the embedder's own vectors, also after it was opened again", async () => {
    const first = await open();
    expect(await first.add(documents)).toEqual({ added: 5, unchanged: 0, passages: 5, reused: 0 });
    expect(first.status).toMatchObject({ documents: 5, passages: 5, vectors: 5, readOnly: false });
    const query = "how does rock form";
    const before = await first.search(query, { topK: 3 });
    expect(before.mode).toBe("hybrid");
    const [vector, texts] = [await embedder.embedQuery(query), await embedder.embedDocuments(FACTS)];
    const cosine = (row: number) => vector.reduce((sum, v, i) => sum + v * texts.data[row * texts.dimensions + i]!, 0);
    for (const hit of before.hits) expect(hit.cosine).toBeCloseTo(cosine(hit.metadata["i"] as number), 5);
    first.dispose();
    const second = await open();
    await second.settled();
    expect(second.status.indexing.passages).toBe(0);
    const after = await second.search(query, { topK: 3 });
    expect(after.hits).toEqual(before.hits);
    expect(await second.add(documents)).toMatchObject({ added: 0, unchanged: 5 });
  });

  it("finds by words without a model, and by meaning from the moment there is one", async () => {
    const index = await createSearchIndex();
    indexes.push(index);
    await index.add(documents);
    expect((await index.search("cheese")).mode).toBe("lexical");
    expect((await failure(index.search("cheese", { mode: "semantic" }))).code).toBe("invalid-input");
    expect(index.status).toMatchObject({ passages: 5, vectors: 0 });
    await index.use(embedder);
    await index.settled();
    expect((await index.search("cheese", { mode: "semantic" })).hits).toHaveLength(5);
    expect((await index.search("cheese")).mode).toBe("hybrid");
  });

  it("lets one tab write, and the other read until the first is gone", async () => {
    const writer = await open();
    await writer.add(documents);
    const reader = await open();
    expect(reader.status).toMatchObject({ readOnly: true, documents: 5, vectors: 5 });
    expect((await reader.search("sonnet")).hits[0]!.documentId).toBe("fact-1");
    expect((await failure(reader.add(numbered(1)))).code).toBe("storage-busy");
    await writer.remove(["fact-1"]);
    await reader.load();
    expect(reader.status.documents).toBe(4);
    writer.dispose();
    await reader.load();
    expect(reader.status.readOnly).toBe(false);
    await reader.add(numbered(1));
    expect(reader.status).toMatchObject({ documents: 5, vectors: 5 });
  });

  it("refuses a model of another space, and takes it once the vectors are forgotten", async () => {
    const index = await open();
    await index.add(documents);
    await index.use(null);
    const other = Object.create(embedder, {
      embed: { value: async () => ({ space: "another" }) },
    }) as Embedder;
    expect(await failure(index.use(other))).toMatchObject({ code: "index-mismatch", details: { actual: "another" } });
    await index.forgetVectors();
    expect(index.status).toMatchObject({ documents: 5, vectors: 0, space: null });
  });

  it("pauses and goes on, and stops waiting when it is told to", async () => {
    const index = await open();
    index.pause();
    await index.add(numbered(10));
    expect(index.status).toMatchObject({ passages: 10, vectors: 0, indexing: { state: "paused" } });
    const controller = new AbortController();
    index.resume();
    const waiting = failure(index.settled(controller.signal));
    controller.abort();
    expect((await waiting).code).toBe("aborted");
    await index.settled();
    expect(index.status.vectors).toBe(10);
  });

  it("leaves out a passage that the model refuses, and embeds the rest", async () => {
    const index = await open({ embedder: embedderThatRefuses("sonnet") });
    await index.add(documents);
    expect(index.status).toMatchObject({ passages: 5, vectors: 4, indexing: { state: "idle", refused: 1 } });
    expect((await index.search("sonnet", { mode: "lexical" })).hits[0]!.documentId).toBe("fact-1");
  });

  it("embeds anew what was damaged on the disk, and nothing else", async () => {
    const index = await open();
    await index.add(documents);
    await index.add(numbered(3));
    const before = await index.search("rock", { mode: "semantic" });
    index.dispose();
    const root = await navigator.storage.getDirectory();
    const folder = await (await root.getDirectoryHandle("strata-indexes")).getDirectoryHandle(NAME);
    const [file] = await Array.fromAsync(folder.values());
    // The worker that is gone may hold its file for a moment longer.
    const openForWriting = () => (file as FileSystemFileHandle).createWritable({ keepExistingData: true });
    const stream = await vi.waitFor(openForWriting, { timeout: 5000 });
    await stream.write({ type: "write", position: 100, data: Uint8Array.of(1, 2, 3) });
    await stream.close();
    const again = await open();
    await again.settled();
    expect(again.status).toMatchObject({ passages: 8, vectors: 8 });
    expect(again.status.indexing.passages).toBeGreaterThan(0);
    expect(again.status.indexing.passages).toBeLessThan(8);
    const after = await again.search("rock", { mode: "semantic" });
    expect(after.hits.map(({ documentId }) => documentId)).toEqual(before.hits.map(({ documentId }) => documentId));
  });

  it("says that its worker is gone, and goes on in another", async () => {
    const workers: Worker[] = [];
    const index = await openSearchIndex({ name: NAME, embedder }, () => {
      workers.push(startWorker());
      return workers.at(-1)!;
    });
    indexes.push(index);
    await index.add(documents);
    const waiting = failure(index.documents());
    workers[0]!.dispatchEvent(new ErrorEvent("error", { message: "gone" }));
    expect((await waiting).code).toBe("worker-crashed");
    expect(await index.documents()).toHaveLength(5);
    expect((await index.search("sonnet")).hits[0]!.documentId).toBe("fact-1");
    expect(workers).toHaveLength(2);
  });

  it("refuses options and documents that make no sense, with what is wrong", async () => {
    expect((await failure(createSearchIndex({ name: "a/b" }))).code).toBe("invalid-input");
    expect((await failure(createSearchIndex({ view: { dimensions: 0 } }))).code).toBe("invalid-input");
    expect((await failure(createSearchIndex({ passages: { maxTokens: 1 } }))).code).toBe("invalid-input");
    const index = await createSearchIndex();
    indexes.push(index);
    const bad = [{ id: "a", text: "x" }, { id: "b" }] as unknown as SearchDocument[];
    expect(await failure(index.add(bad))).toMatchObject({ code: "invalid-input", details: { index: 1 } });
    expect((await failure(index.search("x", { topK: 0 }))).code).toBe("invalid-input");
    expect((await failure(index.import(new Blob(["no"])))).code).toBe("invalid-input");
    expect(index.status.documents).toBe(0);
  });
});

const startWorker = (): Worker =>
  new Worker(new URL("../workers/search.worker.ts", import.meta.url), { type: "module" });

describe("an index whose worker is killed at random moments", () => {
  it(`goes on where it was, ${KILLS} times: no passage is lost or doubled`, { timeout: 120_000 }, async () => {
    const all = numbered(120);
    let state = 7;
    const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    const seen: number[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      let worker: Worker | undefined;
      const index = await openSearchIndex({ name: NAME, embedder }, () => (worker = startWorker()));
      seen.push(index.status.vectors);
      const adding = index.add(all).catch((error: unknown) => error);
      await new Promise((resolve) => setTimeout(resolve, random() * 250));
      worker!.terminate();
      index.dispose();
      await adding;
    }
    // What was kept stays.
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    const index = await open();
    await index.add(all);
    expect(index.status).toMatchObject({ documents: 120, passages: 120, vectors: 120 });
    expect(index.status.vectorBytes).toBe(120 * (4 + 4 * 256));
    const found = await index.search(FACTS[0]!, { mode: "semantic", topK: 200 });
    expect(new Set(found.hits.map(({ documentId }) => documentId)).size).toBe(120);
    const words = await index.search("granite", { mode: "lexical", topK: 200 });
    expect(words.hits).toHaveLength(24);
  });
});
