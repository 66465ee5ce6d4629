import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { builtInPackUrl, compare, mixedLengths, packUrl, randomIds, realGpu } from "./fixtures/browser-packs.ts";
import { createEmbedder, EmbedError, FlatIndex, rowOf, type Embedder } from "./index.ts";

let embedder: Embedder;
beforeAll(async () => {
  embedder = await createEmbedder({ model: builtInPackUrl(), device: "wasm", selfCheck: "full" });
});
afterAll(() => embedder.dispose());

const code = (name: string, details?: object): unknown =>
  expect.objectContaining({ code: name, ...(details && { details: expect.objectContaining(details) as unknown }) });

describe("createEmbedder", () => {
  it("checks all known answers once, and the shortest when they were right within the week", async () => {
    expect(embedder.status.selfChecks).toMatchObject([{ passed: true, scope: "full" }]);
    using brief = await createEmbedder({ model: builtInPackUrl(), device: "wasm" });
    expect(brief.status.selfChecks).toMatchObject([{ passed: true, scope: "brief" }]);
    expect(brief.status.selfChecks[0]!.key).toBe(embedder.status.selfChecks[0]!.key);
  });

  it("loads the built-in pack in a worker and reports phases, bytes and the self-check", async () => {
    const phases: string[] = [];
    let last = { loadedBytes: 0, totalBytes: 1 };
    const onProgress = (progress: { phase: string; loadedBytes: number; totalBytes: number }): void => {
      if (phases.at(-1) !== progress.phase) phases.push(progress.phase);
      expect(progress.loadedBytes).toBeGreaterThanOrEqual(last.loadedBytes);
      last = progress;
    };
    using second = await createEmbedder({ model: builtInPackUrl(), device: "wasm", onProgress });
    expect(phases).toEqual(["device", "weights", "session", "self-check"]);
    expect(last.loadedBytes).toBe(last.totalBytes);
    expect(second.status).toMatchObject({
      state: "ready",
      model: { name: "nano-qwen3-embedding", bits: 4, hiddenSize: 256, hasTokenizer: true },
      device: { kind: "wasm", reason: "asked for" },
      selfChecks: [{ passed: true }],
    });
  });

  it.skipIf(realGpu)("takes WebAssembly for a visitor with a software adapter only, and says why", async () => {
    using auto = await createEmbedder({ model: packUrl("stress-q16") });
    expect(auto.status.device).toMatchObject({ kind: "wasm", build: "wasm", adapter: { software: true } });
    expect(auto.status.device.reason).toContain("software");
  });

  it("names the URL of a model that is not there", async () => {
    const missing = createEmbedder({ model: packUrl("no-such-pack") });
    await expect(missing).rejects.toThrow(code("model-not-found"));
    await expect(missing).rejects.toThrow("no-such-pack");
  });

  it("stops loading when cancelled", async () => {
    const controller = new AbortController();
    const onProgress = (): void => controller.abort();
    const loading = createEmbedder({ model: builtInPackUrl(), signal: controller.signal, onProgress });
    await expect(loading).rejects.toThrow(code("aborted"));
  });
});

describe("embed", () => {
  it("finds the passage that answers a query", async () => {
    const passages = await embedder.embedDocuments([
      "Volcanoes form where molten rock rises through the crust.",
      "A sonnet is a poem of fourteen lines.",
      "Penicillin was the first antibiotic to be used widely against bacterial infections.",
    ]);
    const index = new FlatIndex(passages);
    index.add(passages);
    expect(index.search(await embedder.embedQuery("medicine that kills germs"))[0]!.row).toBe(2);
  });

  it("gives a text the same vector alone and in a batch of mixed lengths", async () => {
    const texts = mixedLengths(16, 300).map((words) => "the river carries sand to the sea and ".repeat(words / 8 + 1));
    const batch = await embedder.embed(texts);
    const alone: Float32Array[] = [];
    for (const text of texts) alone.push((await embedder.embed(text)).data);
    const rows = texts.map((_, row) => rowOf(batch, row));
    expect(compare(alone, rows).maxAbsDiff).toBeLessThanOrEqual(2e-5);
  });

  it("cuts dimensions and makes each row a unit vector again", async () => {
    const full = await embedder.embed("granite");
    const cut = await embedder.embed("granite", { dimensions: 64 });
    const norm = Math.hypot(...full.data.subarray(0, 64));
    expect(compare([cut.data], [full.data.subarray(0, 64).map((value) => value / norm)]).maxAbsDiff).toBeLessThan(1e-6);
    expect(cut.space).not.toBe(full.space);
  });

  it.each([31, 0, 2.5, 257, NaN, -64])("refuses %s dimensions", async (dimensions) => {
    await expect(embedder.embed("granite", { dimensions })).rejects.toThrow(
      code("invalid-input", { min: 32, max: 256 }),
    );
  });

  it("returns int8 codes with a scale a row, and sign bits", async () => {
    const { data } = await embedder.embed("granite");
    const int8 = await embedder.embed("granite", { output: "int8" });
    expect(int8.data).toBeInstanceOf(Int8Array);
    const restored = Float32Array.from(int8.data, (value) => value * int8.scales![0]!);
    expect(compare([restored], [data]).maxAbsDiff).toBeLessThanOrEqual(int8.scales![0]! / 2 + 1e-7);
    const binary = await embedder.embed("granite", { output: "binary" });
    expect(binary.data).toHaveLength(32);
    expect(binary.data[0]! >> 7).toBe(Number(data[0]! > 0));
  });

  it("takes token ids, and gives them the vector of their text", async () => {
    const text = "a question of ids";
    const { inputIds } = await embedder.tokenize([text]);
    const [fromText, fromIds] = [await embedder.embed(text), await embedder.embed([[...inputIds]])];
    expect(fromIds.data).toEqual(fromText.data);
    expect(await embedder.countTokens(text)).toBe(inputIds.length);
  });

  it("gives no rows for no input", async () => {
    const none = await embedder.embed([]);
    expect(none).toMatchObject({ rows: 0, dimensions: 256 });
    expect(none.data).toHaveLength(0);
  });

  it("embeds the empty text, lone surrogates and NUL", async () => {
    const odd = await embedder.embed(["", "\uD800 high alone", "low alone \uDC00", "a\u0000b", "\uFFFD high alone"]);
    expect(odd.tokenCounts[0]).toBe(1);
    for (let row = 0; row < odd.rows; row++) expect(Math.hypot(...rowOf(odd, row))).toBeCloseTo(1, 5);
    expect(rowOf(odd, 1)).toEqual(rowOf(odd, 4));
  });

  it("reads special-token text as ordinary text unless told otherwise", async () => {
    const text = "end <|endoftext|>";
    const literal = await embedder.countTokens(text);
    expect(await embedder.countTokens(text, { allowSpecialTokens: true })).toBeLessThan(literal);
  });

  it("reports progress and the time split", async () => {
    const onProgress = vi.fn();
    const texts = Array.from({ length: 60 }, (_, i) => `passage ${i} `.repeat(12));
    const { timings } = await embedder.embed(texts, { onProgress });
    expect(onProgress.mock.lastCall![0]).toMatchObject({ doneTexts: 60, totalTexts: 60 });
    expect(timings.totalMs).toBeGreaterThanOrEqual(timings.runMs);
  });

  it("moves while one long text is under way", async () => {
    const onProgress = vi.fn();
    await embedder.embed("sand and stone ".repeat(400), { onProgress });
    const [first] = onProgress.mock.calls[0] as [{ doneTexts: number; doneTokens: number; totalTokens: number }];
    expect(first.doneTexts).toBe(0);
    expect(first.doneTokens).toBeGreaterThan(0);
    expect(first.doneTokens).toBeLessThan(first.totalTokens);
  });
});

