/** @file Sources of all kinds, told apart; packs under a URL, from a server that can misbehave. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import { startFaultServer, type FaultServer } from "../../tools/fault-server.ts";
import type { PackSource, UrlSource } from "../delivery.ts";
import { EmbedError } from "../errors.ts";
import { makeTinyPack, sha256 } from "./fixtures/tiny-pack.ts";
import type { HttpOptions } from "./http-source.ts";
import { MANIFEST_FAILURES } from "./http-source.ts";
import { openPackSource } from "./source.ts";

const { manifest, contents } = makeTinyPack(4);
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const manifestJson = JSON.stringify(manifest);
const layer = manifest.files.find(({ name }) => name === "layer-00.bin")!;

let server: FaultServer;
let lane: string;
let modelUrl: string;

beforeAll(async () => {
  server = await startFaultServer({ root: null });
  server.addPack("tiny", new Map([...contents, ["manifest.json", encode(manifestJson)]]));
});
afterAll(() => server.close());

beforeEach(() => {
  lane = `lane-${crypto.randomUUID()}`;
  modelUrl = `${server.url}/${lane}/tiny`;
});
afterEach(() => vi.unstubAllGlobals());

let waits: number[] = [];
async function open(source: UrlSource, options: HttpOptions = {}): Promise<PackSource> {
  waits = [];
  return openPackSource(source, { wait: async (ms) => void waits.push(ms), random: () => 0, ...options });
}

async function failure(promise: Promise<unknown>): Promise<EmbedError> {
  const error: unknown = await promise.then(
    () => new Error("it succeeded"),
    (reason: unknown) => reason,
  );
  if (error instanceof EmbedError) return error;
  throw error;
}

const requests = (file: string) => server.log(lane).filter((entry) => entry.file === file);

describe("openPackSource of a URL", () => {
  it.each(["", "/", "/?token=1#part"])("opens a folder written with %j at its end", async (end) => {
    const bytes: number[] = [];
    const source = await open({ url: modelUrl + end }, { onBytes: (count) => bytes.push(count) });
    expect(source.manifest).toEqual(manifest);
    expect(new TextDecoder().decode(source.manifestBytes)).toBe(manifestJson);
    expect(source.origin).toEqual({ url: `${modelUrl}/` });
    expect(bytes).toEqual([manifestJson.length]);
  });

  it("revalidates the manifest each time", async () => {
    await open({ url: modelUrl });
    expect(requests("manifest.json").map(({ headers }) => headers["cache-control"])).toEqual(["max-age=0"]);
  });

  it("sends the source's headers with each request, remembers none, and shows them to no error", async () => {
    const headers = { "X-Test": "secret" };
    const source = await open({ url: modelUrl, headers });
    await (await source.open(layer, { start: 0 })).cancel();
    await (await source.open(layer, { start: 10 })).cancel();
    expect(server.log(lane).map((entry) => entry.headers["x-test"])).toEqual(["secret", "secret", "secret"]);
    expect(JSON.stringify(source.origin)).not.toContain("secret");
    const bad = await failure(open({ url: modelUrl, headers: { "X-Test": "sec\nret" } }));
    expect([bad.code, bad.details]).toEqual(["invalid-input", { header: "X-Test" }]);
    expect(bad.message + String(bad.cause)).not.toContain("ret");
  });

  it("fetches by the function that it is given", async () => {
    const asked: string[] = [];
    const fetchIt: typeof fetch = (input, init) => (asked.push(String(input)), fetch(input, init));
    const source = await open({ url: modelUrl }, { fetch: fetchIt });
    await (await source.open(layer, { start: 0 })).cancel();
    expect(asked).toEqual([`${modelUrl}/manifest.json`, `${modelUrl}/layer-00.bin`]);
  });

  it.each([404, 410])("reports model-not-found with the URL for HTTP %i", async (status) => {
    server.addFaults(lane, [{ file: "manifest.json", kind: "status", status, times: "always" }]);
    const error = await failure(open({ url: modelUrl }));
    expect([error.code, waits]).toEqual(["model-not-found", []]);
    expect(error.message).toContain(`${modelUrl}/manifest.json`);
    expect(error.details).toMatchObject({ status, url: `${modelUrl}/manifest.json` });
  });

  it.each([
    [401, 1],
    [403, 1],
    [500, MANIFEST_FAILURES],
    [503, MANIFEST_FAILURES],
  ])("reports model-fetch-failed with the status for HTTP %i after %i requests", async (status, count) => {
    server.addFaults(lane, [{ file: "manifest.json", kind: "status", status, times: "always" }]);
    const error = await failure(open({ url: modelUrl }));
    expect([error.code, error.details["status"]]).toEqual(["model-fetch-failed", status]);
    expect(requests("manifest.json")).toHaveLength(count);
  });

  it("gets through a cut and an error of the server's", async () => {
    server.addFaults(lane, [
      { file: "manifest.json", kind: "cut", at: 0.5 },
      { file: "manifest.json", kind: "status", status: 503, retryAfter: "9" },
    ]);
    expect((await open({ url: modelUrl })).manifest).toEqual(manifest);
    expect(waits).toEqual([500, 9000]);
  });

  it("reports model-corrupt for an HTML page, for text and for JSON that is no manifest, and asks once", async () => {
    const answers = ["<!doctype html><title>app</title>", "hello", `{"format":"strata-pack","version":9}`, "[1]"];
    const messages: string[] = [];
    for (const [index, body] of answers.entries()) {
      server.addPack(`bad-${index}`, new Map([["manifest.json", encode(body)]]));
      const error = await failure(open({ url: `${server.url}/${lane}/bad-${index}` }));
      expect(error.code).toBe("model-corrupt");
      messages.push(error.message);
    }
    expect(messages[0]).toContain("HTML");
    expect(messages[1]).toContain("not JSON");
    expect(messages[2]).toContain("version is 9");
    expect(server.log(lane)).toHaveLength(answers.length);
  });

  it("stops reading a manifest without end", async () => {
    server.addPack("endless", new Map([["manifest.json", new Uint8Array(100 * 1024 * 1024).fill(32)]]));
    const error = await failure(open({ url: `${server.url}/${lane}/endless` }));
    expect([error.code, error.message]).toEqual(["model-corrupt", expect.stringContaining("over the limit")]);
    expect(requests("manifest.json")[0]!.bytesSent).toBeLessThan(100 * 1024 * 1024);
  });

  it("keeps no more of a manifest that comes byte by byte than the bytes", async () => {
    const drips = 1000;
    const before = process.memoryUsage().arrayBuffers;
    let [sent, most] = [0, 0];
    const pull = (controller: ReadableByteStreamController): void => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      const request = controller.byobRequest!;
      new Uint8Array(request.view!.buffer)[0] = 32;
      if (sent++ === drips) controller.close();
      request.respond(sent > drips ? 0 : 1);
    };
    const fetchIt: typeof fetch = async () => new Response(new ReadableStream({ type: "bytes", pull }));
    expect((await failure(open({ url: modelUrl }, { fetch: fetchIt }))).code).toBe("model-corrupt");
    expect(most).toBeLessThan(16 * 1024 * 1024);
  });

  it.each(["", "pack", "/pack", "data:text/plain,x"])("refuses %j as a URL", async (url) => {
    expect((await failure(open({ url }))).code).toBe("invalid-input");
  });

  it("refuses a URL with a password without repeating it", async () => {
    const error = await failure(open({ url: modelUrl.replace("//", "//me:hush@") }));
    expect(error.code).toBe("invalid-input");
    expect(JSON.stringify([error.message, error.details])).not.toContain("hush");
  });

  it("refuses to go on where there is no SHA-256", async () => {
    vi.stubGlobal("crypto", {});
    const error = await failure(open({ url: modelUrl }));
    expect([error.code, error.details["secureContext"]]).toEqual(["model-fetch-failed", false]);
    expect(server.log(lane)).toEqual([]);
  });

  it("rejects with aborted before and during the manifest", async () => {
    const early = await failure(open({ url: modelUrl }, { signal: AbortSignal.abort("changed my mind") }));
    expect([early.code, early.cause, server.log(lane)]).toEqual(["aborted", "changed my mind", []]);
    const controller = new AbortController();
    server.addFaults(lane, [{ file: "manifest.json", kind: "gate", at: 10 }]);
    const late = failure(open({ url: modelUrl }, { signal: controller.signal }));
    await server.held(lane);
    controller.abort("enough");
    expect(await late).toMatchObject({ code: "aborted", cause: "enough" });
  });
});

describe("PackSource of a URL", () => {
  const read = async (source: PackSource, start: number, end?: number): Promise<string> => {
    const stream = await source.open(layer, { start, end });
    const parts: Uint8Array[] = [];
    for (;;) {
      const part = await stream.read(new Uint8Array(1000));
      if (part.length === 0) break;
      parts.push(part);
    }
    expect([stream.start, stream.end]).toEqual([start, end ?? layer.bytes]);
    expect(stream.version).toMatch(/^".+"$/);
    return sha256(Buffer.concat(parts));
  };

  it("brings a file, its rest, and a part of it", async () => {
    const source = await open({ url: modelUrl });
    const whole = contents.get(layer.name)!;
    expect(await read(source, 0)).toBe(layer.sha256);
    expect(await read(source, 100)).toBe(sha256(whole.subarray(100)));
    expect(await read(source, 100, 5000)).toBe(sha256(whole.subarray(100, 5000)));
    expect(await read(source, 0, 1)).toBe(sha256(whole.subarray(0, 1)));
    expect(requests(layer.name).map(({ range }) => range)).toEqual([
      null,
      `bytes=100-${layer.bytes - 1}`,
      "bytes=100-4999",
      "bytes=0-0",
    ]);
  });

  it("takes whole files from any cache, fresh ones past it, and ranges past it too", async () => {
    const source = await open({ url: modelUrl });
    for (const options of [{ start: 0 }, { start: 0, fresh: true }, { start: 100 }]) {
      await (await source.open(layer, options)).cancel();
    }
    expect(requests(layer.name).map(({ headers }) => headers["cache-control"])).toEqual([
      undefined,
      "no-cache",
      "no-cache",
    ]);
  });

  it("asks past the caches for a file that one says is missing", async () => {
    server.addFaults(lane, [{ file: layer.name, kind: "status", status: 404 }]);
    expect(await read(await open({ url: modelUrl }), 0)).toBe(layer.sha256);
    expect(requests(layer.name).map(({ headers }) => headers["cache-control"])).toEqual([undefined, "no-cache"]);
  });
});
