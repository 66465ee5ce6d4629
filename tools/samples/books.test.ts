import { describe, expect, it } from "vitest";
import { chapterDocuments, type Book } from "./books.ts";

const BOOK: Book = { id: "a-book", work: "A Book", author: "A. Author", year: 1850, subject: "tests" };

describe("chapterDocuments", () => {
  it("makes one document of each chapter, and says where its section titles stand", () => {
    const text = "# IV: The Sea\n\n## I\n\nIt is wet.\n\nIt is salt.\n\n## Storms\n\nWind.\n\n# V\n\nThe end.\n";
    const [sea, end] = chapterDocuments(BOOK, text, "Tests");
    expect(sea).toEqual({
      id: "a-book/1",
      title: "The Sea",
      text: "I\n\nIt is wet.\n\nIt is salt.\n\nStorms\n\nWind.",
      headings: [
        { start: 0, end: 1, level: 1 },
        { start: 28, end: 34, level: 1 },
      ],
      metadata: { library: "Tests", author: "A. Author", work: "A Book", year: 1850, subject: "tests", chapter: 1 },
    });
    expect(sea!.text.slice(28, 34)).toBe("Storms");
    expect(end).toMatchObject({ id: "a-book/2", title: "A Book: V", text: "The end.", headings: [] });
  });
});
