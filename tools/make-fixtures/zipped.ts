/** @file Small Word documents and EPUB books. Pure. */
import { strToU8, zipSync } from "fflate";
import type { Zippable } from "fflate";

/** A paragraph; `style` is a style's name in Word, such as "Heading 1". */
export interface DocxParagraph {
  readonly text: string;
  readonly style?: string;
  /** Address that the text leads to. */
  readonly link?: string;
}

export interface EpubChapter {
  /** In the table of contents. */
  readonly label: string;
  /** Inside `<body>`. */
  readonly html: string;
}

/** Any fixed day: the same files every time. */
const MADE = new Date(2025, 0, 1);
const XML = '<?xml version="1.0" encoding="UTF-8"?>';

export function makeDocx(title: string, paragraphs: readonly DocxParagraph[]): Uint8Array {
  const styles = [...new Set(paragraphs.flatMap(({ style }) => style ?? []))];
  const links = [...new Set(paragraphs.flatMap(({ link }) => link ?? []))];
  const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
  const word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
  const body = paragraphs.map((paragraph) => docxParagraph(paragraph, styles, links)).join("");
  const styleList = styles.map(
    (style, index) => `<w:style w:type="paragraph" w:styleId="s${index}"><w:name w:val="${style}"/></w:style>`,
  );
  const linkList = links.map(
    (link, index) =>
      `<Relationship Id="l${index}" Type="${office}/hyperlink" Target="${xml(link)}" TargetMode="External"/>`,
  );
  return zip({
    "[Content_Types].xml": `${XML}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`,
    "_rels/.rels": relationships(`<Relationship Id="r1" Type="${office}/officeDocument" Target="word/document.xml"/>`),
    "docProps/core.xml": `${XML}<cp:coreProperties xmlns:cp="urn:cp" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>${xml(title)}</dc:title></cp:coreProperties>`,
    "word/_rels/document.xml.rels": relationships(
      `<Relationship Id="st" Type="${office}/styles" Target="styles.xml"/>${linkList.join("")}`,
    ),
    "word/document.xml": `${XML}<w:document xmlns:w="${word}" xmlns:r="${office}"><w:body>${body}</w:body></w:document>`,
    "word/styles.xml": `${XML}<w:styles xmlns:w="${word}">${styleList.join("")}</w:styles>`,
  });
}

export function makeEpub(title: string, chapters: readonly EpubChapter[]): Uint8Array {
  const items = chapters.map(
    (_chapter, index) => `<item id="c${index}" href="c${index}.xhtml" media-type="application/xhtml+xml"/>`,
  );
  const spine = chapters.map((_chapter, index) => `<itemref idref="c${index}"/>`);
  const contents = chapters.map(({ label }, index) => `<li><a href="c${index}.xhtml">${xml(label)}</a></li>`);
  const pages = chapters.map(({ html }, index): [string, string] => [`OEBPS/c${index}.xhtml`, xhtml(html)]);
  return zip({
    mimetype: "application/epub+zip",
    "META-INF/container.xml": `${XML}<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>`,
    "OEBPS/book.opf": `${XML}<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>${xml(title)}</dc:title><dc:creator>Strata</dc:creator><dc:language>en</dc:language></metadata><manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>${items.join("")}</manifest><spine>${spine.join("")}</spine></package>`,
    "OEBPS/nav.xhtml": xhtml(`<nav epub:type="toc"><ol>${contents.join("")}</ol></nav>`),
    ...Object.fromEntries(pages),
  });
}

function docxParagraph(
  { text, style, link }: DocxParagraph,
  styles: readonly string[],
  links: readonly string[],
): string {
  const properties = style === undefined ? "" : `<w:pPr><w:pStyle w:val="s${styles.indexOf(style)}"/></w:pPr>`;
  const run = `<w:r><w:t xml:space="preserve">${xml(text)}</w:t></w:r>`;
  const linked = link === undefined ? run : `<w:hyperlink r:id="l${links.indexOf(link)}">${run}</w:hyperlink>`;
  return `<w:p>${properties}${linked}</w:p>`;
}

function relationships(entries: string): string {
  return `${XML}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${entries}</Relationships>`;
}

function xhtml(body: string): string {
  return `${XML}<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title>Part</title></head><body>${body}</body></html>`;
}

function xml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
}

function zip(files: Readonly<Record<string, string>>): Uint8Array {
  const entries = Object.entries(files).map(([path, text]): [string, Zippable[string]] => [
    path,
    [strToU8(text), { mtime: MADE }],
  ]);
  return zipSync(Object.fromEntries(entries));
}
