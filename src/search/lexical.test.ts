import { describe, expect, it } from "vitest";
import { LexicalIndex } from "./lexical.ts";

const TEXTS = [
  "The tide turns twice a day, and the harbour empties.",
  "A lighthouse keeper writes down the tide and the weather.",
  "Weather forecasts for the harbour: rain, then sun.",
  "Café crème and croissants in the harbour.",
  "学习中文很有意思。",
];

function indexOf(texts: readonly string[]): LexicalIndex {
  const index = new LexicalIndex();
  index.add(texts.map((text, id) => ({ id, title: "", section: "", text })));
  return index;
}

const idsOf = (index: LexicalIndex, query: string): number[] => index.search(query, { limit: 10 }).map(({ id }) => id);

describe("LexicalIndex", () => {
  it("puts passages with all words before those with one", () => {
    expect(idsOf(indexOf(TEXTS), "tide weather")[0]).toBe(1);
    expect(new Set(idsOf(indexOf(TEXTS), "tide weather"))).toEqual(new Set([0, 1, 2]));
  });

  it("names the words of the passage that matched", () => {
    const [hit] = indexOf(TEXTS).search("creme light", { limit: 1, accept: (id) => id === 1 });
    expect(hit?.terms).toEqual(["lighthouse"]);
    expect(indexOf(TEXTS).search("CREME", { limit: 1 })[0]).toMatchObject({ id: 3, terms: ["creme"] });
  });

  it("says how much of the query matched, rare words before common ones", () => {
    const [all, some] = indexOf(TEXTS).search("lighthouse keeper and tide", { limit: 2 });
    expect(all).toMatchObject({ id: 1, coverage: 1 });
    expect(some!.coverage).toBeLessThan(0.4);
    // "and" is in three passages of five, the other word in none.
    for (const { coverage } of indexOf(TEXTS).search("and whatever", { limit: 9 })) expect(coverage).toBeLessThan(0.2);
  });

  it("takes the last word for a beginning, others not", () => {
    expect(idsOf(indexOf(TEXTS), "fore")).toEqual([2]);
    expect(idsOf(indexOf(TEXTS), "fore xyz")).toEqual([]);
  });

  it("finds a word with one wrong letter only where nothing has it as written", () => {
    expect(idsOf(indexOf(TEXTS), "lighthause keeper")).toEqual([1]);
    expect(idsOf(indexOf(["harbour", "harbors"]), "harbour x")).toEqual([0]);
  });

  it("finds words of scripts without spaces", () => {
    expect(idsOf(indexOf(TEXTS), "中文")).toEqual([4]);
  });

  it("weighs a word of the title above one of the text", () => {
    const index = new LexicalIndex();
    index.add([
      { id: 5, title: "", section: "", text: "tide" },
      { id: 6, title: "tide", section: "", text: "water" },
      { id: 7, title: "", section: "", text: "water" },
    ]);
    expect(idsOf(index, "tide")).toEqual([6, 5]);
  });

  it("keeps to the limit and to what is accepted, equal scores by id", () => {
    const index = indexOf(Array.from({ length: 50 }, () => "same words"));
    expect(index.search("same", { limit: 3 }).map(({ id }) => id)).toEqual([0, 1, 2]);
    expect(index.search("same", { limit: 3, accept: (id) => id > 40 }).map(({ id }) => id)).toEqual([41, 42, 43]);
    expect(index.search("", { limit: 3 })).toEqual([]);
    expect(index.search("?!", { limit: 3 })).toEqual([]);
  });

  it("lets a word that nearly all passages have find some only where rarer words find too few", () => {
    const index = indexOf(Array.from({ length: 1500 }, (_, id) => `the ${id % 100 === 7 ? "tide" : "sea"} ${id}`));
    const both = index.search("the tide", { limit: 15 });
    expect(both.map(({ id, terms }) => [id % 100, terms])).toEqual(both.map(() => [7, ["tide"]]));
    const more = index.search("the tide", { limit: 20 });
    expect(more.slice(0, 15)).toEqual(both);
    expect(more.slice(15).map(({ terms }) => terms)).toEqual(Array.from({ length: 5 }, () => ["the"]));
    expect(index.search("the", { limit: 2, accept: (id) => id > 1400 }).map(({ id }) => id)).toEqual([1401, 1402]);
  });

  it("forgets what is removed and replaces what comes again", () => {
    const index = indexOf(TEXTS);
    index.remove([1, 1, 99]);
    expect(index.size).toBe(4);
    expect(idsOf(index, "lighthouse")).toEqual([]);
    index.add([{ id: 0, title: "", section: "", text: "mountain" }]);
    expect(index.size).toBe(4);
    expect(idsOf(index, "turns")).toEqual([]);
    expect(idsOf(index, "mountain")).toEqual([0]);
  });

  it("searches the same from a snapshot", async () => {
    const index = indexOf(TEXTS);
    index.remove([0]);
    const snapshot = index.toSnapshot();
    for (const loaded of [LexicalIndex.fromSnapshot(snapshot), await LexicalIndex.fromSnapshotInSteps(snapshot)]) {
      for (const query of ["tide weather", "harb", "中文", "turns"]) {
        expect(loaded.search(query, { limit: 9 })).toEqual(index.search(query, { limit: 9 }));
      }
      loaded.add([{ id: 0, title: "", section: "", text: "mountain" }]);
      expect(idsOf(loaded, "mountain")).toEqual([0]);
    }
  });

  it("refuses what is no snapshot", async () => {
    for (const text of ["", "{}", "[1", '{"serializationVersion":9}']) {
      expect(() => LexicalIndex.fromSnapshot(text)).toThrow(expect.objectContaining({ code: "invalid-input" }));
      await expect(LexicalIndex.fromSnapshotInSteps(text)).rejects.toMatchObject({ code: "invalid-input" });
    }
  });

  it("marks words that are everywhere only where nothing else matched", () => {
    const index = new LexicalIndex();
    const text = (i: number): string => (i === 7 ? "the otter swims" : `the thing number ${i}`);
    index.add(Array.from({ length: 120 }, (_, id) => ({ id, title: "", section: "", text: text(id) })));
    expect(index.search("the otter ", { limit: 1 })[0]).toMatchObject({ id: 7, terms: ["otter"] });
    expect(index.search("the", { limit: 1 })[0]!.terms).toEqual(["the"]);
  });
});
