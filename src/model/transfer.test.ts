/** @file Files out of bodies of both kinds of stream, in parts of any size. */

import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";

import type { PackFile } from "../pack.ts";
import { makeTinyPack, sha256 } from "./fixtures/tiny-pack.ts";
import { BLOCK_BYTES } from "./manifest.ts";
import { BodyReader, STALLED_MS, receiveFile } from "./transfer.ts";

const SUBJECT = { file: "x.bin", url: "http://127.0.0.1/x.bin" };

/** What browsers give as a body: a byte stream, or in older ones a stream that cannot fill memory of ours. */
type StreamKind = "bytes" | "default";

function makeBody(kind: StreamKind, parts: readonly Uint8Array[]): BodyReader {
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
  return new BodyReader(new Response(stream), SUBJECT, undefined);
}

function describeFile(bytes: Uint8Array): PackFile {
  return { name: "x.bin", bytes: bytes.length, sha256: sha256(bytes), blocks: [sha256(bytes)] };
}

describe("receiveFile", () => {
  const part = fc.uint8Array({ minLength: 1, maxLength: 50 });

  it.each(["bytes", "default"] as const)("puts a %s stream together however it is cut", async (kind) => {
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 20 }), async (parts) => {
        const whole = Uint8Array.from(parts.flatMap((bytes) => [...bytes]));
        const counts: number[] = [];
        const landing = {
          memory: new ArrayBuffer(whole.length),
          keep: null,
          onReceived: (n: number) => counts.push(n),
        };
        const memory = await receiveFile(makeBody(kind, parts), describeFile(whole), landing);
        expect(new Uint8Array(memory)).toEqual(whole);
        expect(counts.at(-1)).toBe(whole.length);
        expect(counts).toEqual(counts.toSorted((a, b) => a - b));
      }),
    );
  });

  it.each(["bytes", "default"] as const)("hands on the blocks of a %s stream in memory of one block", async (kind) => {
    const { manifest, contents } = makeTinyPack(4, "large");
    const large = contents.get("large.bin")!;
    const parts = Array.from({ length: Math.ceil(large.length / 3_000_000) }, (_, i) =>
      large.subarray(i * 3_000_000, (i + 1) * 3_000_000),
    );
    const kept: Uint8Array[] = [];
    const memory = await receiveFile(
      makeBody(kind, parts),
      manifest.files.find((file) => file.name === "large.bin")!,
      { memory: new ArrayBuffer(BLOCK_BYTES), keep: (block) => kept.push(block.slice()), onReceived: () => undefined },
    );
    expect(kept.map((block) => block.length)).toEqual([BLOCK_BYTES, large.length - BLOCK_BYTES]);
    expect(sha256(Buffer.concat(kept))).toBe(sha256(large));
    expect(memory.byteLength).toBe(BLOCK_BYTES);
  });

  it.each(["bytes", "default"] as const)("refuses a %s stream that is too short, too long or empty", async (kind) => {
    const whole = Uint8Array.of(1, 2, 3, 4);
    const receive = (...parts: Uint8Array[]) =>
      receiveFile(makeBody(kind, parts), describeFile(whole), {
        memory: new ArrayBuffer(4),
        keep: null,
        onReceived: () => undefined,
      });
    const corrupt = (actualBytes: number) => ({ code: "model-corrupt", details: { expectedBytes: 4, actualBytes } });
    await expect(receive(whole.subarray(0, 3))).rejects.toMatchObject(corrupt(3));
    await expect(receive(whole, Uint8Array.of(5))).rejects.toMatchObject(corrupt(5));
    await expect(receive()).rejects.toMatchObject(corrupt(0));
  });
});

describe("BodyReader", () => {
  afterEach(() => void vi.useRealTimers());

  /** A body that brings a byte whenever it is told to. */
  function makeSlowBody(kind: StreamKind): { readonly body: BodyReader; readonly bring: (byte: number) => void } {
    let bring!: (byte: number) => void;
    const start = (controller: ReadableByteStreamController | ReadableStreamDefaultController): void => {
      bring = (byte) => controller.enqueue(Uint8Array.of(byte));
    };
    const stream = kind === "bytes" ? new ReadableStream({ type: "bytes", start }) : new ReadableStream({ start });
    return { body: new BodyReader(new Response(stream), SUBJECT, undefined), bring };
  }

  it.each(["bytes", "default"] as const)("gives a %s stream up that brings nothing for too long", async (kind) => {
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

  it.each(["bytes", "default"] as const)("minds no pause between two reads of a %s stream", async (kind) => {
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
});
