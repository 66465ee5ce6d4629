/** @file Several files at once. */
import { describe, expect, it } from "vitest";
import { EmbedError } from "../errors.ts";
import { Lane, runLanes } from "./lanes.ts";
import { BLOCK_BYTES } from "./manifest.ts";

const LANES = 4;
const ITEMS = Array.from({ length: 11 }, (_, i) => i);

describe("runLanes", () => {
  it("does each item once, in order, as many at a time as there are lanes", async () => {
    const begun: number[] = [];
    let running = 0;
    let most = 0;
    await runLanes(ITEMS, { lanes: LANES }, async (item) => {
      begun.push(item);
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
    });
    expect(begun).toEqual(ITEMS);
    expect(most).toBe(LANES);
  });

  it("calls the others off at the first failure and rejects with that one when all have ended", async () => {
    const begun: number[] = [];
    let ended = 0;
    const work = async (item: number, { signal }: Lane): Promise<void> => {
      begun.push(item);
      if (item === 2) throw new EmbedError("model-fetch-failed", "404");
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      ended++;
      throw new EmbedError("aborted", "called off");
    };
    await expect(runLanes(ITEMS, { lanes: LANES }, work)).rejects.toMatchObject({ code: "model-fetch-failed" });
    expect(begun).toHaveLength(LANES);
    expect(ended).toBe(LANES - 1);
  });

  it("begins nothing more once the caller has called it off", async () => {
    const controller = new AbortController();
    const begun: number[] = [];
    const work = async (item: number): Promise<void> => {
      begun.push(item);
      controller.abort();
    };
    await expect(runLanes(ITEMS, { signal: controller.signal, lanes: LANES }, work)).rejects.toMatchObject({
      code: "aborted",
    });
    expect(begun.length).toBeLessThanOrEqual(LANES);
  });
});

describe("Lane", () => {
  it("uses one block of memory again and again, also what became of it in a read", () => {
    const lane = new Lane(new AbortController().signal);
    const first = lane.memory(100);
    expect(lane.memory(BLOCK_BYTES).buffer).toBe(first.buffer);
    const moved = structuredClone(first.buffer, { transfer: [first.buffer] });
    lane.reuse(new Uint8Array(moved, 0, 10));
    expect(lane.memory(100).buffer).toBe(moved);
  });

  it("has new memory when a read has lost it", () => {
    const lane = new Lane(new AbortController().signal);
    const lost = lane.memory(100).buffer;
    structuredClone(lost, { transfer: [lost] });
    expect(lane.memory(100)).toHaveLength(100);
  });
});
