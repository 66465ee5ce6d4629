import { describe, expect, it } from "vitest";
import { eachWord, foldedWords, foldWord } from "./words.ts";

describe("foldWord", () => {
  it("drops case, diacritics and compatibility forms", () => {
    expect(["Café", "CAFE\u0301", "ﬁne", "Straße", "Łódź", "Ærø", "İzmir", "Ὀδυσσεύς"].map(foldWord)).toEqual([
      "cafe",
      "cafe",
      "fine",
      "strasse",
      "lodz",
      "aero",
      "izmir",
      "οδυσσευσ",
    ]);
  });

  it("keeps what tells words apart in other scripts", () => {
    for (const word of ["हिन्दी", "がぎ", "한국어", "май", "ภาษา"]) expect(foldWord(word)).toBe(word.normalize("NFC"));
    expect(foldWord("ёж")).toBe("еж");
  });

  it("drops Arabic vowel signs and hamza above alef, Hebrew points, soft hyphens", () => {
    expect(foldWord("كِتَاب")).toBe("كتاب");
    expect(foldWord("أحمد")).toBe("احمد");
    expect(foldWord("שָׁלוֹם")).toBe("שלום");
    expect(foldWord("re\u00adcord")).toBe("record");
  });
});

describe("foldedWords", () => {
  it("splits at what is neither letter nor digit", () => {
    expect(foldedWords("L'homme — a_b, x-ray №5 (3.14) 🙂")).toEqual([
      "l",
      "homme",
      "a",
      "b",
      "x",
      "ray",
      "5",
      "3",
      "14",
    ]);
  });

  it("finds words where no spaces are written", () => {
    expect(foldedWords("ภาษาไทย ok")).toEqual(["ภาษา", "ไทย", "ok"]);
    expect(foldedWords("我喜欢学习。")).toContain("喜欢");
  });

  it("keeps marks inside words of Indic scripts", () => {
    expect(foldedWords("हिन्दी भाषा")).toEqual(["हिन्दी", "भाषा"]);
  });
});

describe("eachWord", () => {
  it("gives offsets in the text as it is", () => {
    const text = "\ud83d Ein CAFÉ\u0301 😀 学习x";
    const words: string[] = [];
    eachWord(text, (start, end) => words.push(text.slice(start, end)));
    expect(words).toEqual(["Ein", "CAFÉ\u0301", "学习", "x"]);
  });
});
