import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bestExcerpt, findMatches } from "./matches.ts";

const at = (text: string, { start, end }: { start: number; end: number }): string => text.slice(start, end);

describe("findMatches", () => {
  it("finds words whatever their case and diacritics, and no parts of words", () => {
    const text = "Un café, deux CAFÉS; le cafe\u0301. Cafeteria 学习中文";
    expect(findMatches(text, ["cafe", "学习"]).map((range) => at(text, range))).toEqual(["café", "cafe\u0301", "学习"]);
  });

  it("finds nothing without terms", () => {
    expect(findMatches("a b", [])).toEqual([]);
    expect(findMatches("a b", ["", "-"])).toEqual([]);
  });

  it("gives ascending ranges that do not overlap", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.array(fc.string({ maxLength: 2 })), (text, terms) => {
        let from = 0;
        for (const { start, end } of findMatches(text, terms)) {
          expect(start).toBeGreaterThanOrEqual(from);
          expect(end).toBeGreaterThan(start);
          from = end;
        }
      }),
    );
  });
});

describe("bestExcerpt", () => {
  const text = `${"Filler words here. ".repeat(20)}The tide turned; "tide tables" said so. ${"More of it. ".repeat(20)}Tide and weather.`;

  it("shows different terms rather than the same one again", () => {
    expect(at(text, bestExcerpt(text, ["tide", "weather"], 60))).toMatch(/Tide and weather\.$/);
    expect(at(text, bestExcerpt(text, ["tide"], 60))).toContain('The tide turned; "tide tables"');
  });

  it("begins with the text where nothing matches", () => {
    expect(at(text, bestExcerpt(text, ["nothing"], 20))).toBe("Filler words here.");
  });

  it("gives a short text whole, trimmed", () => {
    expect(bestExcerpt("  ab ", ["x"], 2)).toEqual({ start: 2, end: 4 });
  });

  it("cuts a long word between graphemes", () => {
    const families = "👩‍👩‍👧‍👦".repeat(9);
    expect(at(families, bestExcerpt(families, [], 30))).toBe("👩‍👩‍👧‍👦".repeat(2));
    expect(at("x".repeat(99), bestExcerpt("x".repeat(99), ["x".repeat(99)], 30))).toBe("x".repeat(30));
  });

  it("keeps to the length, trimmed, with a match in it where one fits", () => {
    const words = fc
      .array(fc.oneof(fc.lorem({ maxCount: 1 }), fc.constantFrom("tide", "学习中文", "é", " \n")))
      .map((list) => list.join(" "));
    fc.assert(
      fc.property(words, fc.integer({ min: 5, max: 80 }), (text, maxCharacters) => {
        const excerpt = bestExcerpt(text, ["tide"], maxCharacters);
        expect(excerpt.end - excerpt.start).toBeLessThanOrEqual(maxCharacters);
        expect(at(text, excerpt).trim()).toBe(at(text, excerpt));
        if (/\btide\b/.test(text)) expect(at(text, excerpt)).toContain("tide");
      }),
    );
  });
});
