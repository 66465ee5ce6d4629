/** @file Wrong files and unwilling servers: the right bytes or a typed error. */
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
import { EmbedError } from "../errors.ts";
import { sha256 } from "./fixtures/tiny-pack.ts";
import { BLOCK_BYTES } from "./manifest.ts";
import { MAX_RETRY_AFTER_MS } from "./retry.ts";

let lab: ReceiveLab;
beforeAll(async () => void (lab = await openReceiveLab()));
afterEach(() => void vi.useRealTimers());
afterAll(() => lab.server.close());

describe("receiveBlocks of a file that is wrong", () => {
  it.each([0, 1, 2])("fetches only block %i again when a byte of it is flipped on the way", async (block) => {
    await lab.open(ofLarge({ kind: "flip", at: block * BLOCK_BYTES + 77 }));
    const outcome = await lab.receive();
    expectWhole(outcome, 1);
    expect(outcome.log.map(({ start }) => start)).toEqual([0, block * BLOCK_BYTES]);
    expect(outcome.sentBytes).toBe(file.bytes + Math.min(BLOCK_BYTES, file.bytes - block * BLOCK_BYTES));
  });

  it("reports model-corrupt with both hashes at once when the same bytes come twice, and keeps the rest", async () => {
    await lab.open(ofLarge({ kind: "flip", at: BLOCK_BYTES + 77, times: "always" }));
    const { error, log, shelf, countedBytes } = await lab.receive();
    const wrong = large.slice(BLOCK_BYTES, 2 * BLOCK_BYTES);
    wrong[77]! ^= 1;
    expect(error?.code).toBe("model-corrupt");
    expect(error?.details).toMatchObject({
      file: "large.bin",
      block: 1,
      expected: file.blocks[1],
      actual: sha256(wrong),
    });
    for (const part of ["large.bin", file.blocks[1]!, sha256(wrong)]) expect(error?.message).toContain(part);
    expect(log).toHaveLength(2);
    expect(shelf.blocks.map(Boolean)).toEqual([true, false, true]);
    expect(countedBytes).toBe(file.bytes - BLOCK_BYTES);
  });

  it("ends a connection that brings two wrong blocks in a row", async () => {
    await lab.open();
    lab.server.addPack("tiny-changed", new Map([["large.bin", large.map((byte) => byte ^ 1)]]));
    await lab.takeFileFrom(`${lab.server.url}/${lab.lane}/tiny-changed`);
    const { error, log } = await lab.receive();
    expect([error?.code, error?.details["block"]]).toEqual(["model-corrupt", 0]);
    expect(log).toHaveLength(2);
  });

  it.each([
    ["short", file.bytes - 1000],
    ["long", file.bytes + 1],
  ] as const)("reports model-corrupt with both sizes when the file is too %s each time", async (kind, actualBytes) => {
    await lab.open(ofLarge({ kind, bytes: 1000, times: "always" }));
    const { error, log, shelf } = await lab.receive();
    expect(error?.code).toBe("model-corrupt");
    expect(error?.details).toMatchObject({ file: "large.bin", expectedBytes: file.bytes, actualBytes });
    expect(shelf.blocks.map(Boolean)).toEqual([true, true, false]);
    // The whole; a range, whose total does not fit; the whole again.
    expect(log.map(({ range }) => range)).toEqual([null, expect.stringContaining("bytes="), null]);
  });

  it.each(["short", "long"] as const)("goes on when the file is too %s once", async (kind) => {
    await lab.open(ofLarge({ kind, bytes: 1000 }));
    expectWhole(await lab.receive(), 1);
  });

  it("keeps verified blocks when the ETag changes midway", async () => {
    await lab.open(
      ofLarge({ kind: "cut", at: 0.5 }),
      ofLarge({ kind: "etag", etag: '"new"', times: "always", skip: 1 }),
    );
    const outcome = await lab.receive();
    expectWhole(outcome, 1);
    expect(outcome.log.map(({ start }) => start)).toEqual([0, BLOCK_BYTES]);
  });

  it("says that the file has changed when a changed ETag brings wrong bytes", async () => {
    await lab.open(
      ofLarge({ kind: "cut", at: 0.5 }),
      ofLarge({ kind: "etag", etag: '"new"', times: "always", skip: 1 }),
      ofLarge({ kind: "flip", at: BLOCK_BYTES, times: "always" }),
    );
    const { error, shelf } = await lab.receive();
    expect([error?.code, error?.details["changed"]]).toEqual(["model-corrupt", true]);
    expect(error?.message).toContain("has changed");
    expect(shelf.blocks.map(Boolean)).toEqual([true, false, true]);
  });

  it("takes a page of a sign-in portal for no file, and gets through when it is gone", async () => {
    await lab.open(ofLarge({ kind: "html" }));
    expectWhole(await lab.receive(), 1);
    await lab.open(ofLarge({ kind: "html", times: "always" }));
    const { error, log } = await lab.receive();
    expect([error?.code, log.length]).toEqual(["model-corrupt", 2]);
  });
});

