import { describe, expect, it, vi } from "vitest";
import { embedStream, type EmbedBatch, type StreamProgress } from "./embed-stream.ts";
import { EmbedError } from "./errors.ts";
import {
  CountingEmbedder,
  CountingSource,
  drain,
  indicesOf,
  matrixOf,
  settle,
  upTo,
  vectorsOf,
} from "./fixtures/counting-embedder.ts";
import type { EmbeddingMatrix } from "./types.ts";

describe("embedStream", () => {
  it.each(["iterable", "async iterable"])("yields a row for each text of an %s, in order", async (kind) => {
    const source = new CountingSource(23);
    const embedder = new CountingEmbedder();
    // Later batches end first.
    embedder.tasks = (batch) => 20 - 4 * batch;
    const texts = kind === "iterable" ? source : source.slowly();
    const { rows, error } = await drain(embedStream(embedder.embed, texts, { batchTexts: 5 }));
    expect(error).toBeNull();
    expect(indicesOf(rows)).toEqual(upTo(23));
    expect(vectorsOf(rows)).toEqual(upTo(23));
    expect(embedder.batches.map((batch) => batch.length)).toEqual([5, 5, 5, 5, 3]);
    expect(source.closed).toBe(1);
  });

  it.each([
    [{ role: "author" }, "role"],
    [{ output: "float64" }, "output"],
    [{ priority: "high" }, "priority"],
    [{ batchTexts: 0 }, "batchTexts"],
    [{ batchesInFlight: 1.5 }, "batchesInFlight"],
  ])("refuses %j at once, before the source is read", (options, option) => {
    const source = new CountingSource(3);
    const embedder = new CountingEmbedder();
    const error = expect.objectContaining({ code: "invalid-input", details: expect.objectContaining({ option }) });
    expect(() => embedStream(embedder.embed, source, options as never)).toThrow(error);
    expect(source.read).toBe(0);
  });

  it("gives each row memory of its own and of its size, in every output", async () => {
    const base = matrixOf(["text 1", "text 2"]);
    const [truncated, faulty] = [Uint8Array.of(0, 1), Int32Array.of(0)];
    const int8: EmbeddingMatrix<"int8"> = {
      ...base,
      output: "int8",
      data: Int8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      scales: Float32Array.of(0.5, 0.25),
      truncated,
      faulty,
    };
    const { rows } = await drain(embedStream<"int8">(async () => int8, ["a", "b"], { output: "int8" }));
    expect(rows).toEqual([
      row(0, Int8Array.of(1, 2, 3, 4), { scale: 0.5, faulty: true }),
      row(1, Int8Array.of(5, 6, 7, 8), { scale: 0.25, truncated: true }),
    ]);
    expect(rows.map(({ vector }) => vector.buffer.byteLength)).toEqual([4, 4]);

    const binary: EmbeddingMatrix<"binary"> = { ...base, output: "binary", data: Uint8Array.of(9, 8, 7, 6) };
    const bits = await drain(embedStream<"binary">(async () => binary, ["a", "b"], { output: "binary" }));
    expect(bits.rows).toEqual([row(0, Uint8Array.of(9, 8), {}), row(1, Uint8Array.of(7, 6), {})]);

    function row(index: number, vector: Int8Array | Uint8Array, rest: object): object {
      const facts = { scale: null, tokenCount: 3, truncated: false, faulty: false, space: "space" };
      return { index, vector, ...facts, ...rest };
    }
  });

  it("holds no more than its batches in flight over 100,000 texts", async () => {
    const source = new CountingSource(100_000);
    const embedder = new CountingEmbedder();
    let taken = 0;
    let mostHeld = 0;
    for await (const { index, vector } of embedStream(embedder.embed, source, { batchTexts: 100 })) {
      mostHeld = Math.max(mostHeld, source.read - taken);
      if (index !== taken || vector[0] !== taken) throw new Error(`row ${index} instead of ${taken}`);
      taken++;
    }
    expect(taken).toBe(100_000);
    expect(mostHeld).toBeLessThanOrEqual(300);
    expect(embedder.maxRunning).toBe(3);
  });

  it("has the next batch waiting while one runs", async () => {
    const embedder = new CountingEmbedder();
    const stream = embedStream(embedder.embed, new CountingSource(100), { batchTexts: 2, batchesInFlight: 2 });
    for await (const { index } of stream) if (index % 2 === 1) expect(embedder.maxRunning).toBe(2);
    expect(embedder.batches).toHaveLength(50);
  });

  it("reads nothing before the first row is asked for, and then no further than its window", async () => {
    const source = new CountingSource(1000);
    const embedder = new CountingEmbedder();
    const stream = embedStream(embedder.embed, source, { batchTexts: 4, batchesInFlight: 3 });
    await settle();
    expect(source.read).toBe(0);
    for (const read of [12, 12, 12, 12, 16]) {
      await stream.next();
      await settle();
      expect(source.read).toBe(read);
    }
    await stream.return();
  });

  it("makes smaller batches of long texts", async () => {
    const long = "x".repeat(200_000);
    const ids = Array<number>(70_000).fill(1);
    const embedder = new CountingEmbedder();
    await drain(embedStream(embedder.embed, [long, long, long, ids, "text 4", "text 5"]));
    expect(embedder.batches.map((batch) => batch.length)).toEqual([2, 2, 2]);
  });

  it("sends its request with each batch and keeps what is its own", async () => {
    const embedder = new CountingEmbedder();
    const texts = (): CountingSource => new CountingSource(3);
    await drain(embedStream(embedder.embed, texts(), { dimensions: 2, batchTexts: 2, batchesInFlight: 1 }));
    await drain(embedStream(embedder.embed, texts(), { priority: "normal" }));
    const sent = embedder.options.map(({ signal, onProgress, ...rest }) => [typeof signal, typeof onProgress, rest]);
    expect(sent).toEqual([
      ["object", "function", { dimensions: 2, priority: "bulk" }],
      ["object", "function", { dimensions: 2, priority: "bulk" }],
      ["object", "function", { priority: "normal" }],
    ]);
  });

  it("offers a batch again after the time that a full queue asks for", async () => {
    const embedder = new CountingEmbedder();
    const refusals = new Map([
      ["text 0", [40, 0]],
      ["text 4", [7000]],
    ]);
    embedder.check = (inputs) => {
      const retryAfterMs = refusals.get(inputs[0] as string)?.shift();
      if (retryAfterMs !== undefined) throw new EmbedError("queue-full", "full", { details: { retryAfterMs } });
    };
    const waits: number[] = [];
    const wait = async (ms: number): Promise<void> => void waits.push(ms);
    const { rows } = await drain(embedStream(embedder.embed, new CountingSource(6), { batchTexts: 2, wait }));
    expect(vectorsOf(rows)).toEqual(upTo(6));
    expect(waits.sort((a, b) => a - b)).toEqual([10, 40, 7000]);
    expect(embedder.batches).toHaveLength(6);
  });

  it("ends a wait for the queue when it is left, and leaves no timer", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const full = new EmbedError("queue-full", "full", { details: { retryAfterMs: 3_600_000 } });
      const refuse: EmbedBatch<"float32"> = () => Promise.reject(full);
      const controller = new AbortController();
      const result = drain(embedStream(refuse, new CountingSource(6), { batchTexts: 2, signal: controller.signal }));
      await settle();
      expect(vi.getTimerCount()).toBe(3);
      controller.abort();
      expect((await result).error).toMatchObject({ code: "aborted" });
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("counts texts and tokens over all batches and never back", async () => {
    const embedder = new CountingEmbedder();
    const embed: EmbedBatch<"float32"> = async (inputs, options) => {
      options.onProgress?.({ doneTexts: 0, totalTexts: inputs.length, doneTokens: 4, totalTokens: 6 });
      // As when the device is lost and the batch starts again.
      options.onProgress?.({ doneTexts: 0, totalTexts: inputs.length, doneTokens: 1, totalTokens: 6 });
      return embedder.embed(inputs, options);
    };
    const seen: StreamProgress[] = [];
    const onProgress = (progress: StreamProgress): void => void seen.push(progress);
    await drain(embedStream(embed, new CountingSource(4), { batchTexts: 2, batchesInFlight: 1, onProgress }));
    expect(seen).toEqual([
      { doneTexts: 0, doneTokens: 4 },
      { doneTexts: 2, doneTokens: 6 },
      { doneTexts: 2, doneTokens: 10 },
      { doneTexts: 4, doneTokens: 12 },
    ]);
  });

  it("is empty for an empty source", async () => {
    const embedder = new CountingEmbedder();
    expect(await drain(embedStream(embedder.embed, []))).toEqual({ rows: [], error: null });
    expect(embedder.batches).toEqual([]);
  });

  it.each([
    ["a text", "text", {}, /source/],
    ["nothing", null, {}, /source/],
    ["a batch of none", [], { batchTexts: 0 }, /batchTexts/],
    ["no batch in flight", [], { batchesInFlight: 0.5 }, /batchesInFlight/],
  ])("refuses %s", (...[, source, options, message]) => {
    const { embed } = new CountingEmbedder();
    const refused = expect.objectContaining({ code: "invalid-input", message: expect.stringMatching(message) });
    expect(() => embedStream(embed, source as string[], options)).toThrow(refused);
  });
});
