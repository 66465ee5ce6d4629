/** @file Word documents → a document's text, by way of mammoth's HTML. */
import { importStrings } from "../import-strings.ts";
import type { ReadText } from "./blocks.ts";
import { htmlToText } from "./html-blocks.ts";
import { Refusal } from "./outcome.ts";
import { unpack } from "./unpack.ts";
import { firstText } from "./xml.ts";

/** What text comes from; pictures stay packed. */
const TEXT_PARTS = /\.(xml|rels)$/i;
const CORE_PROPERTIES = "docProps/core.xml";
/** A word file with a password is no zip archive but one of these. */
const COMPOUND_FILE = [0xd0, 0xcf, 0x11, 0xe0];

/** @throws {Refusal} `damaged`, `too-large`; `encrypted` where it needs a password. */
export async function readDocx(bytes: Uint8Array): Promise<ReadText> {
  if (COMPOUND_FILE.every((byte, index) => bytes[index] === byte))
    throw new Refusal("encrypted", importStrings.details.encryptedDocx);
  const files = await unpack(bytes, (path) => TEXT_PARTS.test(path));
  const properties = files.get(CORE_PROPERTIES);
  const named = properties ? firstText(new TextDecoder().decode(properties), "dc:title").trim() : "";
  const { title, blocks } = htmlToText(await toHtml(files));
  return { title: named || title, blocks };
}

/** From a footnote back to its place: an arrow and no text. */
const BACK_LINKS = / ?<a href="#(?:foot|end)note-ref-\d+">↑<\/a>/g;

/** Mammoth unpacks without a limit: it gets the parts that are unpacked already. */
async function toHtml(files: ReadonlyMap<string, Uint8Array>): Promise<string> {
  const [{ default: mammoth }, { zipSync }] = await Promise.all([
    import("mammoth/mammoth.browser.js"),
    import("fflate"),
  ]);
  const stored = zipSync(Object.fromEntries(files), { level: 0 });
  const withoutPictures = mammoth.images.imgElement(() => Promise.resolve({ src: "" }));
  try {
    const { value } = await mammoth.convertToHtml(
      { arrayBuffer: stored.slice().buffer },
      { convertImage: withoutPictures, externalFileAccess: false, styleMap: STYLES },
    );
    return value.replace(BACK_LINKS, "");
  } catch (error) {
    throw new Refusal("damaged", importStrings.details.damagedDocx, { cause: error });
  }
}

/** Mammoth makes headings of "Heading 1" and so on; a document's title is one too. */
const STYLES = ["p[style-name='Title'] => h1:fresh", "p[style-name='Subtitle'] => h2:fresh"];
