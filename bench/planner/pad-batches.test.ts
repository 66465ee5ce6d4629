import { describe, expect, it } from "vitest";
import { padBatches } from "./pad-batches.ts";

describe("padBatches", () => {
  it("keeps the order and pads each batch to its own longest text", () => {
    const texts = [
      [1, 9],
      [2, 3, 4, 9],
      [5, 6, 9],
    ];
    expect(padBatches(texts, { size: 2, padTokenId: 0 })).toEqual([
      {
        inputIds: [
          [1, 9, 0, 0],
          [2, 3, 4, 9],
        ],
        tokens: 6,
      },
      { inputIds: [[5, 6, 9]], tokens: 3 },
    ]);
  });
});
