/** @file The fault server keeps to HTTP where no fault is asked of it, and does each fault once it is. */
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startFaultServer, type Fault, type FaultServer, type LoggedRequest } from "./fault-server.ts";

const content = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);

let server: FaultServer;
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "fault-server-"));
  await mkdir(join(root, "packs", "disk"), { recursive: true });
  await writeFile(join(root, "packs", "disk", "a.bin"), content);
  await writeFile(join(root, "secret"), "hush");
  server = await startFaultServer({ root: join(root, "packs") });
  server.addPack("memory", new Map([["a.bin", content]]));
});

afterAll(async () => {
  await server.close();
  await rm(root, { recursive: true });
});

const get = (path: string, init?: RequestInit): Promise<Response> => fetch(`${server.url}/${path}`, init);
const bytesOf = async (response: Response): Promise<Uint8Array> => new Uint8Array(await response.arrayBuffer());

describe.each(["memory", "disk"])("startFaultServer with a pack in %s", (pack) => {
  it("serves files, ranges and heads, and logs them", async () => {
    const lane = `plain-${pack}`;
    const whole = await get(`${lane}/${pack}/a.bin`);
    expect([whole.status, whole.headers.get("content-length"), await bytesOf(whole)]).toEqual([200, "1000", content]);
    const part = await get(`${lane}/${pack}/a.bin`, { headers: { Range: "bytes=10-19" } });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 10-19/1000"]);
    expect(await bytesOf(part)).toEqual(content.slice(10, 20));
    const rest = await get(`${lane}/${pack}/a.bin`, { headers: { Range: "bytes=990-" } });
    expect(await bytesOf(rest)).toEqual(content.slice(990));
    const beyond = await get(`${lane}/${pack}/a.bin`, { headers: { Range: "bytes=1000-" } });
    expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, "bytes */1000"]);
    const head = await get(`${lane}/${pack}/a.bin`, { method: "HEAD" });
    expect([head.headers.get("content-length"), head.headers.get("etag")]).toEqual(["1000", whole.headers.get("etag")]);
    expect(server.log(lane).map(({ status, start, bytesSent }) => [status, start, bytesSent])).toEqual([
      [200, 0, 1000],
      [206, 10, 10],
      [206, 990, 10],
      [416, 1000, 0],
      [200, 0, 0],
    ]);
  });

  it("serves it under a hub's paths too", async () => {
    const response = await get(`hub-${pack}/owner/${pack}/resolve/refs%2Fpr%2F1/a.bin`);
    expect(await bytesOf(response)).toEqual(content);
    expect(server.log(`hub-${pack}`)[0]!.path).toContain("refs%2Fpr%2F1");
  });

  it("has nothing else", async () => {
    for (const path of ["b.bin", "..%2F..%2Fsecret", "..%2F..%2Fnone", "", "%00"]) {
      expect((await get(`none/${pack}/${path}`)).status, path).toBe(404);
    }
  });
});

describe("startFaultServer", () => {
  it("takes faults of one lane over HTTP, one for each request, and forgets them with the lane", async () => {
    const faults: Fault[] = [
      { file: "a.bin", kind: "status", status: 503, retryAfter: "1", times: 2 },
      { file: "b.bin", kind: "status", status: 403 },
      { file: "a.bin", kind: "flip", at: 0.5 },
      { file: "*", kind: "etag", etag: '"x"', times: "always" },
    ];
    await get("taken/faults", { method: "POST", body: JSON.stringify(faults) });
    const statuses: number[] = [];
    for (let i = 0; i < 2; i++) statuses.push((await get("taken/memory/a.bin")).status);
    expect([statuses, (await get("other/memory/a.bin")).status]).toEqual([[503, 503], 200]);
    const flipped = await bytesOf(await get("taken/memory/a.bin"));
    expect(flipped.findIndex((byte, i) => byte !== content[i])).toBe(500);
    const last = await get("taken/memory/a.bin");
    expect([last.headers.get("etag"), await bytesOf(last)]).toEqual(['"x"', content]);
    const log = (await (await get("taken/log")).json()) as LoggedRequest[];
    expect(log.map(({ file, status }) => [file, status])).toEqual([503, 503, 200, 200].map((code) => ["a.bin", code]));
    await get("taken", { method: "DELETE" });
    expect((await get("taken/memory/a.bin")).headers.get("etag")).not.toBe('"x"');
    expect(server.log("taken")).toHaveLength(1);
  });

  it("keeps a fault for a request that reaches its byte", async () => {
    server.addFaults("reach", [{ file: "a.bin", kind: "cut", at: 500 }]);
    expect(await bytesOf(await get("reach/memory/a.bin", { headers: { Range: "bytes=600-" } }))).toHaveLength(400);
    await expect(get("reach/memory/a.bin").then(bytesOf)).rejects.toThrow();
    expect(server.log("reach").map(({ bytesSent, cut }) => [bytesSent, cut])).toEqual([
      [400, false],
      [500, true],
    ]);
  });

  it("ends a body without length where a clean cut is", async () => {
    server.addFaults("clean", [{ file: "a.bin", kind: "cut", at: 500, clean: true }]);
    const response = await get("clean/memory/a.bin");
    expect([response.headers.get("content-length"), await bytesOf(response)]).toEqual([null, content.slice(0, 500)]);
  });

  it("holds an answer at a gate until it opens", async () => {
    server.addFaults("gate", [{ file: "a.bin", kind: "gate", at: 500 }]);
    const response = await get("gate/memory/a.bin");
    await get("gate/held");
    expect(server.log("gate")[0]).toMatchObject({ bytesSent: 500, done: false });
    await get("gate/open", { method: "POST" });
    expect(await bytesOf(response)).toEqual(content);
  });

  it("sends a throttled answer in small pieces", async () => {
    server.addFaults("slow", [{ file: "a.bin", kind: "throttle", bytesPerSecond: 10_000 }]);
    const reader = (await get("slow/memory/a.bin")).body!.getReader();
    const sizes: number[] = [];
    for (let part = await reader.read(); !part.done; part = await reader.read()) sizes.push(part.value.length);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(1000);
    expect(sizes.length).toBeGreaterThan(1);
  });
});
