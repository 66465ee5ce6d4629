import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HOSTILE_HTML } from "../../tools/make-fixtures/hostile.ts";
import { assembleText } from "./blocks.ts";
import { htmlToText } from "./html-blocks.ts";

function textOf(html: string): string {
  return assembleText(htmlToText(html).blocks).text;
}

describe("htmlToText", () => {
  it("parts paragraphs with blank lines and reads headings with their levels", () => {
    const { title, blocks } = htmlToText("<h1>One</h1><p>First\n line.</p><p>Second.<h3>Th<b>ree</b></h3>rest");
    expect(title).toBe("One");
    expect(blocks).toEqual([
      { text: "One", level: 1 },
      { text: "First line.", level: 0 },
      { text: "Second.", level: 0 },
      { text: "Three", level: 3 },
      { text: "rest", level: 0 },
    ]);
  });

  it("prefers <title> to the first heading", () => {
    expect(htmlToText("<title> A &amp; B </title><h1>C</h1>").title).toBe("A & B");
    expect(htmlToText("<p>none</p>").title).toBeNull();
  });

  it("keeps items and rows on lines of their own, loose lists included", () => {
    expect(textOf("<p>x</p><ul><li>a<ul><li>b</li></ul></li><li><p>c</p></li>\n<li> d</li></ul><p>y</p>")).toBe(
      "x\n\na\nb\nc\nd\n\ny",
    );
    expect(textOf("<table><tr><th>a</th><th>b</th></tr><tr><td><p>1</p></td><td><p>2</p></td></tr></table>")).toBe(
      "a | b\n1 | 2",
    );
  });

  it("keeps the paragraphs of pages that are laid out with tables", () => {
    expect(
      textOf("<table><tr><td><p>a</p><p>b</p><table><tr><td>c</td><td>d</td></tr></table></td></tr></table>"),
    ).toBe("a\n\nb\n\nc | d");
  });

  it("keeps words apart as the page shows them", () => {
    expect(textOf("a<br>b <i>c</i>d<span> e</span><div>f</div>g")).toBe("a\nb cd e\n\nf\n\ng");
    expect(textOf("<pre>one\n  two\n\nthree</pre>")).toBe("one\ntwo\n\nthree");
    expect(textOf("<p>x</p>  \n <p> y </p>")).toBe("x\n\ny");
  });

  it("makes plain text of markup that tries to run", () => {
    const text = textOf(HOSTILE_HTML);
    expect(text).toContain("Visible heading\n\nVisible text with a link.\n\nsafe");
    expect(text).toContain("The end.");
    expect(text).not.toMatch(/Not this|Nor this|javascript:|onerror|onload|alert|[\u202E\u2066\u200B]/);
    // What the page shows as text stays text.
    expect(text).toContain('An entity: <script>window.ran = "entity"</script>');
  });

  it("takes any markup", () => {
    const piece = fc.constantFrom(
      "<p>",
      "</p>",
      "<td>",
      "<li>",
      "</li>",
      "<script>",
      "</script>",
      "<h1>",
      "</h1>",
      "<!--",
      "<svg>",
      "</svg>",
      "<pre>",
      "</pre>",
      "x",
      " ",
      "<",
      "&lt;",
    );
    fc.assert(fc.property(fc.array(piece), (pieces) => void textOf(pieces.join(""))));
  });

  it("refuses elements that lie too deep in each other", () => {
    expect(() => htmlToText("<div>".repeat(100_000))).toThrow(expect.objectContaining({ reason: "damaged" }));
  });
});
