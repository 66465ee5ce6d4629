import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Passage, PassageOptions, SearchDocument } from "../search-types.ts";
import { outlineOf } from "./outline.ts";
import { passageInput, splitDocument } from "./passages.ts";

/** About as a tokenizer counts: a word's letters four at a time, what is no letter one by one. */
const countTokens = (texts: readonly string[]): number[] =>
  texts.map((text) => text.match(/[A-Za-z]{1,4}|[^A-Za-z ]/gu)?.length ?? 0);

const tokensOf = (text: string): number => countTokens([text])[0]!;

function split(text: string, options: PassageOptions = {}, document: Partial<SearchDocument> = {}): Promise<Passage[]> {
  return splitDocument({ id: "1", text, ...document }, { maxTokens: 64, overlapTokens: 0, ...options }, countTokens);
}

const markdown = { format: "markdown" } as const;
const textsOf = (passages: readonly Passage[]): string[] => passages.map(({ text }) => text);
const sentence = (count: number): string => `${"word ".repeat(count - 2)}word.`;

const texts = fc
  .array(
    fc.oneof(
      fc.lorem({ mode: "sentences", maxCount: 4 }),
      fc.constantFrom("\n\n", "\r\n", "\r\n\r\n", "\n# One\n", "\n### Two\n", "# \n", "\n```\n", " ", "\u2029", "\t"),
      fc.constantFrom(
        "学习中文很有意思。",
        "東京は日本の首都です。",
        "ภาษาไทยไม่มีช่องว่าง ",
        "한국어 문장입니다. ",
        "हिन्दी में लिखा। ",
      ),
      fc.constantFrom("👩‍👩‍👧‍👦", "🇫🇷🇩🇪", "e\u0301", "\ud800", "x".repeat(300), "क्षि".repeat(40)),
      fc.string({ unit: "grapheme" }),
    ),
    { maxLength: 25 },
  )
  .map((parts) => parts.join(""));
const options = fc.record({
  maxTokens: fc.integer({ min: 16, max: 90 }),
  overlapTokens: fc.integer({ min: 0, max: 16 }),
});
const documents = fc.record({ id: fc.constant("1"), text: texts, format: fc.constantFrom("plain", "markdown") });

/** What is in no heading and in no passage. */
function uncovered(document: SearchDocument, passages: readonly Passage[]): string {
  const kept = document.text.split("");
  const headings = outlineOf(document).flatMap(({ heading }) => (heading ? [heading] : []));
  for (const { start, end } of [...headings, ...passages]) kept.fill("", start, end);
  return kept.join("").trim();
}

describe("splitDocument, whatever the document", () => {
  it("gives exact, trimmed, ascending offsets and loses nothing", async () => {
    await fc.assert(
      fc.asyncProperty(documents, options, async (document, options) => {
        const passages = await splitDocument(document, options, countTokens);
        for (const [index, { start, end, text }] of passages.entries()) {
          expect(text).toBe(document.text.slice(start, end));
          expect(text.trim()).toBe(text);
          expect(text).not.toBe("");
          if (index > 0) expect(start).toBeGreaterThan(passages[index - 1]!.start);
          if (index > 0) expect(end).toBeGreaterThan(passages[index - 1]!.end);
        }
        expect(uncovered(document, passages)).toBe("");
      }),
    );
  });

  it("keeps to the budget and gives the same again", async () => {
    await fc.assert(
      fc.asyncProperty(documents, options, async (document, options) => {
        const passages = await splitDocument(document, options, countTokens);
        for (const { text } of passages) expect(tokensOf(text)).toBeLessThanOrEqual(options.maxTokens);
        expect(await splitDocument(document, options, (texts) => Promise.resolve(countTokens(texts)))).toEqual(
          passages,
        );
      }),
    );
  });

  it("cuts no grapheme that fits the budget", async () => {
    const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });
    await fc.assert(
      fc.asyncProperty(documents, options, async (document, options) => {
        for (const { start, end } of await splitDocument(document, options, countTokens)) {
          for (const offset of [start, end]) {
            const at = segmenter.segment(document.text).containing(offset);
            // White space may carry marks of its own, and is trimmed all the same.
            if (at && !/\s/.test(at.segment)) expect(at.index).toBe(offset);
          }
        }
      }),
    );
  });

  it("finds every heading's text in a passage or in a section trail", async () => {
    await fc.assert(
      fc.asyncProperty(documents, options, async (document, options) => {
        const passages = await splitDocument(document, options, countTokens);
        const found = passages.map((passage) => passageInput({}, passage)).join("\n");
        for (const { trail } of outlineOf(document)) expect(found).toContain(trail.at(-1) ?? "");
      }),
    );
  });
});

