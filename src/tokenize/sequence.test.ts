import { describe, expect, it } from "vitest";
import { endSequence, sequenceFromIds } from "./sequence.ts";

const options = { vocabSize: 100, endTokenId: 99, maxTokens: 4 };

describe("sequenceFromIds", () => {
  it("appends the end token where it is missing, and only there", () => {
    expect(sequenceFromIds([1, 2], options)).toEqual({ inputIds: Int32Array.of(1, 2, 99), truncated: false });
    expect(sequenceFromIds([1, 2, 99], options)).toEqual({ inputIds: Int32Array.of(1, 2, 99), truncated: false });
    expect(sequenceFromIds([99, 1], options).inputIds).toEqual(Int32Array.of(99, 1, 99));
    expect(sequenceFromIds([], options).inputIds).toEqual(Int32Array.of(99));
  });

  it("takes a sequence of exactly the limit, end token included", () => {
    expect(sequenceFromIds([1, 2, 3], options).inputIds).toEqual(Int32Array.of(1, 2, 3, 99));
    expect(sequenceFromIds([1, 2, 3, 99], options).truncated).toBe(false);
  });

  it("refuses one token more, with index, tokens and limit", () => {
    expect(() => sequenceFromIds([1, 2, 3, 4], { ...options, index: 3 })).toThrowError(
      expect.objectContaining({
        code: "invalid-input",
        message: "text 3 has 5 tokens, limit 4",
        details: { index: 3, tokens: 5, limit: 4 },
      }),
    );
  });

  it("keeps the end token when it truncates", () => {
    expect(sequenceFromIds([1, 2, 3, 4, 5, 99], { ...options, overflow: "truncate" })).toEqual({
      inputIds: Int32Array.of(1, 2, 3, 99),
      truncated: true,
    });
  });

  it.each([-1, 100, 1.5, NaN, Infinity, "7", null, undefined, 7n, Symbol("id")])("refuses %s as an id", (id) => {
    expect(() => sequenceFromIds([1, id as number], { ...options, index: 2 })).toThrowError(
      expect.objectContaining({
        code: "invalid-input",
        message: `text 2: ${String(id)} at position 1 is no token id (an integer from 0 to 99)`,
        details: { index: 2, position: 1, id: String(id), vocabSize: 100 },
      }),
    );
  });

  it("refuses a sparse array, and what is no array", () => {
    expect(() => sequenceFromIds(new Array<number>(2), options)).toThrowError(/undefined at position 0/);
    expect(() => sequenceFromIds({ length: 1 } as unknown as number[], options)).toThrowError(
      "text 0 is of type object, not an array of token ids",
    );
  });
});

describe("endSequence", () => {
  it("keeps nothing but the end token under a limit of one", () => {
    const limits = { endTokenId: 99, maxTokens: 1, overflow: "truncate" } as const;
    expect(endSequence([1, 2], limits)).toEqual({ inputIds: Int32Array.of(99), truncated: true });
    expect(endSequence([], limits)).toEqual({ inputIds: Int32Array.of(99), truncated: false });
  });
});
