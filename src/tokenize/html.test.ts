import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stripHtml } from "./html.ts";

describe("stripHtml", () => {
  it.each([
    ["a < b", "a < b"],
    ["1<2 and <3 > 1", "1<2 and <3 > 1"],
    ["x <= y << z <", "x <= y << z <"],
    ["if a <b and no more", "if a <b and no more"],
    ["</3 and </ b>", "</3 and </ b>"],
  ])("keeps the plain text %j", (text, expected) => {
    expect(stripHtml(text)).toBe(expected);
  });

  it.each([
    ["<b>bold</b>ly <I CLASS=x>said</I>", "boldly said"],
    ["<p>one</p><p>two</p>", "one\ntwo"],
    ["one<br>two<BR/>three", "one\ntwo\nthree"],
    ["<ul>\n  <li>a</li>\n  <li>b <em>c</em></li>\n</ul>\n", "a\nb c"],
    ["<name>Ada</name><born>1815</born>", "Ada\n1815"],
    ["<my-card>x</my-card>y", "x\ny"],
    ["<table><tr><td>1</td><td>2</td></tr></table>", "1\n2"],
  ])("drops the tags of %j and breaks lines at blocks", (html, expected) => {
    expect(stripHtml(html)).toBe(expected);
  });

  it("drops comments, doctypes, processing instructions, scripts and styles", () => {
    const html =
      '<!DOCTYPE html><?xml version="1.0"?><head><style>p > a { color: red }</style></head>a<!-- <b> -- > -->b<!-->c' +
      '<script type="x">if (1 < 2) "</p>"; </scripted> </SCRIPT >d';
    expect(stripHtml(html)).toBe("abc\nd");
  });

  it("drops a script, style or comment that is never closed", () => {
    expect(stripHtml("a<script>b")).toBe("a");
    expect(stripHtml("a<style>b<p>")).toBe("a");
    expect(stripHtml("a<!-- b")).toBe("a");
  });

  it("keeps the raw text of CDATA sections", () => {
    expect(stripHtml("<t><![CDATA[a < b &amp; <c>]]></t>d<![CDATA[e")).toBe("a < b &amp; <c>\nde");
  });

  it("looks past `>` in quoted attribute values", () => {
    expect(stripHtml(`<a title="x > y" href = 'z>'>a</a>b`)).toBe("ab");
    expect(stripHtml("<a href=it's>don't</a>")).toBe("don't");
  });

  it("ends a tag whose quote never closes at its first `>`", () => {
    expect(stripHtml("<a title=\"x>a</a> <b class='y'>c</b>")).toBe("a c");
  });

  it.each([
    ["&lt;b&gt; &amp;lt; &quot;&apos;", "<b> &lt; \"'"],
    ["caf&eacute;&nbsp;&mdash; 5&euro;&hellip;", "café\u00A0— 5€…"],
    ["&alpha;&omega;&Sigma;&sigmaf;&ndash;&rsquo;&yuml;&times;", "αωΣς–’ÿ×"],
    ["&#65;&#x42;&#X1F600;&#0000067;", "AB😀C"],
    ["&#146;&#x80;", "’€"],
    ["&#0;&#xD800;&#x110000;&#99999999;", "\uFFFD\uFFFD\uFFFD\uFFFD"],
    ["AT&T &copy=1 &nosuch; &constructor; &;&#;&#x;", "AT&T &copy=1 &nosuch; &constructor; &;&#;&#x;"],
  ])("decodes %j once", (html, expected) => {
    expect(stripHtml(html)).toBe(expected);
  });

  it("reads a decoded tag as text", () => {
    expect(stripHtml("&lt;script&gt;a&lt;/script&gt;")).toBe("<script>a</script>");
  });

  // A quadratic step takes minutes on these; the test's time limit is the assertion.
  it.each([
    "<",
    "<a",
    "<a ",
    "</",
    "<!--",
    "<!",
    "<![CDATA[",
    "<script>",
    "<script></scrip",
    "&",
    "&#",
    "&a",
    "&#1234567",
    "<a x='",
    "<a x='>",
    "<a x=\"'",
    "<a x=' y=\">",
    "<a = ",
    "<b>",
    "</b><!-->",
    " ",
    "<p> ",
  ])("takes linear time on a megabyte of %j", (unit) => {
    const hostile = unit.repeat(Math.ceil(2 ** 20 / unit.length));
    for (const tail of ["", ">", "'>", '">']) expect(typeof stripHtml(hostile + tail)).toBe("string");
  });

  it("leaves text without markup as it is, and reads any mixture of markup", () => {
    const plain = fc.string({ unit: "binary" }).filter((text) => !/[<&]/.test(text));
    fc.assert(
      fc.property(plain, (text) => {
        expect(stripHtml(text)).toBe(text);
      }),
    );

    const unit = fc.constantFrom(..."<>/!-=\"'& ;#ab", "<p>", "</p>", "<script>", "</script>", "<!--", "-->", "&lt;");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 60 }), (text) => {
        expect(stripHtml(`a<script>${text.replaceAll("</script>", "")}</script>`)).toBe("a");
        expect(stripHtml(text)).toBeTypeOf("string");
      }),
    );
  });
});
