/** @file Tests of the embedder over a real message channel. */
import { afterEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import { openEmbedder, type Embedder, type EmbedderOptions } from "./embedder.ts";
import { toPrometheus } from "./metrics-report.ts";
import { LetterPipeline, openLetterPipeline } from "./thread/fixtures/letter-pipeline.ts";
import { servedPort } from "./thread/fixtures/served-port.ts";
import type { OpenPipeline } from "./thread/serve.ts";
import type { EmbeddingMatrix, EmbedInput, EmbedProgress, EmbedRequest, LoadProgress, LoadRequest } from "./types.ts";

const MODEL = "http://localhost/letters";
const embedders: Embedder[] = [];
afterEach(() => {
  embedders.splice(0).forEach((embedder) => embedder.dispose());
  vi.unstubAllGlobals();
});

async function open(options: Partial<EmbedderOptions> = {}): Promise<Embedder> {
  const embedder = await openEmbedder({ model: MODEL, ...options }, () => servedPort(openLetterPipeline));
  embedders.push(embedder);
  return embedder;
}

/** An embedder, and what its worker is asked. */
async function openRecorded() {
  const requests: { inputs: readonly EmbedInput[]; request: EmbedRequest }[] = [];
  class Recorder extends LetterPipeline {
    override embed(...call: Parameters<LetterPipeline["embed"]>): ReturnType<LetterPipeline["embed"]> {
      requests.push({ inputs: call[0], request: call[1] });
      return super.embed(...call);
    }
  }
  const startWorker = () =>
    servedPort(async (request, hooks) => {
      const { selfChecks } = (await openLetterPipeline(request, hooks)).status;
      return new Recorder(request, hooks, selfChecks);
    });
  const embedder = await openEmbedder({ model: MODEL }, startWorker);
  embedders.push(embedder);
  return { embedder, requests };
}

const refused = { code: "invalid-input" };

describe("openEmbedder", () => {
  it.each([
    { model: "" },
    { model: { hub: "repo" } },
    { storage: "opfs" },
    { fetch: "fetch" },
    { device: "gpu" },
    { chunkTokens: -1 },
    { readyTimeoutMs: 0 },
    { maxRunMs: 0 },
    { vramBudgetBytes: "1 GB" },
    { queue: { urgent: {} } },
    { queue: { bulk: { maxConcurrentRequests: 1.5 } } },
    { watchdog: { pingMs: -1 } },
    { whenLost: "retry" },
  ])("starts no worker for %j", async (options) => {
    const startWorker = () => expect.fail("a worker was started");
    const all = { model: MODEL, ...options } as EmbedderOptions;
    await expect(openEmbedder(all, startWorker)).rejects.toMatchObject(refused);
  });
});

describe("openEmbedder's fetch", () => {
  it("is what each worker's requests go through, and none when there is none", async () => {
    const bodies: (string | null)[] = [];
    const openPipeline: OpenPipeline = async (request, hooks) => {
      const response = await hooks.fetch?.("http://localhost/letters/manifest.json");
      bodies.push((await response?.text()) ?? null);
      return openLetterPipeline(request, hooks);
    };
    const fetch = async (url: string): Promise<Response> => new Response(`page: ${url}`);
    for (const options of [{ fetch }, {}]) {
      embedders.push(await openEmbedder({ model: MODEL, ...options }, () => servedPort(openPipeline)));
    }
    expect(bodies).toEqual(["page: http://localhost/letters/manifest.json", null]);
    const [embedder] = embedders;
    await embedder!.embed("first lose device");
    expect(bodies).toHaveLength(3);
    expect(bodies[2]).toBe(bodies[0]);
  });
});

describe("openEmbedder's storage", () => {
  it("is asked to stay once there is something to download", async () => {
    const persist = vi.fn(async () => true);
    vi.stubGlobal("navigator", { storage: { persist } });
    const phases: (string | number)[] = [];
    const openPipeline: OpenPipeline = async (request, hooks) => {
      hooks.onProgress?.({ phase: "device", loadedBytes: 0, totalBytes: 0, download: null });
      for (const phase of request.storage === "none" ? [] : (["download", "verify", "download"] as const)) {
        hooks.onProgress?.({ phase, loadedBytes: 1, totalBytes: 2, download: null });
      }
      return openLetterPipeline(request, hooks);
    };
    const onProgress = ({ phase }: LoadProgress): number => phases.push(phase, persist.mock.calls.length);
    for (const storage of ["none", "auto"] as const) {
      embedders.push(await openEmbedder({ model: MODEL, storage, onProgress }, () => servedPort(openPipeline)));
    }
    expect(phases.slice(0, 6)).toEqual(["device", 0, "weights", 0, "self-check", 0]);
    expect(phases.slice(6, 14)).toEqual(["device", 0, "download", 1, "verify", 1, "download", 1]);
  });
});

describe("Embedder", () => {
  it("embeds texts and ids, rows in order", async () => {
    const embedder = await open();
    expect([...(await embedder.embed(["ab", "c"])).data]).toEqual([2, 0, 1, 1]);
    expect((await embedder.embed("text")).rows).toBe(1);
    expect([...(await embedder.embed([7, 8, 9])).data]).toEqual([3, 0]);
    expect((await embedder.embed([[7], [8, 9]])).rows).toBe(2);
  });

  it("gives a matrix without rows for no input, with dimensions and space", async () => {
    const matrix = await (await open()).embed([]);
    expect(matrix).toMatchObject({ rows: 0, dimensions: 2, space: "letters" });
    expect(matrix.data).toEqual(new Float32Array(0));
  });

  it("types the result by the output asked for", async () => {
    const embedder = await open();
    expectTypeOf(embedder.embed("a")).resolves.toEqualTypeOf<EmbeddingMatrix<"float32">>();
    expectTypeOf(embedder.embed("a", { dimensions: 2 })).resolves.toEqualTypeOf<EmbeddingMatrix<"float32">>();
    expectTypeOf(embedder.embed("a", { output: "int8" })).resolves.toEqualTypeOf<EmbeddingMatrix<"int8">>();
    const binary = embedder.embedDocuments(["a"], { output: "binary" });
    expectTypeOf(binary).resolves.toEqualTypeOf<EmbeddingMatrix<"binary">>();
    expect((await binary).output).toBe("binary");
  });

  it("embeds a query as an interactive query in float32", async () => {
    const { embedder, requests } = await openRecorded();
    const vector = await embedder.embedQuery("what?", { instruction: "find it", dimensions: 2 });
    expect([...vector]).toEqual([5, 0]);
    const request = {
      role: "query",
      priority: "interactive",
      output: "float32",
      instruction: "find it",
      dimensions: 2,
    };
    expect(requests).toMatchObject([{ inputs: ["what?"], request }]);
  });

  it("embeds documents as documents, at the priority asked for", async () => {
    const { embedder, requests } = await openRecorded();
    await embedder.embedDocuments(["a", "b"], { priority: "bulk", overflow: "truncate" });
    const request = { role: "document", priority: "bulk", overflow: "truncate" };
    expect(requests).toMatchObject([{ inputs: ["a", "b"], request }]);
  });

  it("refuses bad input with its index before anything is sent, and stays usable", async () => {
    const { embedder, requests } = await openRecorded();
    const bad = ["a", undefined] as unknown as string[];
    const details = { index: 1, type: "undefined" };
    await expect(embedder.embed(bad)).rejects.toMatchObject({ ...refused, details });
    await expect(embedder.embedDocuments(bad)).rejects.toMatchObject({ ...refused, details });
    await expect(embedder.embedDocuments([[1]] as unknown as string[])).rejects.toMatchObject(refused);
    await expect(embedder.embedQuery(["a"] as unknown as string)).rejects.toMatchObject(refused);
    await expect(embedder.countTokens(1 as unknown as string)).rejects.toMatchObject(refused);
    await expect(embedder.tokenize("a" as unknown as string[])).rejects.toMatchObject(refused);
    await expect(embedder.embed("a", { output: "f16" as "int8" })).rejects.toMatchObject(refused);
    expect(requests).toEqual([]);
    expect((await embedder.embed("a")).rows).toBe(1);
  });

  it("takes progress and a signal with each call", async () => {
    const embedder = await open();
    const seen: EmbedProgress[] = [];
    await embedder.embedDocuments(["report often"], { onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)?.doneTexts).toBe(1000);
    const signal = AbortSignal.abort();
    await expect(embedder.embed("a", { signal })).rejects.toMatchObject({ code: "aborted" });
    await expect(embedder.embedQuery("a", { signal })).rejects.toMatchObject({ code: "aborted" });
    await expect(embedder.countTokens("a", { signal })).rejects.toMatchObject({ code: "aborted" });
    await expect(embedder.tokenize(["a"], { signal })).rejects.toMatchObject({ code: "aborted" });
  });

  it("counts and tokenizes", async () => {
    const embedder = await open();
    expect(await embedder.countTokens("four")).toBe(4);
    expect(await embedder.tokenize(["ab", "a"])).toMatchObject({ rows: 2, columns: 2 });
  });

  it("rejects every call with disposed when its block has ended", async () => {
    const embedder = await open();
    embedder[Symbol.dispose]();
    expect(embedder.status.state).toBe("disposed");
    await expect(embedder.embed("a")).rejects.toMatchObject({ code: "disposed" });
    await expect(embedder.countTokens("a")).rejects.toMatchObject({ code: "disposed" });
  });

  it("sends limits, budget and queue to the worker", async () => {
    const requests: LoadRequest[] = [];
    const limits = { maxRunMs: Infinity, vramBudgetBytes: 1e9, queue: { bulk: { maxQueuedTokens: 100 } } };
    const embedder = await openEmbedder({ model: MODEL, ...limits }, () =>
      servedPort((request, hooks) => (requests.push(request), openLetterPipeline(request, hooks))),
    );
    embedders.push(embedder);
    expect(requests).toMatchObject([limits]);
  });

  it("sends what is to become of faulty rows, and keeps to itself what becomes of a lost request", async () => {
    const { embedder, requests } = await openRecorded();
    await embedder.embed("a", { faultyRows: "zero", whenLost: "fail" });
    expect(requests[0]?.request).toMatchObject({ faultyRows: "zero" });
    expect(requests[0]?.request).not.toHaveProperty("whenLost");
    await expect(embedder.embed("a", { faultyRows: "drop" as "zero" })).rejects.toMatchObject(refused);
  });

  it("streams rows in order", async () => {
    const embedder = await open();
    const lengths: number[] = [];
    for await (const { vector, index } of embedder.embedStream(["a", "bc", "def"], { batchTexts: 2 })) {
      lengths[index] = vector[0]!;
    }
    expect(lengths).toEqual([1, 2, 3]);
  });

  it("warms up for the batches asked for, or the usual ones", async () => {
    const embedder = await open();
    expect(await embedder.warmUp({ batches: [[3, 4]] })).toMatchObject({ batches: [{ lengths: [3, 4] }] });
    expect((await embedder.warmUp()).totalMs).toBeGreaterThan(0);
    for (const batches of [[[0]], [3], 3]) {
      await expect(embedder.warmUp({ batches: batches as number[][] })).rejects.toMatchObject(refused);
    }
  });

  it("reports its state, and counts what it did", async () => {
    const states: string[] = [];
    const embedder = await open({ onStatus: ({ state }) => states.push(state) });
    await embedder.embed(["a", "b"]);
    expect(states).toContain("ready");
    expect(toPrometheus(embedder.metrics())).toContain('strata_requests_total{priority="normal",outcome="ok"} 1');
    expect(toPrometheus(embedder.metrics())).toContain("strata_texts_total 2");
    await embedder.recover();
    await expect(embedder.recover({ device: "gpu" as "webgpu" })).rejects.toMatchObject(refused);
  });
});
