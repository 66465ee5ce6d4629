/** @file Every call settles, with real workers in a real browser. */
import { afterEach, describe, expect, it } from "vitest";
import { openEmbedder, type Embedder } from "../embedder.ts";
import type { EmbedError } from "../errors.ts";

const letterWorker = () => new Worker(new URL("./fixtures/letter.worker.ts", import.meta.url), { type: "module" });
const throwingWorker = () => new Worker(new URL("./fixtures/throwing.worker.ts", import.meta.url), { type: "module" });
const emptyWorker = () => new Worker(new URL("./fixtures/empty.worker.ts", import.meta.url), { type: "module" });
const missingWorker = () => new Worker("/no-such-folder/no-such.worker.js", { type: "module" });

const embedders: Embedder[] = [];
afterEach(() => embedders.splice(0).forEach((embedder) => embedder.dispose()));

async function open(startWorker: () => Worker = letterWorker, readyTimeoutMs = 30_000): Promise<Embedder> {
  const embedder = await openEmbedder({ model: "letters", readyTimeoutMs }, startWorker);
  embedders.push(embedder);
  return embedder;
}

/** The codes that calls reject with; "resolved" for one that did not. */
function codes(calls: readonly Promise<unknown>[]): Promise<string[]> {
  const code = (call: Promise<unknown>): Promise<string> =>
    call.then(
      () => "resolved",
      (error: EmbedError) => error.code,
    );
  return Promise.all(calls.map(code));
}

const hundred = <R>(call: (index: number) => R): R[] => Array.from({ length: 100 }, (_, index) => call(index));

describe("starting a worker", () => {
  it("answers through a real worker, arrays at their own size", async () => {
    const matrix = await (await open()).embed(["a", "bc"]);
    expect([...matrix.data]).toEqual([1, 0, 2, 1]);
    expect(matrix.data.buffer.byteLength).toBe(16);
  });

  it("rejects when the script throws at top level", async () => {
    await expect(open(throwingWorker)).rejects.toMatchObject({
      code: "worker-crashed",
      message: expect.stringContaining("thrown at top level"),
    });
  });

  it("rejects when there is no script", async () => {
    await expect(open(missingWorker)).rejects.toMatchObject({
      code: "worker-crashed",
      message: "the worker's script could not be loaded",
    });
  });

  it("rejects when the script is empty and no event ever comes", async () => {
    await expect(open(emptyWorker, 500)).rejects.toMatchObject({
      code: "worker-crashed",
      details: { readyTimeoutMs: 500 },
    });
  });

  it("uses a fresh worker for each execution after a failed self-check", async () => {
    let workers = 0;
    const startWorker = (): Worker => (workers++, letterWorker());
    const embedder = await openEmbedder({ model: "narrow-subgroups" }, startWorker);
    embedders.push(embedder);
    expect(workers).toBe(3);
    expect(embedder.status.device.kind).toBe("wasm");
  });
});

describe("a worker that serves 100 calls", () => {
  it("settles them all when it crashes", async () => {
    const embedder = await open();
    const calls = hundred(() => embedder.embed("freeze", { whenLost: "fail" }));
    calls.push(embedder.embed("crash", { whenLost: "fail" }));
    expect(new Set(await codes(calls))).toEqual(new Set(["worker-crashed"]));
  });

  it("settles them all when it is disposed", async () => {
    const embedder = await open();
    const calls = hundred(() => embedder.embed("freeze"));
    embedder.dispose();
    expect(new Set(await codes(calls))).toEqual(new Set(["disposed"]));
    expect(await codes([embedder.embed("a")])).toEqual(["disposed"]);
  });

  it("settles them all when its device is lost", async () => {
    const embedder = await open();
    const calls = hundred(() => embedder.embed("freeze", { whenLost: "fail" }));
    calls.push(embedder.embed("lose device", { whenLost: "fail" }));
    expect(new Set(await codes(calls))).toEqual(new Set(["device-lost"]));
  });

  it("settles each in its own way", async () => {
    const embedder = await open();
    const controller = new AbortController();
    const calls = hundred((index) => {
      if (index % 3 === 0) return embedder.embed("a");
      if (index % 3 === 1) return embedder.embed("be refused");
      return embedder.embed("wait", { signal: controller.signal });
    });
    controller.abort();
    const expected = hundred((index) => ["resolved", "invalid-input", "aborted"][index % 3]);
    expect(await codes(calls)).toEqual(expected);
    expect((await embedder.embed("a")).rows).toBe(1);
  });
});