describe("receiveBlocks and what the server says", () => {
  it.each([
    // A "not found" may come out of a cache.
    [404, 2],
    [403, 1],
    [401, 1],
  ])("reports HTTP %i with file and status after %i requests", async (status, requests) => {
    await lab.open(ofLarge({ kind: "status", status, times: "always" }));
    const { error, log, waits } = await lab.receive();
    expect([error?.code, error?.details]).toEqual([
      "model-fetch-failed",
      expect.objectContaining({ file: "large.bin", status }),
    ]);
    expect([log.length, waits]).toEqual([requests, []]);
    expect(error?.message.includes("headers")).toBe(status !== 404);
  });

  it("waits for as many seconds as a 429 asks for", async () => {
    await lab.open(ofLarge({ kind: "status", status: 429, retryAfter: "7" }));
    const outcome = await lab.receive();
    expectWhole(outcome, 0);
    expect(outcome.waits).toEqual([7000]);
    expect(outcome.troubles).toEqual([expect.stringContaining("HTTP 429"), null]);
  });

  it("waits for the time that a 503 asks for", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2026, 0, 1) });
    await lab.open(ofLarge({ kind: "status", status: 503, retryAfter: "Thu, 01 Jan 2026 00:00:09 GMT" }));
    const outcome = await lab.receive();
    expectWhole(outcome, 0);
    expect(outcome.waits).toEqual([9000]);
  });

  it("reports a server that wants to be left alone for long", async () => {
    await lab.open(ofLarge({ kind: "status", status: 429, retryAfter: "3600" }));
    const { error, waits } = await lab.receive();
    expect(error?.details).toMatchObject({ status: 429, retryAfterMs: 3_600_000 });
    expect(3_600_000).toBeGreaterThan(MAX_RETRY_AFTER_MS);
    expect(waits).toEqual([]);
  });

  it("gets through two answers of 500", async () => {
    await lab.open(ofLarge({ kind: "status", status: 500, times: 2 }));
    const outcome = await lab.receive();
    expectWhole(outcome, 0);
    expect(outcome.waits).toEqual([500, 1000]);
  });

  it("follows a redirect to another origin, range and all", async () => {
    await lab.open(
      ofLarge({ kind: "redirect", to: "other-origin" }),
      ofLarge({ kind: "redirect", to: "other-origin", skip: 2 }),
    );
    lab.server.addFaults(lab.lane, [ofLarge({ kind: "cut", at: 0.5 })]);
    const outcome = await lab.receive();
    expectWhole(outcome, 1);
    expect(new Set(outcome.log.map(({ origin }) => origin))).toEqual(new Set([lab.server.url, lab.server.otherUrl]));
  });

  it("reports a redirect loop as model-fetch-failed", async () => {
    await lab.open(ofLarge({ kind: "redirect", to: "loop", times: "always" }));
    const { error, sentBytes } = await lab.receive();
    expect([error?.code, error?.details["file"], sentBytes]).toEqual(["model-fetch-failed", "large.bin", 0]);
  });

  it("ends when it is called off: before, in the middle, and while it waits", async () => {
    await lab.open(ofLarge({ kind: "gate", at: 1.5 * BLOCK_BYTES }));
    const early = await lab.receive(new Shelf(), { signal: AbortSignal.abort("no") });
    expect([early.error?.code, early.error?.cause, early.log.length]).toEqual(["aborted", "no", 0]);
    const controller = new AbortController();
    const receiving = lab.receive(new Shelf(), { signal: controller.signal });
    await lab.server.held(lab.lane);
    controller.abort("enough");
    const late = await receiving;
    expect([late.error?.code, late.error?.cause, late.log.length]).toEqual(["aborted", "enough", 1]);
    await lab.open(ofLarge({ kind: "status", status: 500, times: "always" }));
    const waiting = new AbortController();
    const waited = await lab.receive(new Shelf(), { signal: waiting.signal, wait: async () => waiting.abort() });
    expect([waited.error?.code, waited.log.length]).toEqual(["aborted", 1]);
  });

  it("hands on what the landing throws", async () => {
    await lab.open();
    const full = new EmbedError("storage-full", "no room");
    const shelf = new Shelf();
    shelf.keep = () => {
      throw full;
    };
    const outcome = await lab.receive(shelf);
    expect([outcome.error, outcome.countedBytes, outcome.log.length]).toEqual([full, 0, 1]);
  });
});
