/** @file Retrieval over a collection small enough to see through. */
import { describe, expect, it } from "vitest";
import type { Collection } from "./labelled.ts";
import { rateRetrieval } from "./retrieval.ts";

const collection: Collection = {
  size: "small",
  passages: ["a", "b", "c"].map((id) => ({ id, text: id })),
  sets: { labelled: [{ query: "?", grades: new Map([[1, 2]]) }] },
};
const unit = (...components: number[]): Float32Array => {
  const length = Math.hypot(...components);
  return Float32Array.from(components, (component) => component / length);
};
const vectors = {
  passages: [unit(3, -1, 2, -2), unit(3, 1, -1, -2), unit(-1, -3, -2, 1)],
  queries: { labelled: [unit(3, 1, 1, -2)] },
};

describe("rateRetrieval", () => {
  it.each(["float64", "float32", "int8"] as const)("finds the nearest passage by %s vectors", (output) => {
    // Products with the query: 9 − 1 + 2 + 4 = 14 over √18, 9 + 1 − 1 + 4 = 13 over √15, the third below 0.
    const [row] = rateRetrieval(collection, vectors, { output, dimensions: 4 });
    expect(row).toMatchObject({ set: "labelled", queries: 1, passages: 3, ndcgAt10: 1, reciprocalRankAt10: 1 });
  });

  it("sees nothing but signs in binary ones", () => {
    // Both of the first two differ from the query in one sign: they share the first two ranks.
    const [row] = rateRetrieval(collection, vectors, { output: "binary", dimensions: 4 });
    expect(row!.reciprocalRankAt10).toBeCloseTo(0.75, 12);
  });

  it("cuts to the first dimensions", () => {
    // Of two components: (3, −1), (3, 1) and (−1, −3) beside (3, 1).
    const cut = { ...vectors, queries: { labelled: [unit(3, -1, -1, -2)] } };
    const [row] = rateRetrieval(collection, cut, { output: "float32", dimensions: 2 });
    expect(row!.reciprocalRankAt10).toBe(0.5);
  });
});
