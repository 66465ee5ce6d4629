/** @file Files over bad connections: nothing comes twice without need. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";

import {
  expectWhole,
  file,
  large,
  ofLarge,
  openReceiveLab,
  Shelf,
  type ReceiveLab,
} from "../../tools/fault-server/receive-lab.ts";
import { startFaultServer } from "../../tools/fault-server.ts";
import { BLOCK_BYTES } from "./manifest.ts";
import { MAX_FAILURES } from "./retry.ts";
import { STALLED_MS } from "./transfer.ts";

let lab: ReceiveLab;
beforeAll(async () => void (lab = await openReceiveLab()));
afterEach(() => void vi.useRealTimers());
afterAll(() => lab.server.close());

describe("receiveBlocks", () => {
  it("asks for a whole file once and without a range", async () => {
    await lab.open();
    const outcome = await lab.receive();
    expectWhole(outcome, 0);
    expect(outcome.log.map(({ range }) => range)).toEqual([null]);
    expect([outcome.waits, outcome.troubles]).toEqual([[], []]);
  });

  it("asks for each run of missing blocks alone", async () => {
    await lab.open();
    const shelf = new Shelf();
    shelf.blocks[1] = large.subarray(BLOCK_BYTES, 2 * BLOCK_BYTES);
    const { error, log, sentBytes } = await lab.receive(shelf);
    expect(error).toBeNull();
    expect(log.map(({ range }) => range)).toEqual([
      `bytes=0-${BLOCK_BYTES - 1}`,
      `bytes=${2 * BLOCK_BYTES}-${file.bytes - 1}`,
    ]);
    expect(sentBytes).toBe(file.bytes - BLOCK_BYTES);
    expect(shelf.sha256()).toBe(file.sha256);
  });

  it("asks for nothing when nothing is missing", async () => {
    await lab.open();
    const shelf = new Shelf();
    for (let block = 0; block < file.blocks.length; block++) shelf.keep(block, new Uint8Array(1));
    expect((await lab.receive(shelf)).log).toEqual([]);
  });
});

describe("receiveBlocks over a connection that is cut", () => {
  it.each([
    [0.01, 0],
    [0.37, 0],
    [0.99, 2],
  ])("goes on after a cut at %f from block %i", async (at, block) => {
    await lab.open(ofLarge({ kind: "cut", at }));
    const outcome = await lab.receive();
    expectWhole(outcome, 1);
    expect(outcome.log.map(({ start }) => start)).toEqual([0, block * BLOCK_BYTES]);
    expect(outcome.log[0]!.cut).toBe(true);
    expect(outcome.waits).toEqual([500]);
    expect(outcome.troubles).toEqual([expect.stringContaining("no complete answer"), null]);
  });

  it.each([0.01, 0.37, 0.99])("takes a body without length that ends at %f for a cut", async (at) => {
    await lab.open(ofLarge({ kind: "cut", at, clean: true }));
    const outcome = await lab.receive();
    expectWhole(outcome, 1);
    expect(outcome.troubles[0]).toContain(`${Math.floor(at * file.bytes)} bytes, the manifest says ${file.bytes}`);
  });

  it("gets through three cuts in a row and one more in the middle of what is left", async () => {
    await lab.open(...[0.01, 0.37, 0.5, 0.99].map((at) => ofLarge({ kind: "cut" as const, at })));
    const outcome = await lab.receive();
    expectWhole(outcome, 4);
    expect(outcome.log).toHaveLength(5);
  });

  it("gives up with model-fetch-failed after tries without progress, and keeps what is verified", async () => {
    await lab.open(ofLarge({ kind: "cut", at: 1.5 * BLOCK_BYTES, times: "always" }));
    const outcome = await lab.receive();
    expect(outcome.error?.code).toBe("model-fetch-failed");
    // The first one kept a block.
    expect(outcome.log).toHaveLength(1 + MAX_FAILURES - 1);
    expect(outcome.countedBytes).toBe(BLOCK_BYTES);
    expect(outcome.shelf.has(0)).toBe(true);
    lab.server.clear(lab.lane);
    expect((await lab.receive(outcome.shelf)).log.map(({ start }) => start)).toEqual([BLOCK_BYTES]);
  });

  it("gives up with the cause when nobody answers", async () => {
    const gone = await startFaultServer({ root: null });
    await gone.close();
    await lab.open();
    await lab.takeFileFrom(`${gone.url}/${lab.lane}/tiny`);
    const { error, waits } = await lab.receive();
    expect([error?.code, error?.cause]).toEqual(["model-fetch-failed", expect.any(TypeError)]);
    expect(waits).toHaveLength(MAX_FAILURES - 1);
  });

  it.each([
    ["before the headers", undefined],
    ["in the body", 1.5 * BLOCK_BYTES],
  ])("gives up a connection that stalls %s, and goes on", async (_where, at) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    await lab.open(ofLarge({ kind: "stall", ...(at !== undefined && { at }) }));
    const receiving = lab.receive();
    // Once everything that comes has been sent, the time goes by until somebody has had enough and asks again.
    for (let asked = 0; asked < 2;) {
      await new Promise((next) => setImmediate(next));
      const requests = lab.log();
      asked = requests.length;
      if (asked === 1 && requests[0]!.bytesSent >= (at ?? 0)) vi.advanceTimersByTime(STALLED_MS / 1000);
    }
    const outcome = await receiving;
    expectWhole(outcome, 1);
    expect(outcome.troubles[0]).toContain(`not a byte for ${STALLED_MS} ms`);
  });
});

describe("receiveBlocks from a server with ideas of its own about ranges", () => {
  it("skips what it has when the answer is 200 instead of 206", async () => {
    await lab.open(ofLarge({ kind: "cut", at: 1.5 * BLOCK_BYTES }), ofLarge({ kind: "ignore-range", times: "always" }));
    const outcome = await lab.receive();
    expectWhole(outcome, 2);
    expect(outcome.log.map(({ status, start }) => [status, start])).toEqual([
      [200, 0],
      [200, 0],
    ]);
  });

  it("fills several gaps out of one answer of 200", async () => {
    await lab.open(ofLarge({ kind: "ignore-range", times: "always" }));
    const shelf = new Shelf();
    shelf.blocks[1] = large.subarray(BLOCK_BYTES, 2 * BLOCK_BYTES);
    const outcome = await lab.receive(shelf);
    expect([outcome.error, outcome.log.length]).toEqual([null, 1]);
    expect(shelf.sha256()).toBe(file.sha256);
  });

  it.each([
    ["another range", ofLarge({ kind: "wrong-range" as const })],
    ["416", ofLarge({ kind: "status" as const, status: 416 })],
  ])("asks for the whole file where %s is the answer", async (_what, fault) => {
    await lab.open({ ...fault, times: "always" });
    const shelf = new Shelf();
    shelf.blocks[0] = large.subarray(0, BLOCK_BYTES);
    if (fault.kind === "status") {
      lab.server.clear(lab.lane);
      lab.server.addFaults(lab.lane, [fault]);
    }
    const { error, log } = await lab.receive(shelf);
    expect(error).toBeNull();
    expect(shelf.sha256()).toBe(file.sha256);
    expect(log.map(({ range }) => range)).toEqual([`bytes=${BLOCK_BYTES}-${file.bytes - 1}`, null]);
  });
});
