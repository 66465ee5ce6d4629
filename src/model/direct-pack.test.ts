/** @file Packs read from their server each time, in both ways, over connections that break. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { startFaultServer, type Fault, type FaultServer } from "../../tools/fault-server.ts";
import type { PackReader } from "../pack.ts";
import { openDirectPack } from "./direct-pack.ts";
import { makeTinyPack, sha256 } from "./fixtures/tiny-pack.ts";
import { BLOCK_BYTES } from "./manifest.ts";
import { openPackSource } from "./source.ts";

const { manifest, contents } = makeTinyPack(4, "large");
const layer = contents.get("layer-00.bin")!;
const large = contents.get("large.bin")!;

let server: FaultServer;
let lane: string;
let pack: PackReader;

beforeAll(async () => {
  server = await startFaultServer({ root: null });
  server.addPack("tiny", new Map([...contents, ["manifest.json", new TextEncoder().encode(JSON.stringify(manifest))]]));
});
afterAll(() => server.close());

beforeEach(async () => {
  lane = `lane-${crypto.randomUUID()}`;
  const source = await openPackSource({ url: `${server.url}/${lane}/tiny` });
  pack = openDirectPack(source, { wait: async () => undefined });
});

const requests = (file: string) => server.log(lane).filter((entry) => entry.file === file);
const always = (fault: Omit<Fault, "times">): void => server.addFaults(lane, [{ ...fault, times: "always" } as Fault]);

/** Both ways to a file's bytes go through one transfer, so each fault is tried on both. */
const ways: [string, (name: string) => Promise<Uint8Array>][] = [
  ["readFile", async (name) => new Uint8Array(await pack.readFile(name))],
  [
    "openFile",
    async (name) => {
      const { bytes } = manifest.files.find((file) => file.name === name)!;
      return new Uint8Array(await (await pack.openFile(name)).read(0, bytes));
    },
  ],
];

describe.each(ways)("%s", (_name, read) => {
  it("gives every file of the pack byte for byte", async () => {
    for (const [name, content] of contents) {
      expect(sha256(await read(name)), name).toBe(sha256(content));
      expect(requests(name)).toHaveLength(1);
    }
  });

  it("goes on after a cut where the last whole block ends", async () => {
    server.addFaults(lane, [{ file: "large.bin", kind: "cut", at: 0.5 }]);
    expect(sha256(await read("large.bin"))).toBe(sha256(large));
    expect(requests("large.bin").map(({ start }) => start)).toEqual([0, BLOCK_BYTES]);
  });

  it("reports a short file with expected and actual bytes", async () => {
    always({ file: "layer-00.bin", kind: "short", bytes: 700 } as Fault);
    await expect(read("layer-00.bin")).rejects.toMatchObject({
      code: "model-corrupt",
      message: expect.stringContaining(`${layer.length - 700} bytes, the manifest says ${layer.length}`) as string,
      details: { file: "layer-00.bin", expectedBytes: layer.length, actualBytes: layer.length - 700 },
    });
  });

  it("reports a long file without reading all of it", async () => {
    always({ file: "layer-00.bin", kind: "long", bytes: 100_000_000 } as Fault);
    await expect(read("layer-00.bin")).rejects.toMatchObject({
      code: "model-corrupt",
      details: { expectedBytes: layer.length, actualBytes: layer.length + 1 },
    });
    for (const { bytesSent } of requests("layer-00.bin")) expect(bytesSent).toBeLessThan(100_000_000);
  });

  it("reports a flipped bit with the file and both hashes, and serves the next read", async () => {
    always({ file: "layer-00.bin", kind: "flip", at: 5000 } as Fault);
    const bad = layer.slice();
    bad[5000]! ^= 1;
    await expect(read("layer-00.bin")).rejects.toMatchObject({
      code: "model-corrupt",
      details: { file: "layer-00.bin", block: 0, expected: sha256(layer), actual: sha256(bad) },
    });
    server.clear(lane);
    expect(sha256(await read("layer-00.bin"))).toBe(sha256(layer));
  });

  it.each([404, 403])("reports a file for which the server says %i with file and status", async (status) => {
    always({ file: "layer-01.bin", kind: "status", status } as Fault);
    await expect(read("layer-01.bin")).rejects.toMatchObject({
      code: "model-fetch-failed",
      details: { file: "layer-01.bin", status },
    });
  });

  it("heals a wrong answer by asking past the caches", async () => {
    server.addFaults(lane, [{ file: "layer-00.bin", kind: "flip", at: 3 }]);
    expect(sha256(await read("layer-00.bin"))).toBe(sha256(layer));
    expect(requests("layer-00.bin").map(({ headers }) => headers["cache-control"])).toEqual([undefined, "no-cache"]);
  });
});

describe("PackReader of a source", () => {
  it.each(["readFile", "openFile"] as const)("counts each byte of %s once, whatever comes again", async (way) => {
    server.addFaults(lane, [
      { file: "large.bin", kind: "flip", at: BLOCK_BYTES + 1 },
      { file: "large.bin", kind: "cut", at: 1.7 * BLOCK_BYTES, skip: 1 },
    ]);
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

  it.each(["readFile", "openFile"] as const)("rejects %s with aborted and asks no second time", async (way) => {
    await expect(pack[way]("large.bin", { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });
    expect(requests("large.bin")).toEqual([]);
    const controller = new AbortController();
    server.addFaults(lane, [{ file: "large.bin", kind: "gate", at: 0.5 }]);
    const late = pack[way]("large.bin", { signal: controller.signal });
    await Promise.all([
      expect(late).rejects.toMatchObject({ code: "aborted", cause: "enough" }),
      server.held(lane).then(() => controller.abort("enough")),
    ]);
    expect(requests("large.bin")).toHaveLength(1);
  });

  it("reads ranges of an open file, across blocks too", async () => {
    const file = await pack.openFile("large.bin");
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
    const file = await pack.openFile("layer-00.bin");
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
    await expect(pack.readFile("../secret")).rejects.toThrow("no file ../secret");
    expect(server.log(lane).map(({ file }) => file)).toEqual(["manifest.json"]);
  });
});
