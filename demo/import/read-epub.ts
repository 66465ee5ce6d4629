/** @file EPUB books → a document's text: the chapters in reading order, with their headings. */
import { importStrings } from "../import-strings.ts";
import type { Block, ReadText } from "./blocks.ts";
import { cleanLine } from "./clean.ts";
import { decodeHtml } from "./decode.ts";
import { htmlToText } from "./html-blocks.ts";
import { Refusal } from "./outcome.ts";
import { unpack } from "./unpack.ts";
import { findElements } from "./xml.ts";

const CONTAINER = "META-INF/container.xml";
const ENCRYPTION = "META-INF/encryption.xml";
const TEXT_PARTS = /\.(xml|opf|ncx|x?html?)$/i;
const HTML_TYPE = /html/i;

/** What a book's package file says. */
interface Package {
  readonly title: string | null;
  readonly authors: readonly string[];
  readonly language: string | null;
  /** Paths of the chapters, in reading order. */
  readonly chapters: readonly string[];
  /** Path of the table of contents; `null` where there is none. */
  readonly contents: string | null;
}

/** @throws {Refusal} `damaged`, `too-large`; `encrypted` where the chapters cannot be read without a licence. */
export async function readEpub(bytes: Uint8Array): Promise<ReadText> {
  const files = await unpack(bytes, (path) => TEXT_PARTS.test(path));
  const book = readPackage(files);
  refuseEncrypted(files, book.chapters);
  const labels = book.contents === null ? new Map<string, string>() : readContents(files, book.contents);
  const blocks = book.chapters.flatMap((path) => readChapter(files.get(path), labels.get(path) ?? null));
  return {
    title: book.title,
    blocks,
    metadata: {
      ...(book.authors.length > 0 && { author: book.authors.join(", ") }),
      ...(book.language !== null && { language: book.language }),
    },
  };
}

function readPackage(files: ReadonlyMap<string, Uint8Array>): Package {
  const path = findElements(textFile(files, CONTAINER), ["rootfile"])[0]?.attributes["full-path"] ?? "";
  const elements = findElements(textFile(files, path), [
    ...["dc:title", "dc:creator", "dc:language", "item", "itemref", "spine"],
  ]);
  const named = (name: string): string[] =>
    elements
      .filter((element) => element.name === name)
      .map(({ text }) => cleanLine(text))
      .filter((text) => text !== "");
  const items = new Map(
    elements
      .filter(({ name }) => name === "item")
      .map(({ attributes }) => [
        attributes["id"] ?? "",
        { attributes, path: resolvePath(path, attributes["href"] ?? "") },
      ]),
  );
  const navigation = [...items.values()].find(({ attributes }) => /\bnav\b/.test(attributes["properties"] ?? ""));
  const ncx = items.get(elements.find(({ name }) => name === "spine")?.attributes["toc"] ?? "");
  const chapters = elements
    .filter(({ name }) => name === "itemref")
    .map(({ attributes }) => items.get(attributes["idref"] ?? ""))
    .filter((item) => item !== undefined && item !== navigation && HTML_TYPE.test(item.attributes["media-type"] ?? ""))
    .map((item) => item?.path ?? "");
  if (chapters.length === 0) throw new Refusal("damaged", importStrings.details.damagedEpub);
  return {
    title: named("dc:title")[0] ?? null,
    authors: named("dc:creator"),
    language: named("dc:language")[0] ?? null,
    chapters,
    contents: navigation?.path ?? ncx?.path ?? null,
  };
}

/** Fonts may be scrambled, which does not matter; chapters may not. */
function refuseEncrypted(files: ReadonlyMap<string, Uint8Array>, chapters: readonly string[]): void {
  if (!files.has(ENCRYPTION)) return;
  const scrambled = findElements(textFile(files, ENCRYPTION), ["CipherReference", "enc:CipherReference"]);
  const paths = new Set(scrambled.map(({ attributes }) => resolvePath("", attributes["URI"] ?? "")));
  if (chapters.some((path) => paths.has(path))) throw new Refusal("encrypted", importStrings.details.encryptedEpub);
}

/** Labels of the table of contents by the chapter they lead to; the first where there are several. */
function readContents(files: ReadonlyMap<string, Uint8Array>, path: string): Map<string, string> {
  const labels = new Map<string, string>();
  const xml = files.has(path) ? textFile(files, path) : "";
  let label = "";
  for (const { name, attributes, text } of findElements(xml, ["a", "navLabel", "content"])) {
    if (name !== "content") label = cleanLine(text);
    const target = name === "a" ? attributes["href"] : name === "content" ? attributes["src"] : undefined;
    if (target === undefined || label === "") continue;
    const chapter = resolvePath(path, target);
    if (!labels.has(chapter)) labels.set(chapter, label);
  }
  return labels;
}

/** A chapter; one without headings gets the label that leads to it. */
function readChapter(bytes: Uint8Array | undefined, label: string | null): Block[] {
  // The book names it but does not hold it: the rest can still be read.
  if (bytes === undefined) return [];
  const blocks = [...htmlToText(decodeHtml(bytes, null)).blocks];
  const headed = blocks.some(({ level }) => level > 0);
  return headed || blocks.length === 0 || label === null ? blocks : [{ text: label, level: 1 }, ...blocks];
}

function textFile(files: ReadonlyMap<string, Uint8Array>, path: string): string {
  const bytes = files.get(path);
  if (bytes === undefined) throw new Refusal("damaged", importStrings.details.damagedEpub);
  return new TextDecoder().decode(bytes);
}

/** The path that `reference`, of a file at `base`, leads to; without its fragment. */
function resolvePath(base: string, reference: string): string {
  try {
    return decodeURIComponent(new URL(reference, new URL(base, "zip://book/")).pathname.slice(1));
  } catch {
    return "";
  }
}
