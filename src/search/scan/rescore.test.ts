/** @file How many candidates are asked for. What rescoring gives is in views.test.ts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { candidateCount } from "./rescore.ts";

const precisions = fc.constantFrom("float32", "float16", "int8", "binary");

describe("candidateCount", () => {
  it("asks for as many as hits where the view is exact, and for more the less the view knows", () => {
    const shape = { storedDimensions: 1024, topK: 10 };
    expect(candidateCount("float32", 1024, shape)).toBe(10);
    expect(candidateCount("int8", 1024, shape)).toBe(30);
    expect(candidateCount("binary", 1024, shape)).toBe(200);
    fc.assert(
      fc.property(
        precisions,
        fc.integer({ min: 2, max: 4096 }),
        fc.integer({ min: 1, max: 5000 }),
        (precision, stored, topK) => {
          const at = (dimensions: number): number =>
            candidateCount(precision, dimensions, { storedDimensions: stored, topK });
          expect(at(stored)).toBeGreaterThanOrEqual(topK);
          expect(at(Math.ceil(stored / 2))).toBeGreaterThanOrEqual(at(stored));
          // Reading them must stay possible.
          expect(at(1)).toBeLessThanOrEqual(Math.max(topK, 2000));
        },
      ),
    );
  });
});
