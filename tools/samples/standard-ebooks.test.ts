import { describe, expect, it } from "vitest";
import { readChapter } from "./standard-ebooks.ts";

function page(section: string, bodyType = "bodymatter z3998:fiction"): string {
  return `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="x"><head><title>II: A&#160;Title</title></head>
    <body epub:type="${bodyType}">${section}</body></html>`;
}

describe("readChapter", () => {
  it("keeps title, section titles, paragraphs and lines of verse", () => {
    const text = readChapter(
      page(`<section epub:type="chapter"><header><h2>II</h2><p epub:type="se:bridgehead">Summary</p></header>
        <h3>I</h3><p>She is <em>the</em>
          woman\u2060\u2014so <abbr>Mr.</abbr> &amp; all.<a href="#n" epub:type="noteref">3</a></p>
        <figure><img alt="no"/></figure><blockquote><p><span>One</span><br/> <span>two</span></p></blockquote></section>`),
    );
    expect(text).toBe("# II: A Title\n\n## I\n\nShe is the woman\u2014so Mr. & all.\n\nOne\ntwo");
  });

  it("passes over front matter, notes and half titles", () => {
    expect(readChapter(page(`<section epub:type="chapter"><p>x</p></section>`, "backmatter"))).toBeNull();
    expect(readChapter(page(`<section epub:type="halftitlepage"><p>x</p></section>`))).toBeNull();
  });
});
