/** @file Tests of dividing texts: nothing is lost, whatever the spans. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutAt, toBlocks, toReadingParts } from "./spans.ts";

describe("cutAt", () => {
  it("marks what is inside the spans", () => {
    expect(cutAt("soft talc", [{ start: 5, end: 9 }])).toEqual([
      { text: "soft ", marked: false },
      { text: "talc", marked: true },
    ]);
  });

  it("loses nothing, even where spans overlap or lie outside", () => {
    const span = fc.record({ start: fc.integer({ min: -5, max: 60 }), end: fc.integer({ min: -5, max: 60 }) });
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), fc.array(span), (text, spans) => {
        const ascending = spans.toSorted((a, b) => a.start - b.start);
        expect(cutAt(text, ascending).map((part) => part.text)).not.toContain("");
        expect(
          cutAt(text, ascending)
            .map((part) => part.text)
            .join(""),
        ).toBe(text);
      }),
    );
  });
});

describe("toBlocks", () => {
  it("divides at line ends and loses nothing", () => {
    const text = `${"a".repeat(3999)}\n${"b".repeat(5000)}\nc`;
    const blocks = toBlocks(text);
    expect(blocks.map((block) => block.length)).toEqual([9001, 1]);
    expect(blocks.join("")).toBe(text);
    expect(toBlocks("")).toEqual([]);
  });
});

describe("toReadingParts", () => {
  it("keeps the lines of the passage whole", () => {
    const parts = toReadingParts("one\ntwo three four\nfive", { start: 8, end: 13 });
    expect(parts).toEqual({ before: ["one\n"], lead: "two ", passage: "three", tail: " four\n", after: ["five"] });
  });

  it("loses nothing, wherever the passage is", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "\n"), maxLength: 30 });
    fc.assert(
      fc.property(text, fc.nat(40), fc.nat(40), (whole, start, end) => {
        const { before, lead, passage, tail, after } = toReadingParts(whole, { start, end });
        expect([...before, lead, passage, tail, ...after].join("")).toBe(whole);
        if (start <= end) expect(passage).toBe(whole.slice(start, end));
      }),
    );
  });
});