describe("splitDocument", () => {
  it("keeps a document that fits in one passage", async () => {
    expect(await split("  One. Two.\r\n\r\nThree. \n")).toEqual([
      { start: 2, end: 21, text: "One. Two.\r\n\r\nThree.", section: [] },
    ]);
  });

  it("begins a passage at a heading, which is in the trail and not in the text", async () => {
    const long = sentence(40);
    const passages = await split(`# Book\n\n${long}\n\n## Part *one* ##\n${long}\n# Other\n${long}`, {}, markdown);
    expect(passages.map(({ section }) => section)).toEqual([["Book"], ["Book", "Part *one*"], ["Other"]]);
    expect(textsOf(passages)).toEqual([long, long, long]);
  });

  it("takes headings where they are said to be", async () => {
    const text = `Kapitel 1\n${sentence(30)}\n# no heading\n${sentence(10)}`;
    const passages = await split(text, {}, { headings: [{ start: 0, end: 9, level: 1 }], format: "markdown" });
    expect(passages.map(({ start, section }) => [start, section])).toEqual([[10, ["Kapitel 1"]]]);
  });

  it("sees no heading in fenced code or in a hashtag", async () => {
    const text = "```sh\n# comment\n```\n#tag\n~~~\n# x\n```\n~~~";
    expect((await split(text, {}, markdown)).map(({ section }) => section)).toEqual([[]]);
  });

  it("makes text of a heading that has nothing below it", async () => {
    expect(textsOf(await split("# A\n## B", {}, markdown))).toEqual(["## B"]);
    expect((await split("# A\n## B", {}, markdown))[0]!.section).toEqual(["A"]);
  });

  it("joins small sections with what follows below the same heading", async () => {
    const text = "# Terms\n## Ebb\nOutgoing.\n## Flood\nIncoming.\n## Slack\nNeither.\n# Last\nText.";
    const passages = await split(text, {}, markdown);
    expect(passages.map(({ section }) => section)).toEqual([["Terms"], ["Last"]]);
    expect(passages[0]!.text).toBe("## Ebb\nOutgoing.\n## Flood\nIncoming.\n## Slack\nNeither.");
  });

  it("ends a passage with a paragraph when half the budget is used", async () => {
    const [one, two, three] = [sentence(20), sentence(20), sentence(30)];
    const passages = await split(`${one}\n\n${two}\n\n${three} ${three}`);
    expect(textsOf(passages)[0]).toBe(`${one}\n\n${two}`);
  });

  it("begins with the last whole sentences of the passage before, in the same section only", async () => {
    const lines = Array.from({ length: 12 }, (_, index) => `${sentence(10)} N${index}.`);
    const passages = await split(lines.join(" "), { overlapTokens: 14 });
    expect(passages.length).toBeGreaterThan(2);
    for (const [index, { start, text }] of passages.entries()) {
      if (index === 0) continue;
      const overlap = text.slice(0, passages[index - 1]!.end - start);
      expect(overlap).toMatch(/^(word |N).*\.$/);
      expect(tokensOf(overlap)).toBeLessThanOrEqual(14);
    }
    const long = sentence(60);
    const sections = await split(`# A\n${long}\n# B\n${long}`, { overlapTokens: 14 }, markdown);
    expect(textsOf(sections)).toEqual([long, long]);
  });

  it("reads on over the line ends of text that is wrapped to a width", async () => {
    const line = "The harbour lay empty under a low sky, and every boat was";
    const text = `${line}\r\nout. ${line}\r\nout. ${line}\r\nout.`;
    const passages = await split(text, { maxTokens: 40 });
    for (const passage of passages) expect(passage.text).toMatch(/^The[^]*out\.$/);
  });

  it("cuts a sentence that is too long at lines, then words, then graphemes", async () => {
    const words = await split("word ".repeat(200), { maxTokens: 16 });
    for (const { text } of words) expect(text).toMatch(/^(word ?)+$/);
    const families = await split("👩‍👩‍👧‍👦".repeat(20), { maxTokens: 16 });
    for (const { text } of families) expect(text).toMatch(/^(👩‍👩‍👧‍👦)+$/u);
    const chinese = await split("我们喜欢学习中文".repeat(9), { maxTokens: 16 });
    for (const { text } of chinese) expect(text).not.toMatch(/^(欢|习|文)/);
  });

  it("keeps to a budget in which the counter's own token of each text is included", async () => {
    const withEnd = (texts: readonly string[]): number[] => countTokens(texts).map((count) => count + 1);
    const document = { id: "1", text: `${sentence(9)} `.repeat(50) };
    const passages = await splitDocument(document, { maxTokens: 64, overlapTokens: 0 }, withEnd);
    expect(Math.max(...withEnd(textsOf(passages)))).toBeLessThanOrEqual(64);
    expect(passages.length).toBeLessThan(9);
  });

  it("packs less where pieces together count more than by themselves", async () => {
    const growing = (texts: readonly string[]): number[] => texts.map((text) => Math.ceil((text.length / 20) ** 1.5));
    const passages = await splitDocument(
      { id: "1", text: `${sentence(6)} `.repeat(50) },
      { maxTokens: 20, overlapTokens: 9 },
      growing,
    );
    expect(Math.max(...growing(textsOf(passages)))).toBeLessThanOrEqual(20);
  });

  it("leaves a document whole where there is no limit", async () => {
    const text = `\n# A\n${sentence(900)}\n\n# B\nx `;
    expect(await split(text, { maxTokens: Infinity }, markdown)).toEqual([
      { start: 1, end: text.length - 1, text: text.trim(), section: [] },
    ]);
  });

  it("gives a document without text a passage if it has a title", async () => {
    expect(await split(" \n")).toEqual([]);
    expect(await split(" \n", {}, { title: "Notes" })).toEqual([{ start: 0, end: 0, text: "", section: [] }]);
  });

  it("takes time that grows with the length alone", async () => {
    for (const part of ["学习中文很有意思。我喜欢", "x", "😀", "One sentence. ", "a\n\n", "# a\n"]) {
      const text = part.repeat(Math.ceil(5e4 / part.length));
      const timeOf = async (text: string): Promise<number> => {
        const start = performance.now();
        await split(text, { maxTokens: 256, overlapTokens: 32 }, markdown);
        return performance.now() - start;
      };
      await timeOf(text);
      const [once, thrice] = [await timeOf(text), await timeOf(text.repeat(3))];
      // A square would take nine times as long; the 100 ms are for a busy machine.
      expect(thrice, part).toBeLessThan(6 * once + 100);
    }
  });
});

describe("passageInput", () => {
  const passage = { start: 0, end: 4, text: "text", section: ["Book", "Part"] };

  it("puts title and trail on the first line", () => {
    expect(passageInput({ title: "Library" }, passage)).toBe("Library — Book › Part\ntext");
    expect(passageInput({}, passage)).toBe("Book › Part\ntext");
    expect(passageInput({ title: "Library" }, { ...passage, section: [] })).toBe("Library\ntext");
    expect(passageInput({}, { ...passage, section: [] })).toBe("text");
  });

  it("leaves out a title that the trail begins with, and an empty text", () => {
    expect(passageInput({ title: " Book " }, passage)).toBe("Book › Part\ntext");
    expect(passageInput({ title: "Book" }, { ...passage, text: "", section: [] })).toBe("Book");
  });

  it("cuts what is too long for a heading, between code points", () => {
    expect(passageInput({ title: "😀".repeat(300) }, passage)).toBe(`${"😀".repeat(200)} — Book › Part\ntext`);
  });
});
