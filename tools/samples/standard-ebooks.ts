/** @file A book of Standard Ebooks as plain text: `# ` before a chapter's title, `## ` before a section's, paragraphs apart. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DomUtils, ElementType, parseDocument } from "htmlparser2";

type Node = ReturnType<typeof parseDocument>["children"][number];
type Element = ReturnType<typeof DomUtils.getElementsByTagName>[number];

/** Neither told by the author nor of use without their pictures; chapter summaries would be found in place of what they sum up. */
const LEFT_OUT = /noteref|backlink|bridgehead|z3998:illustration/;
const LEFT_OUT_TAGS = new Set(["figure", "img", "header", "hgroup", "h1", "h2", "table"]);

const TEXT_TAGS = new Set(["p", "h3", "h4", "li", "cite"]);

/** Joins words for typesetters only. */
const WORD_JOINER = /\u2060/g;
const NARROW_SPACES = /[\u00a0\u2009\u200a\u202f]/g;

/**
 * Chapters in reading order, without front matter, notes and pictures.
 *
 * @param folder - Of the book's repository, with `src/epub` in it.
 * @returns Ends with a line break; `# ` begins the line of a chapter's title, an empty line is between paragraphs.
 */
export function readStandardEbook(folder: string): string {
  const epub = join(folder, "src/epub");
  const spine = readFileSync(join(epub, "content.opf"), "utf8").matchAll(/<itemref idref="([^"]+)"/g);
  const chapters = [...spine].map(([, file]) => readChapter(readFileSync(join(epub, "text", file!), "utf8")));
  return `${chapters.filter((chapter) => chapter !== null).join("\n\n")}\n`;
}

/**
 * One file of a book.
 *
 * @param xhtml - As Standard Ebooks marks it up.
 * @returns `null` for what is not of the book's body.
 */
export function readChapter(xhtml: string): string | null {
  const document = parseDocument(xhtml, { xmlMode: true });
  const [body] = DomUtils.getElementsByTagName("body", document);
  const [title] = DomUtils.getElementsByTagName("title", document);
  if (body === undefined || title === undefined || !isOfTheBody(body, xhtml)) return null;
  return [`# ${tidy(DomUtils.textContent(title))}`, ...paragraphs(body)].join("\n\n");
}

/** Half titles are in the body too, but no chapter. */
function isOfTheBody(body: Element, xhtml: string): boolean {
  return (
    (body.attribs["epub:type"] ?? "").startsWith("bodymatter") && /epub:type="[^"]*(chapter|short-story)/.test(xhtml)
  );
}

function paragraphs(parent: Element): string[] {
  return parent.children.flatMap((child) => {
    if (!isElement(child) || isLeftOut(child)) return [];
    if (!TEXT_TAGS.has(child.name)) return paragraphs(child);
    const text = tidy(textOf(child));
    if (text === "") return [];
    return [/^h\d$/.test(child.name) ? `## ${text}` : text];
  });
}

function isElement(node: Node): node is Element {
  return "attribs" in node;
}

function isLeftOut({ name, attribs }: Element): boolean {
  return LEFT_OUT_TAGS.has(name) || LEFT_OUT.test(attribs["epub:type"] ?? "");
}

function textOf(node: Node): string {
  if (node.type === ElementType.Text) return DomUtils.textContent(node).replace(/\s+/g, " ");
  if (!isElement(node) || isLeftOut(node)) return "";
  return node.name === "br" ? "\n" : node.children.map(textOf).join("");
}

function tidy(text: string): string {
  return text
    .replace(WORD_JOINER, "")
    .replace(NARROW_SPACES, " ")
    .replace(/ *\n */g, "\n")
    .replace(/ {2,}/g, " ")
    .trim();
}