describe("bad input leaves the embedder usable", () => {
  const still = async (): Promise<void> => expect((await embedder.embed("still here")).rows).toBe(1);

  it("names index, tokens and limit of a text of over 32,768 tokens", async () => {
    const long = "word ".repeat(40_000);
    await expect(embedder.embed(["short", long])).rejects.toThrow(code("invalid-input", { index: 1, limit: 32768 }));
    await still();
  });

  it("names the index of what is no text", async () => {
    await expect(embedder.embed(["fine", 7 as never])).rejects.toThrow(code("invalid-input", { index: 1 }));
    await expect(embedder.embed([[1, 2], [999_999_999]])).rejects.toThrow(code("invalid-input", { index: 1 }));
    await still();
  });

  it("refuses a megabyte without a space, or can be cancelled in it, while queries go on", async () => {
    const megabyte = "strata".repeat(175_000);
    await expect(embedder.embed(megabyte)).rejects.toThrow(code("invalid-input", { limit: 32768 }));
    const controller = new AbortController();
    const order: string[] = [];
    const counting = embedder.countTokens(megabyte, { signal: controller.signal }).then(() => order.push("count"));
    await embedder.embedQuery("sand").then(() => order.push("query"));
    expect(order).toEqual(["query"]);
    controller.abort();
    await expect(counting).rejects.toThrow(code("aborted"));
    await still();
  });

  it("cancels a job between runs and serves the next", async () => {
    const controller = new AbortController();
    const texts = Array.from({ length: 200 }, (_, i) => `passage ${i} about rivers and stones `.repeat(10));
    const onProgress = vi.fn(() => controller.abort());
    const job = embedder.embed(texts, { priority: "bulk", signal: controller.signal, onProgress });
    await expect(job).rejects.toThrow(code("aborted"));
    await still();
  });

  it("lets a query overtake a bulk job", async () => {
    const order: string[] = [];
    const texts = Array.from({ length: 120 }, (_, i) => `passage ${i} about rivers and stones `.repeat(10));
    let query: Promise<unknown> | undefined;
    const onProgress = (): void => {
      query ??= embedder.embedQuery("stones").then(() => order.push("query"));
    };
    await embedder.embed(texts, { priority: "bulk", onProgress }).then(() => order.push("bulk"));
    await query;
    expect(order).toEqual(["query", "bulk"]);
  });

  it("refuses text where the model has no tokenizer", async () => {
    using stress = await createEmbedder({ model: packUrl("stress-q16"), device: "wasm" });
    await expect(stress.embed("text")).rejects.toThrow(code("invalid-input"));
    expect((await stress.embed([randomIds(8, 1)])).rows).toBe(1);
  });
});

describe("truncation", () => {
  it("cuts to the limit and keeps the end token", async () => {
    const long = "word ".repeat(40_000);
    await expect(embedder.tokenize([long])).rejects.toThrow(code("invalid-input", { limit: 32_768 }));
    const { inputIds, rows, columns } = await embedder.tokenize([long], { overflow: "truncate" });
    expect([rows, columns, inputIds.at(-1)]).toEqual([1, 32_768, 151_643]);
  });
});

describe("after dispose", () => {
  it("rejects every call with disposed", async () => {
    const gone = await createEmbedder({ model: packUrl("stress-q16"), device: "wasm" });
    gone.dispose();
    await expect(gone.embed([[5, 6]])).rejects.toThrow(code("disposed"));
    expect(gone.status.state).toBe("disposed");
    expect(await gone.countTokens("x").catch((error: unknown) => error)).toBeInstanceOf(EmbedError);
  });
});
