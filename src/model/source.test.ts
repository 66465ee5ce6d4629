/** @file Packs over HTTP, from a server that can misbehave. */

import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { EmbedError } from "../errors.ts";
import type { PackReader } from "../pack.ts";
import { makeTinyPack, sha256 } from "./fixtures/tiny-pack.ts";
import { BLOCK_BYTES } from "./manifest.ts";
import { openHttpPack } from "./source.ts";
import { STALLED_MS } from "./transfer.ts";

const { manifest, contents } = makeTinyPack(4, "large");
const layer = contents.get("layer-00.bin")!;
const large = contents.get("large.bin")!;

type Handler = (response: ServerResponse, request: IncomingMessage) => void;

let server: Server;
let modelUrl: string;
/** What the server does instead of serving a file, one handler a request; the last one stays. */
let faults: Map<string, Handler[]>;
/** `Cache-Control` of the requests for each file. */
let requests: Map<string, (string | undefined)[]>;

beforeEach(async () => {
  faults = new Map();
  requests = new Map();
  server = createServer((request, response) => {
    const name = request.url!.replace("/pack/", "");
    requests.set(name, [...(requests.get(name) ?? []), request.headers["cache-control"]]);
    const queue = faults.get(name) ?? [];
    const fault = queue.length > 1 ? queue.shift() : queue[0];
    (fault ?? serve(name))(response, request);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  modelUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/pack`;
});

afterEach(async () => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

function serve(name: string): Handler {
  return (response) => {
    const content = name === "manifest.json" ? JSON.stringify(manifest) : contents.get(name);
    if (content === undefined) response.writeHead(404);
    response.end(content ?? "not here");
  };
}

const answer =
  (body: string | Uint8Array): Handler =>
  (response) =>
    response.end(body);
const status =
  (code: number): Handler =>
  (response) =>
    response.writeHead(code).end("no");

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 1;
  return copy;
}

async function failure(promise: Promise<unknown>): Promise<EmbedError> {
  const error: unknown = await promise.then(
    () => new Error("it succeeded"),
    (reason: unknown) => reason,
  );
  if (error instanceof EmbedError) return error;
  throw error;
}

describe("openHttpPack", () => {
  it.each(["", "/", "/?token=1#part"])("opens a folder written with %j at its end", async (end) => {
    const bytes: number[] = [];
    const pack = await openHttpPack(modelUrl + end, { onBytes: (count) => bytes.push(count) });
    expect(pack.manifest).toEqual(manifest);
    expect(bytes.reduce((sum, count) => sum + count)).toBe(JSON.stringify(manifest).length);
  });

  it("revalidates the manifest each time", async () => {
    await openHttpPack(modelUrl);
    expect(requests.get("manifest.json")).toEqual(["max-age=0"]);
  });

  it.each([404, 410])("reports model-not-found with the URL for HTTP %i", async (code) => {
    faults.set("manifest.json", [status(code)]);
    const error = await failure(openHttpPack(modelUrl));
    expect(error.code).toBe("model-not-found");
    expect(error.message).toContain(`${modelUrl}/manifest.json`);
    expect(error.details).toMatchObject({ status: code, url: `${modelUrl}/manifest.json` });
  });

  it.each([401, 500, 503])("reports model-fetch-failed with the status for HTTP %i", async (code) => {
    faults.set("manifest.json", [status(code)]);
    const error = await failure(openHttpPack(modelUrl));
    expect([error.code, error.details.status]).toEqual(["model-fetch-failed", code]);
  });

  it("reports model-fetch-failed with its cause when nobody answers", async () => {
    await new Promise((closed) => server.close(closed));
    const error = await failure(openHttpPack(modelUrl));
    expect(error.code).toBe("model-fetch-failed");
    expect(error.cause).toBeInstanceOf(TypeError);
  });

  it("reports model-corrupt for an HTML page, for text and for JSON that is no manifest", async () => {
    const answers = ["<!doctype html><title>app</title>", "hello", `{"format":"strata-pack","version":9}`, "[1]"];
    const messages: string[] = [];
    for (const body of answers) {
      faults.set("manifest.json", [answer(body)]);
      const error = await failure(openHttpPack(modelUrl));
      expect(error.code).toBe("model-corrupt");
      messages.push(error.message);
    }
    expect(messages[0]).toContain("HTML");
    expect(messages[1]).toContain("not JSON");
    expect(messages[2]).toContain("version is 9");
  });

  it("stops reading a manifest without end", async () => {
    faults.set("manifest.json", [
      (response) => {
        const spaces = Buffer.alloc(1 << 20, " ");
        const more = (): void => {
          while (!response.destroyed && response.write(spaces));
        };
        response.on("drain", more);
        more();
      },
    ]);
    const error = await failure(openHttpPack(modelUrl));
    expect([error.code, error.message]).toEqual(["model-corrupt", expect.stringContaining("over the limit")]);
  });

  it.each(["", "pack", "/pack", "data:text/plain,x"])("refuses %j as a URL", async (url) => {
    expect((await failure(openHttpPack(url))).code).toBe("invalid-input");
  });

  it("refuses to go on where there is no SHA-256", async () => {
    vi.stubGlobal("crypto", {});
    const error = await failure(openHttpPack(modelUrl));
    expect([error.code, error.details.secureContext]).toEqual(["model-fetch-failed", false]);
    expect(requests.size).toBe(0);
  });

  it("rejects with aborted before and during the manifest", async () => {
    const early = await failure(openHttpPack(modelUrl, { signal: AbortSignal.abort("changed my mind") }));
    expect([early.code, early.cause, requests.size]).toEqual(["aborted", "changed my mind", 0]);
    const controller = new AbortController();
    faults.set("manifest.json", [(response) => void response.write("{")]);
    const late = openHttpPack(modelUrl, { signal: controller.signal, onBytes: () => controller.abort() });
    expect((await failure(late)).code).toBe("aborted");
  });
});

/** Both ways to a file's bytes go through one transfer, so each fault is tried on both. */
const ways: [string, (pack: PackReader, name: string) => Promise<Uint8Array>][] = [
  ["readFile", async (pack, name) => new Uint8Array(await pack.readFile(name))],
  [
    "openFile",
    async (pack, name) => {
      const { bytes } = manifest.files.find((file) => file.name === name)!;
      return new Uint8Array(await (await pack.openFile(name)).read(0, bytes));
    },
  ],
];

describe.each(ways)("%s", (_name, read) => {
  it("gives every file of the pack byte for byte", async () => {
    const pack = await openHttpPack(modelUrl);
    for (const [name, content] of contents) {
      expect(sha256(await read(pack, name)), name).toBe(sha256(content));
      expect(requests.get(name)).toHaveLength(1);
    }
  });

  const cut = (headers: Record<string, string | number>): Handler => {
    return (response) => {
      response.writeHead(200, headers);
      response.write(layer.subarray(0, 700), () => response.destroy());
    };
  };
  const closeDelimited: Handler = ({ socket }) => {
    socket!.end(Buffer.concat([Buffer.from("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"), layer.subarray(0, 700)]));
  };

  it.each([
    ["a short file", answer(layer.subarray(0, 700))],
    ["a close-delimited file cut short", closeDelimited],
  ])("reports %s with expected and actual bytes", async (_what, fault) => {
    const pack = await openHttpPack(modelUrl);
    faults.set("layer-00.bin", [fault]);
    const error = await failure(read(pack, "layer-00.bin"));
    expect(error.code).toBe("model-corrupt");
    expect(error.message).toContain(`layer-00.bin: 700 bytes, the manifest says ${layer.length}`);
    expect(error.details).toMatchObject({ file: "layer-00.bin", expectedBytes: layer.length, actualBytes: 700 });
  });

  it("reports a long file without reading all of it", async () => {
    const pack = await openHttpPack(modelUrl);
    faults.set("layer-00.bin", [answer(Buffer.concat([layer, large]))]);
    const error = await failure(read(pack, "layer-00.bin"));
    expect([error.code, error.details.expectedBytes]).toEqual(["model-corrupt", layer.length]);
    expect(error.details.actualBytes).toBe(layer.length + 1);
  });

  it("reports a file longer by one byte", async () => {
    const pack = await openHttpPack(modelUrl);
    faults.set("layer-00.bin", [answer(Buffer.concat([layer, layer.subarray(0, 1)]))]);
    expect((await failure(read(pack, "layer-00.bin"))).details).toMatchObject({ actualBytes: layer.length + 1 });
  });

  it.each([
    ["Content-Length", cut({ "content-length": layer.length })],
    ["chunks", cut({})],
  ])("reports a connection cut in a transfer with %s as model-fetch-failed", async (_what, fault) => {
    const pack = await openHttpPack(modelUrl);
    faults.set("layer-00.bin", [fault]);
    const error = await failure(read(pack, "layer-00.bin"));
    expect([error.code, error.details.file]).toEqual(["model-fetch-failed", "layer-00.bin"]);
    expect(error.cause).toBeInstanceOf(Error);
  });

  it("reports a flipped bit with the file and both hashes, and serves the next read", async () => {
    const pack = await openHttpPack(modelUrl);
    const bad = flipped(layer, 5000);
    faults.set("layer-00.bin", [answer(bad)]);
    const error = await failure(read(pack, "layer-00.bin"));
    expect(error.code).toBe("model-corrupt");
    expect(error.details).toMatchObject({ file: "layer-00.bin", expected: sha256(layer), actual: sha256(bad) });
    for (const part of ["layer-00.bin", sha256(layer), sha256(bad)]) expect(error.message).toContain(part);
    faults.clear();
    expect(sha256(await read(pack, "layer-00.bin"))).toBe(sha256(layer));
  });

  it.each([
    [0, BLOCK_BYTES - 1],
    [1, BLOCK_BYTES],
  ])("names block %i for a bit flipped at byte %i", async (block, at) => {
    const pack = await openHttpPack(modelUrl);
    faults.set("large.bin", [answer(flipped(large, at))]);
    expect((await failure(read(pack, "large.bin"))).details).toMatchObject({ file: "large.bin", block });
  });

  it("reports a file that the server lacks or fails on as model-fetch-failed with file and status", async () => {
    const pack = await openHttpPack(modelUrl);
    for (const code of [404, 500, 206, 204]) {
      faults.set("layer-01.bin", [status(code)]);
      const error = await failure(read(pack, "layer-01.bin"));
      expect([error.code, error.details.file, error.details.status]).toEqual([
        "model-fetch-failed",
        "layer-01.bin",
        code,
      ]);
    }
  });

  it.each([
    ["stale", answer(flipped(large, 3))],
    ["short", answer(large.subarray(0, BLOCK_BYTES + 1))],
    ["missing", status(404)],
  ])("heals a %s answer by asking once more past the caches", async (_what, fault) => {
    const pack = await openHttpPack(modelUrl);
    faults.set("large.bin", [fault, serve("large.bin")]);
    expect(sha256(await read(pack, "large.bin"))).toBe(sha256(large));
    expect(requests.get("large.bin")).toEqual([undefined, "no-cache"]);
  });
});

describe("PackReader", () => {
  it("asks once more for a file whose transfer stalls, and reports model-fetch-failed when that stalls too", async () => {
    const pack = await openHttpPack(modelUrl);
    const stall: Handler = (response) => void response.writeHead(200).write(layer.subarray(0, 700));
    const stallLater: Handler = (response) => void response.writeHead(200).write(layer.subarray(0, 701));
    // By then the next read waits, and nothing comes.
    const onBytes = (): void => queueMicrotask(() => vi.advanceTimersByTime(STALLED_MS));
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    faults.set("layer-00.bin", [stall, stallLater]);
    const error = await failure(pack.readFile("layer-00.bin", { onBytes }));
    expect(error.code).toBe("model-fetch-failed");
    expect(error.details).toMatchObject({ file: "layer-00.bin", stalledMs: STALLED_MS });
    expect(requests.get("layer-00.bin")).toEqual([undefined, "no-cache"]);
    faults.set("layer-00.bin", [stall, serve("layer-00.bin")]);
    let reports = 0;
    const onFirst = (): void => void (reports++ === 0 && onBytes());
    const healed = await pack.readFile("layer-00.bin", { onBytes: onFirst });
    expect(sha256(new Uint8Array(healed))).toBe(sha256(layer));
  });

  it.each(["readFile", "openFile"] as const)("counts each byte of %s once, second try or not", async (way) => {
    const pack = await openHttpPack(modelUrl);
    faults.set("large.bin", [answer(flipped(large, BLOCK_BYTES + 1)), serve("large.bin")]);
    for (let run = 0; run < 2; run++) {
      let counted = 0;
      await pack[way]("large.bin", {
        onBytes: (bytes) => {
          expect(bytes).toBeGreaterThan(0);
          counted += bytes;
        },
      });
      expect(counted).toBe(large.length);
    }
  });

  it.each(["readFile", "openFile"] as const)("rejects %s with aborted and tries no second time", async (way) => {
    const pack = await openHttpPack(modelUrl);
    const early = await failure(pack[way]("large.bin", { signal: AbortSignal.abort() }));
    expect([early.code, requests.get("large.bin")]).toEqual(["aborted", undefined]);
    const controller = new AbortController();
    // Half of it, then silence: only the signal can end this.
    faults.set("large.bin", [(response) => void response.write(large.subarray(0, 1 << 20))]);
    const late = pack[way]("large.bin", { signal: controller.signal, onBytes: () => controller.abort("enough") });
    const error = await failure(late);
    expect([error.code, error.cause, requests.get("large.bin")!.length]).toEqual(["aborted", "enough", 1]);
  });

  it("reads ranges of an open file, across blocks too", async () => {
    const file = await (await openHttpPack(modelUrl)).openFile("large.bin");
    for (const [offset, bytes] of [
      [0, 16],
      [BLOCK_BYTES - 10, 20],
      [large.length - 1, 1],
      [large.length, 0],
    ] as const) {
      expect(new Uint8Array(await file.read(offset, bytes))).toEqual(large.slice(offset, offset + bytes));
    }
  });

  it("reads no range outside an open file", async () => {
    const file = await (await openHttpPack(modelUrl)).openFile("layer-00.bin");
    for (const [offset, bytes] of [
      [-1, 1],
      [layer.length, 1],
      [0, layer.length + 1],
      [0.5, 1],
      [0, NaN],
    ] as const) {
      await expect(file.read(offset, bytes)).rejects.toThrow("broken invariant");
    }
  });

  it("knows no file that the manifest does not list", async () => {
    const pack = await openHttpPack(modelUrl);
    await expect(pack.readFile("../secret")).rejects.toThrow("no file ../secret");
    expect([...requests.keys()]).toEqual(["manifest.json"]);
  });
});
