/** @file Tests of both ends of the protocol over a real message channel. */
import { getEventListeners } from "node:events";
import { expose } from "comlink";
import { afterEach, describe, expect, it } from "vitest";
import { EmbedError } from "../errors.ts";
import type { EmbedProgress, LoadProgress, LoadRequest, Pipeline } from "../types.ts";
import { openClient, type EmbedClient, type OpenOptions } from "./client.ts";
import { EXECUTIONS, type LetterPipeline, openLetterPipeline, SAFE } from "./fixtures/letter-pipeline.ts";
import { servedPort } from "./fixtures/served-port.ts";
import type { WorkerPort } from "./worker-calls.ts";

const OPTIONS: OpenOptions = { readyTimeoutMs: 10_000 };
const clients: EmbedClient[] = [];
afterEach(() => clients.splice(0).forEach((client) => client.dispose()));

async function open(pack = "letters", options = OPTIONS): Promise<EmbedClient> {
  const client = await openClient(
    () => servedPort(openLetterPipeline),
    { model: { url: `http://localhost/${pack}/` } },
    options,
  );
  clients.push(client);
  return client;
}

/** A client with its worker's port and the pipeline behind it. */
async function openWithParts() {
  let port: (WorkerPort & EventTarget) | null = null;
  let pipeline: Pipeline | null = null;
  const startWorker = (): WorkerPort =>
    (port = servedPort(async (request, hooks) => (pipeline = await openLetterPipeline(request, hooks))));
  const client = await openClient(startWorker, { model: { url: "http://localhost/letters/" } }, OPTIONS);
  clients.push(client);
  return { client, port: port! as EventTarget, pipeline: pipeline! as LetterPipeline };
}

/** The error that a call rejects with. */
function failure(call: Promise<unknown>): Promise<EmbedError> {
  return call.then(
    () => expect.fail("the call resolved"),
    (error: unknown) => error as EmbedError,
  );
}

