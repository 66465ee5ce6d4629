import { describe, expect, it } from "vitest";
import { dropRunningLines, joinLines } from "./pdf-lines.ts";
import type { Line, PlacedText } from "./pdf-lines.ts";
import { joinParagraphs } from "./pdf-paragraphs.ts";
import type { OutlineEntry } from "./pdf-paragraphs.ts";

const OUTLINE: OutlineEntry[] = [{ title: "Top", level: 1, page: 0, top: null }];

/** Lines 14 points apart; `""` leaves one out. */
function page(...texts: string[]): Line[] {
  return texts.map((text, index) => ({ text, x: 72, y: 700 - 14 * index, size: 11 })).filter(({ text }) => text !== "");
}

function paragraphs(pages: readonly (readonly Line[])[], outline = OUTLINE): string[] {
  return joinParagraphs(pages, outline, (number) => `Page ${number}`).map(
    ({ text, level }) => `${"#".repeat(level)}${text}`,
  );
}

describe("joinLines", () => {
  const piece = (str: string, y: number, hasEOL = false): PlacedText => ({
    str,
    transform: [11, 0, 0, 11, 72, y],
    height: 11,
    hasEOL,
  });

  it("joins the pieces of a line, superscripts included", () => {
    const lines = joinLines([piece("E = mc", 700), piece("2", 704), piece(" holds", 700, true), piece("Next", 686)]);
    expect(lines.map(({ text }) => text)).toEqual(["E = mc2 holds", "Next"]);
  });

  it("shortens the dots of a table of contents", () => {
    expect(joinLines([piece("1 Mills . . . . . . . .", 700), piece(" 12", 700)])[0]?.text).toBe("1 Mills … 12");
    expect(joinLines([piece("And so on... then.", 700)])[0]?.text).toBe("And so on... then.");
  });

  it("ends a line where the next piece is far below, said or not", () => {
    expect(joinLines([piece("a", 700), piece("b", 680), piece(" ", 660, true)]).map(({ text }) => text)).toEqual([
      "a",
      "b",
    ]);
  });
});

describe("dropRunningLines", () => {
  it("drops headers, footers and page numbers, and nothing else", () => {
    const pages = ["One", "Two", "Three", "Four"].map((text, index) =>
      page("A Book", `${text} here.`, `- ${index + 1} -`),
    );
    expect(dropRunningLines(pages).map((lines) => lines.map(({ text }) => text))).toEqual([
      ["One here."],
      ["Two here."],
      ["Three here."],
      ["Four here."],
    ]);
  });

  it("drops the headers of a chapter, and goes on to the next", () => {
    const texts = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    const pages = texts.map((text, index) => page(`Chapter ${index < 4 ? "one" : "two"} ${index}`, text));
    expect(dropRunningLines(pages).map(([line]) => line?.text)).toEqual(texts);
  });

  it("keeps what two pages have in common, and large lines", () => {
    const two = [page("Same", "a"), page("Same", "b")];
    expect(dropRunningLines(two)).toEqual(two);
    const chapters = [1, 2, 3].map((number): Line[] => [
      { text: `Chapter ${number}`, x: 72, y: 760, size: 16 },
      ...page("Text a", `b${"x".repeat(number)}`),
    ]);
    expect(dropRunningLines(chapters)).toEqual(chapters);
  });
});

describe("joinParagraphs", () => {
  it("joins lines to paragraphs and parts them at wide gaps", () => {
    expect(paragraphs([page("one", "two", "", "three", "four")])).toEqual(["#Top", "one two", "three four"]);
  });

  it("joins words that were broken, and keeps hyphens that belong to a word", () => {
    expect(
      paragraphs([page("a long para-", "graph on well-", "known things, well-known to", "Anglo-", "Saxon kings")]),
    ).toEqual(["#Top", "a long paragraph on well-known things, well-known to Anglo-Saxon kings"]);
  });

  it("joins lines of Japanese without a space, and list items not at all", () => {
    expect(paragraphs([page("潮の力で", "水車を回す")])).toEqual(["#Top", "潮の力で水車を回す"]);
    expect(paragraphs([page("We need:", "• flour", "• salt and", "water")])).toEqual([
      "#Top",
      "We need:\n• flour\n• salt and water",
    ]);
  });

  it("parts paragraphs at indents", () => {
    const indented = page("First line of it.", "Second begins here and", "goes on.").map((line, index) => ({
      ...line,
      x: index === 1 ? 90 : 72,
    }));
    expect(paragraphs([indented])).toEqual(["#Top", "First line of it.", "Second begins here and goes on."]);
  });

  it("goes on over a page's end where the sentence does", () => {
    expect(paragraphs([page("It goes", "on"), page("and ends.", ""), page("New.")])).toEqual([
      "#Top",
      "It goes on and ends.",
      "New.",
    ]);
  });

  it("puts headings where the table of contents says", () => {
    const outline = [
      { title: "First  part", level: 1, page: 0, top: 712 },
      { title: "Hidden", level: 2, page: 0, top: 669 },
      { title: "Long title on two lines", level: 1, page: 1, top: null },
    ];
    const pages = [page("First Part", "one", "two", "three"), page("Long title", "on two lines", "four")];
    expect(paragraphs(pages, outline)).toEqual([
      "#First  part",
      "one two",
      "##Hidden",
      "three",
      "#Long title on two lines",
      "four",
    ]);
  });

  it("names pages and takes large short lines for headings where there is no table of contents", () => {
    const pages = [[{ text: "Mills", x: 72, y: 740, size: 16 }, ...page("one", "two", "three")], [], page("four")];
    expect(paragraphs(pages, [])).toEqual(["#Page 1", "##Mills", "one two three", "#Page 3", "four"]);
  });
});
