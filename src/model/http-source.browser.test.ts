/** @file What Chromium makes of requests to another origin: preflights, headers that it shows, headers that it drops. */

import { describe, expect, inject, it } from "vitest";

import { BLOCK_BYTES } from "./manifest.ts";
import { receiveBlocks, type Landing } from "./receive.ts";
import { openPackSource } from "./source.ts";

const server = inject("faultServerUrl");

interface Logged {
  readonly method: string;
  readonly file: string;
  readonly origin: string;
  readonly range: string | null;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

const logOf = async (lane: string): Promise<Logged[]> =>
  (await fetch(`${server}/${lane}/log`)).json() as Promise<Logged[]>;

async function addFaults(lane: string, faults: readonly object[]): Promise<void> {
  await fetch(`${server}/${lane}/faults`, { method: "POST", body: JSON.stringify(faults) });
}

describe("openPackSource of another origin", () => {
  it("asks for ranges without a preflight, and sees what they are of", async () => {
    const lane = crypto.randomUUID();
    const source = await openPackSource({ url: `${server}/${lane}/tiny` });
    const file = source.manifest.files.find(({ name }) => name === "large.bin")!;
    for (const range of [{ start: 0 }, { start: 100 }, { start: 100, end: 200 }]) {
      const stream = await source.open(file, range);
      expect([stream.start, stream.end]).toEqual([range.start, range.end ?? file.bytes]);
      expect(stream.version).toMatch(/^".+"$/);
      await stream.cancel();
    }
    const log = await logOf(lane);
    expect(log.map(({ method, range, status }) => [method, range, status])).toEqual([
      ["GET", null, 200],
      ["GET", null, 200],
      ["GET", `bytes=100-${file.bytes - 1}`, 206],
      ["GET", "bytes=100-199", 206],
    ]);
  });

  it("goes on after cuts, hard and clean, in memory of one block", async () => {
    const lane = crypto.randomUUID();
    const source = await openPackSource({ url: `${server}/${lane}/tiny` });
    const file = source.manifest.files.find(({ name }) => name === "large.bin")!;
    await addFaults(lane, [
      { file: file.name, kind: "cut", at: 0.37 },
      { file: file.name, kind: "cut", at: 0.5, clean: true },
      { file: file.name, kind: "cut", at: 0.99 },
    ]);
    let memory = new ArrayBuffer(0);
    const kept: number[] = [];
    const landing: Landing = {
      has: (block) => kept.includes(block),
      memory: () => new Uint8Array((memory = memory.byteLength === 0 ? new ArrayBuffer(BLOCK_BYTES) : memory)),
      keep: (block, bytes) => {
        kept.push(block);
        memory = bytes.buffer;
      },
    };
    await receiveBlocks({ source, file }, landing, { wait: async () => undefined });
    expect(kept).toEqual([0, 1, 2]);
    const requests = (await logOf(lane)).filter((entry) => entry.file === file.name);
    expect(requests).toHaveLength(4);
  });

  it("shows a hub's token to no server that the hub sends it to", async () => {
    const lane = crypto.randomUUID();
    await addFaults(lane, [{ file: "manifest.json", kind: "redirect", to: "other-origin" }]);
    await openPackSource({ hub: "someone/tiny", endpoint: `${server}/${lane}`, token: "hush" });
    const requests = (await logOf(lane)).filter(({ method }) => method === "GET");
    expect(requests.map(({ origin, headers }) => [origin === server, headers["authorization"]])).toEqual([
      [true, "Bearer hush"],
      [false, undefined],
    ]);
  });
});