describe("openClient", () => {
  it("reports every phase of loading, the last state before it resolves", async () => {
    const seen: LoadProgress[] = [];
    await open("letters", { ...OPTIONS, onProgress: (progress) => seen.push(progress) });
    expect(seen.map(({ phase }) => phase)).toEqual(["weights", "self-check"]);
    expect(seen.at(-1)).toEqual({ phase: "self-check", loadedBytes: 2, totalBytes: 2, download: null });
  });

  it("rejects with the load's own error and leaves no worker", async () => {
    let terminated = 0;
    const startWorker = (): WorkerPort => {
      const port = servedPort(openLetterPipeline);
      return Object.assign(port, { terminate: () => (terminated++, (port as unknown as MessagePort).close()) });
    };
    const error = await failure(openClient(startWorker, { model: { url: "http://localhost/absent/" } }, OPTIONS));
    expect(error).toMatchObject({ code: "model-not-found", message: "no pack there" });
    expect(terminated).toBe(1);
  });

  it("starts no worker when it is cancelled before it starts", async () => {
    const startWorker = (): WorkerPort => expect.fail("a worker was started");
    const options = { ...OPTIONS, signal: AbortSignal.abort() };
    expect(await failure(openClient(startWorker, { model: { url: "" } }, options))).toMatchObject({ code: "aborted" });
  });

  it("rejects when it is cancelled while the model loads", async () => {
    const controller = new AbortController();
    const onProgress = (): void => controller.abort("enough");
    const error = await failure(open("slow", { ...OPTIONS, signal: controller.signal, onProgress }));
    expect(error).toMatchObject({ code: "aborted", cause: "enough" });
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  it("rejects when nothing answers in time", async () => {
    const { port1 } = new MessageChannel();
    const silent = Object.assign(port1, { terminate: () => port1.close() });
    const error = await failure(openClient(() => silent, { model: { url: "" } }, { readyTimeoutMs: 1 }));
    expect(error).toMatchObject({ code: "worker-crashed", details: { readyTimeoutMs: 1 } });
  });

  it("refuses the worker of another build", async () => {
    const { port1, port2 } = new MessageChannel();
    expose({ ready: () => 999 }, port2);
    const port = Object.assign(port1, { terminate: () => port1.close() });
    const error = await failure(openClient(() => port, { model: { url: "" } }, OPTIONS));
    expect(error).toMatchObject({ code: "worker-crashed", details: { worker: 999 } });
  });

  it("reports a worker that the browser refuses to construct", async () => {
    const startWorker = (): WorkerPort => {
      throw new DOMException("blocked by policy", "SecurityError");
    };
    const error = await failure(openClient(startWorker, { model: { url: "" } }, OPTIONS));
    expect(error.code).toBe("worker-crashed");
    expect(String(error.cause)).toContain("blocked by policy");
  });

  it("tries the next safer execution in a fresh worker after a failed self-check", async () => {
    const requests: LoadRequest[] = [];
    const startWorker = (): WorkerPort =>
      servedPort((request, hooks) => (requests.push(request), openLetterPipeline(request, hooks)));
    const request = { model: { url: "http://localhost/narrow-subgroups/" } };
    const client = await openClient(startWorker, request, OPTIONS);
    clients.push(client);
    expect(requests.map(({ failedChecks }) => failedChecks?.length)).toEqual([0, 1, 2]);
    expect(client.status.device).toMatchObject(SAFE);
    expect(client.status.selfChecks.map(({ passed }) => passed)).toEqual([false, false, true]);
  });

  it("rejects with the numbers of every execution when none is right", async () => {
    const error = await failure(open("wrong-vectors"));
    expect(error.code).toBe("numeric-fault");
    const selfChecks = EXECUTIONS.map((execution) => ({ execution, passed: false, maxAbsDiff: Infinity }));
    expect(error.details).toMatchObject({ retry: false, selfChecks });
  });
});

describe("EmbedClient", () => {
  it("gives the arrays of a result at their own size, moved and not copied", async () => {
    const { client, pipeline } = await openWithParts();
    const matrix = await client.embed(["a", "bcd"], {}, {});
    expect(matrix).toMatchObject({ rows: 2, dimensions: 2, space: "letters", scales: null });
    expect([...matrix.data]).toEqual([1, 0, 3, 1]);
    expect([...matrix.faulty]).toEqual([7, 9]);
    for (const array of [matrix.data, matrix.tokenCounts, matrix.truncated, matrix.faulty]) {
      expect(array.buffer.byteLength).toBe(array.byteLength);
    }
    // tokenCounts had a buffer of its own, which has left; data was a view into a pool, which has stayed.
    expect(pipeline.given?.tokenCounts.byteLength).toBe(0);
    expect(pipeline.given?.data.byteLength).toBe(16);
    expect(pipeline.given?.faulty.byteLength).toBe(8);
  });

  it("tokenizes and counts", async () => {
    const client = await open();
    expect(await client.tokenize(["ab", "abcd"], {}, {})).toMatchObject({ rows: 2, columns: 4 });
    expect(await client.countTokens("four", {}, {})).toBe(4);
  });

  it("thins out progress and delivers the last one before the result", async () => {
    const client = await open();
    const seen: EmbedProgress[] = [];
    await client.embed(["report often"], {}, { onProgress: (progress) => seen.push(progress) });
    expect(seen[0]?.doneTexts).toBe(0);
    expect(seen.at(-1)?.doneTexts).toBe(1000);
    expect(seen.length).toBeLessThan(500);
  });

  it("has the status that a call left behind when the call resolves, and the same object until then", async () => {
    const client = await open();
    const before = client.status;
    expect(client.status).toBe(before);
    await client.embed(["a"], {}, {});
    expect(before.vram.liveBytes).toBe(0);
    expect(client.status.vram.liveBytes).toBe(1);
  });

  it("rejects with a call's own error, details kept, and goes on", async () => {
    const client = await open();
    const error = await failure(client.embed(["be refused"], {}, {}));
    expect(error).toBeInstanceOf(EmbedError);
    expect(error).toMatchObject({ code: "invalid-input", details: { index: 0, tokens: 9 } });
    expect((await client.embed(["a"], {}, {})).rows).toBe(1);
  });

  it("lets a broken invariant arrive as the plain error it is", async () => {
    const error = await failure((await open()).embed(["break invariant"], {}, {}));
    expect(error).not.toBeInstanceOf(EmbedError);
    expect(error.message).toBe("broken invariant: letters stand in rows");
  });

  it("reports a full JS heap as out-of-memory", async () => {
    const error = await failure((await open()).embed(["fill heap"], {}, {}));
    expect(error).toMatchObject({ code: "out-of-memory" });
  });

  it("rejects a value that cannot be sent as invalid-input", async () => {
    const client = await open();
    const request = { instruction: (() => "") as unknown as string };
    expect(await failure(client.embed(["a"], request, {}))).toMatchObject({ code: "invalid-input" });
    expect((await client.embed(["a"], {}, {})).rows).toBe(1);
  });

  it("sends nothing when the signal is aborted already", async () => {
    const client = await open();
    const before = client.status;
    const error = await failure(client.embed(["a"], {}, { signal: AbortSignal.abort("no") }));
    expect(error).toMatchObject({ code: "aborted", cause: "no" });
    await client.countTokens("a", {}, {});
    expect(client.status.vram).toEqual(before.vram);
  });

  it("rejects an aborted call at once, cancels it in the worker and forgets the signal", async () => {
    const { client, pipeline } = await openWithParts();
    const controller = new AbortController();
    const call = failure(client.embed(["wait"], {}, { signal: controller.signal }));
    const frozen = failure(client.embed(["freeze"], {}, { signal: controller.signal }));
    controller.abort("changed my mind");
    expect(await call).toMatchObject({ code: "aborted", cause: "changed my mind" });
    expect(await frozen).toMatchObject({ code: "aborted" });
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    // Ports keep their order: this answer comes after both cancellations.
    expect(await client.countTokens("a", {}, {})).toBe(1);
    expect(pipeline.cancelled).toBe(2);
    expect((await client.embed(["a"], {}, {})).rows).toBe(1);
  });

  it("forgets the signal of a call that resolved", async () => {
    const client = await open();
    const { signal } = new AbortController();
    await client.embed(["a"], {}, { signal });
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("rejects pending and later calls with device-lost when the pipeline fails", async () => {
    const client = await open();
    const frozen = failure(client.embed(["freeze"], {}, {}));
    const losing = failure(client.embed(["lose device"], {}, {}));
    expect(await losing).toMatchObject({ code: "device-lost", cause: "Error: destroyed" });
    expect((await frozen).code).toBe("device-lost");
    expect((await client.ended).code).toBe("device-lost");
    expect((await failure(client.embed([], {}, {}))).code).toBe("device-lost");
    expect((await failure(client.countTokens("a", {}, {}))).code).toBe("device-lost");
  });

  it("rejects pending and later calls with worker-crashed when the worker throws outside a call", async () => {
    const { client, port } = await openWithParts();
    const calls = Array.from({ length: 100 }, () => failure(client.embed(["freeze"], {}, {})));
    port.dispatchEvent(Object.assign(new Event("error"), { message: "boom", filename: "w.js", lineno: 7 }));
    for (const error of await Promise.all(calls)) {
      expect(error).toMatchObject({ code: "worker-crashed", details: { filename: "w.js", lineno: 7 } });
    }
    expect(client.loss?.code).toBe("worker-crashed");
    expect((await failure(client.countTokens("a", {}, {}))).code).toBe("worker-crashed");
  });

  it("rejects pending calls when a message cannot be read", async () => {
    const { client, port } = await openWithParts();
    const call = failure(client.embed(["freeze"], {}, {}));
    port.dispatchEvent(new Event("messageerror"));
    expect((await call).code).toBe("worker-crashed");
  });

  it("rejects pending and later calls with disposed, and can be disposed again", async () => {
    const client = await open();
    const call = failure(client.embed(["freeze"], {}, {}));
    client.dispose();
    client.dispose();
    expect((await call).code).toBe("disposed");
    expect((await client.ended).code).toBe("disposed");
    expect((await failure(client.embed(["a"], {}, {}))).code).toBe("disposed");
  });

  it("says disposed, not crashed, once a crashed worker was disposed", async () => {
    const { client, port } = await openWithParts();
    port.dispatchEvent(new Event("error"));
    client.dispose();
    expect((await failure(client.embed(["a"], {}, {}))).code).toBe("disposed");
  });
});
