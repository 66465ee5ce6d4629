import { describe, expect, it } from "vitest";
import { leftPad } from "./left-pad.ts";

const sequence = (...ids: number[]) => ({ inputIds: Int32Array.from(ids), truncated: false });

describe("leftPad", () => {
  it("puts the padding before the shorter sequences, so that all end in the last column", () => {
    expect(leftPad([sequence(7, 9), sequence(9), sequence(1, 2, 9)], 5)).toEqual({
      rows: 3,
      columns: 3,
      inputIds: Int32Array.of(5, 7, 9, 5, 5, 9, 1, 2, 9),
      attentionMask: Uint8Array.of(0, 1, 1, 0, 0, 1, 1, 1, 1),
    });
  });

  it("gives an empty rectangle for no sequences", () => {
    expect(leftPad([], 5)).toEqual({
      rows: 0,
      columns: 0,
      inputIds: new Int32Array(0),
      attentionMask: new Uint8Array(0),
    });
  });
});
