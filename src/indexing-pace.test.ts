/** @file Tests of batch sizes and estimates. */
import { describe, expect, it } from "vitest";
import { FIRST_BATCH, nextBatchSize, remainingMs } from "./indexing-pace.ts";

describe("nextBatchSize", () => {
  it("doubles while batches are quick, up to 64", () => {
    const sizes = [FIRST_BATCH];
    for (let i = 0; i < 6; i++) sizes.push(nextBatchSize(sizes.at(-1)!, 50));
    expect(sizes).toEqual([4, 8, 16, 32, 64, 64, 64]);
  });

  it("stays where a batch takes about half a second", () => expect(nextBatchSize(16, 500)).toBe(16));

  it("halves on a slow device, down to one passage", () => {
    expect([nextBatchSize(16, 4000), nextBatchSize(2, 4000), nextBatchSize(1, 4000)]).toEqual([8, 1, 1]);
  });
});

describe("remainingMs", () => {
  it("knows nothing before the first batch", () => {
    expect(remainingMs({ characters: 0, elapsedMs: 80 }, 500)).toBeNull();
  });

  it("extends the pace so far to the characters left", () => {
    expect(remainingMs({ characters: 200, elapsedMs: 1000 }, 600)).toBe(3000);
  });
});
