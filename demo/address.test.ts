/** @file Tests of the page's address: what is written is read back. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readAddress, writeAddress } from "./address.ts";
import type { Address } from "./address.ts";
import { FACETS, NO_QUESTION } from "./question.ts";

const EMPTY: Address = { question: NO_QUESTION, view: "results", place: null };

const values = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 3 });
const address: fc.Arbitrary<Address> = fc.record({
  question: fc.record({
    query: fc.string({ unit: "binary" }),
    like: fc.option(fc.record({ documentId: fc.string({ minLength: 1 }), passage: fc.nat(999_999) })),
    mode: fc.constantFrom("hybrid", "semantic", "lexical"),
    instruction: fc.option(fc.stringMatching(/^\S[^\n]{0,40}\S$/)),
    filters: fc.dictionary(fc.constantFrom(...FACETS), values),
    bestOnly: fc.boolean(),
  }),
  view: fc.constantFrom("results", "map"),
  place: fc.option(
    fc.record({
      documentId: fc.string({ minLength: 1 }),
      start: fc.nat(1000),
      end: fc.integer({ min: 1000, max: 2000 }),
    }),
  ),
});

describe("writeAddress", () => {
  it("is undone by readAddress", () => {
    fc.assert(
      fc.property(address, (written) => {
        fc.pre(written.question.instruction === written.question.instruction?.trim() || !written.question.instruction);
        const read = readAddress(writeAddress(written, ""));
        expect(JSON.parse(JSON.stringify(read))).toEqual(JSON.parse(JSON.stringify(written)));
      }),
    );
  });

  it("says nothing of what is the default", () => {
    expect(writeAddress(EMPTY, "?q=old&mode=words&subject=a")).toBe("");
  });

  it("leaves other parameters alone", () => {
    const question = { ...NO_QUESTION, query: "a & b" };
    expect(writeAddress({ ...EMPTY, question }, "?device=wasm&q=old")).toBe("?device=wasm&q=a+%26+b");
  });
});

describe("readAddress", () => {
  it("takes what it does not understand for the default", () => {
    expect(readAddress("?mode=magic&like=7&as=%20&view=list&best=yes&subject=&at=3-4")).toEqual(EMPTY);
  });

  it("opens a document at its start where no place is given", () => {
    expect(readAddress("?doc=a&at=x").place).toEqual({ documentId: "a", start: 0, end: 0 });
  });
});
