/** @file Bytes out of bodies of both kinds of stream, in parts of any size; what silence, ranges and networks make of it. */

import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";

import { BodyStream, get, STALLED_MS, type BodyFacts, type GetOptions } from "./transfer.ts";

const SUBJECT = { file: "x.bin", url: "http://127.0.0.1/x.bin" };
const FACTS: BodyFacts = { subject: SUBJECT, start: 0, end: 4, version: null };

/** What browsers give as a body: a byte stream, or in older ones a stream that cannot fill memory of ours. */
type StreamKind = "bytes" | "default";
const KINDS: readonly StreamKind[] = ["bytes", "default"];

function makeBody(kind: StreamKind, parts: readonly Uint8Array[]): BodyStream {
  // Enqueuing hands the memory over, hence the copies.
  const queue = parts.map((part) => new Uint8Array(part));
  const pull = (controller: ReadableByteStreamController | ReadableStreamDefaultController): void => {
    const part = queue.shift();
    if (part) {
      controller.enqueue(part);
      return;
    }
    controller.close();
    // A byte stream still owes the pending read an answer.
    if (controller instanceof ReadableByteStreamController) controller.byobRequest?.respond(0);
  };
  const stream = kind === "bytes" ? new ReadableStream({ type: "bytes", pull }) : new ReadableStream({ pull });
  return new BodyStream(new Response(stream).body, FACTS);
}

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("BodyStream", () => {
  const part = fc.uint8Array({ minLength: 1, maxLength: 50 });

  it.each(KINDS)("brings all of a %s stream, however it is cut and read", async (kind) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(part, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 60 }),
        async (...cut) => {
          const [parts, atOnce] = cut;
          const whole = Uint8Array.from(parts.flatMap((bytes) => [...bytes]));
          const body = makeBody(kind, parts);
          let memory = new ArrayBuffer(whole.length + 1);
          let received = 0;
          for (;;) {
            const length = Math.min(atOnce, memory.byteLength - received);
            const read = await body.read(new Uint8Array(memory, received, length));
            memory = read.buffer;
            if (read.length === 0) break;
            expect([read.byteOffset, read.length <= length]).toEqual([received, true]);
            received += read.length;
          }
          expect(new Uint8Array(memory, 0, received)).toEqual(whole);
        },
      ),
    );
  });

  it("is at its end without a body", async () => {
    expect(await new BodyStream(null, FACTS).read(new Uint8Array(4))).toHaveLength(0);
  });

  /** A body that brings a byte whenever it is told to. */
  function makeSlowBody(kind: StreamKind): { readonly body: BodyStream; readonly bring: (byte: number) => void } {
    let bring!: (byte: number) => void;
    const start = (controller: ReadableByteStreamController | ReadableStreamDefaultController): void => {
      bring = (byte) => controller.enqueue(Uint8Array.of(byte));
    };
    const stream = kind === "bytes" ? new ReadableStream({ type: "bytes", start }) : new ReadableStream({ start });
    return { body: new BodyStream(new Response(stream).body, FACTS), bring };
  }

  it.each(KINDS)("gives a %s stream up that brings nothing for too long", async (kind) => {
    vi.useFakeTimers();
    const { body, bring } = makeSlowBody(kind);
    const slow = body.read(new Uint8Array(1));
    await vi.advanceTimersByTimeAsync(STALLED_MS - 1);
    bring(7);
    expect(await slow).toEqual(Uint8Array.of(7));
    const stalled = expect(body.read(new Uint8Array(1))).rejects.toMatchObject({
      code: "model-fetch-failed",
      details: { file: "x.bin", stalledMs: STALLED_MS },
    });
    await vi.advanceTimersByTimeAsync(STALLED_MS);
    await stalled;
    await body.cancel();
  });

  it.each(KINDS)("minds no pause between two reads of a %s stream", async (kind) => {
    vi.useFakeTimers();
    const { body, bring } = makeSlowBody(kind);
    for (const byte of [1, 2, 3]) {
      bring(byte);
      await vi.advanceTimersByTimeAsync(10 * STALLED_MS);
      expect(await body.read(new Uint8Array(1))).toEqual(Uint8Array.of(byte));
      expect(vi.getTimerCount()).toBe(0);
    }
    await body.cancel();
  });

  it("names the folder that a file of no server is in", async () => {
    const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({ start: (body) => body.error(new Error("unplugged")) });
    const body = new BodyStream(stream, { ...FACTS, subject: { file: "x.bin", folder: "stick" } });
    await expect(body.read(new Uint8Array(1))).rejects.toMatchObject({
      code: "model-fetch-failed",
      message: "x.bin: no complete answer from the folder stick",
      details: { file: "x.bin", folder: "stick" },
    });
  });
});

describe("get", () => {
  const RANGE = { start: 10, end: 20, total: 100 };

  function answer(status: number, headers: Record<string, string> = {}): GetOptions {
    const fetch = (): Promise<Response> => Promise.resolve(new Response("x", { status, headers }));
    return { fetch, headers: {}, cache: "default", range: RANGE, refusalHint: "say who you are" };
  }

  it.each([
    ["bytes 10-19/100"],
    ["bytes 10-19/*"],
    // CORS may hide it.
    [undefined],
  ])("takes 206 with Content-Range %s", async (contentRange) => {
    const response = await get(SUBJECT, answer(206, contentRange ? { "Content-Range": contentRange } : {}));
    expect(response.status).toBe(206);
  });

  it.each(["bytes 0-9/100", "bytes 10-18/100", "bytes 10-19/101", "bytes 10-29/100", "bytes */100", "10-19", "x"])(
    "refuses 206 with Content-Range %s, so that the whole file is asked for",
    async (contentRange) => {
      await expect(get(SUBJECT, answer(206, { "Content-Range": contentRange }))).rejects.toMatchObject({
        code: "model-fetch-failed",
        message: expect.stringContaining(contentRange) as string,
        details: { status: 206, rangeRefused: true },
      });
    },
  );

  it.each([204, 206, 304, 500])("refuses %i for a whole file", async (status) => {
    const fetch = (): Promise<Response> => Promise.resolve(new Response(null, { status }));
    const error: unknown = await get(SUBJECT, { ...answer(200), fetch, range: null }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: "model-fetch-failed", details: { ...SUBJECT, status } });
    expect(error).not.toHaveProperty("details.rangeRefused");
  });

  it.each([
    ["3", 3000],
    ["0", 0],
    ["Thu, 01 Jan 2026 00:00:05 GMT", 5000],
    ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
    ["soon", undefined],
    ["", undefined],
  ])("reads Retry-After %j as %j ms", async (value, retryAfterMs) => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2026, 0, 1) });
    const error: unknown = await get(SUBJECT, answer(429, { "Retry-After": value })).catch((reason: unknown) => reason);
    expect((error as { details: Record<string, unknown> }).details["retryAfterMs"]).toBe(retryAfterMs);
  });

  it("says so when there is no network", async () => {
    vi.stubGlobal("navigator", { onLine: false });
    const fetch = (): Promise<Response> => Promise.reject(new TypeError("Failed to fetch"));
    await expect(get(SUBJECT, { ...answer(200), fetch })).rejects.toMatchObject({
      code: "model-fetch-failed",
      message: expect.stringContaining("no network") as string,
      details: { ...SUBJECT, offline: true },
    });
  });

  it("leaves no timer behind", async () => {
    vi.useFakeTimers();
    await get(SUBJECT, answer(200));
    await expect(get(SUBJECT, answer(500))).rejects.toThrow("HTTP 500");
    expect(vi.getTimerCount()).toBe(0);
  });
});
