import { describe, expect, it } from "vitest";
import { inParts } from "./parts.ts";

describe("inParts", () => {
  it("keeps all documents in their order, a huge one alone", () => {
    const documents = [1, 2, 2 ** 21, 3, ...Array<number>(600).fill(1)].map((length, index) => ({
      id: String(index),
      text: "x".repeat(length),
    }));
    const parts = [...inParts(documents)];
    expect(parts.flat()).toEqual(documents);
    expect(parts.map(({ length }) => length)).toEqual([2, 1, 250, 250, 101]);
    expect([...inParts([])]).toEqual([]);
  });
});
