/** @file Plain text, Markdown and HTML files → a document's text. */
import type { ReadText } from "./blocks.ts";
import { decodeHtml, decodeText } from "./decode.ts";
import { htmlToText } from "./html-blocks.ts";

/** YAML before a Markdown file's text, as static site generators have it. */
const FRONT_MATTER = /^---[ \t]*\r?\n([\s\S]*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/;
const FRONT_TITLE = /^title:[ \t]*(\S.*)$/m;
const QUOTED = /^(["'])(.*)\1$/;

/** Text as it is; blank lines part its paragraphs. */
export function readPlainText(bytes: Uint8Array, charset: string | null): ReadText {
  return plainText(decodeText(bytes, charset));
}

/** As {@link readPlainText}, from text. */
export function plainText(text: string): ReadText {
  return { title: null, blocks: [{ text, level: 0 }] };
}

/** @param charset - Of the answer's header, if any. */
export function readHtml(bytes: Uint8Array, charset: string | null): ReadText {
  return htmlToText(decodeHtml(bytes, charset));
}

/** By way of HTML, which Markdown may hold too. The title is that of its front matter, else the first heading of level 1. */
export async function readMarkdown(bytes: Uint8Array, charset: string | null): Promise<ReadText> {
  const { marked } = await import("marked");
  const source = decodeText(bytes, charset);
  const front = FRONT_MATTER.exec(source);
  const html = await marked.parse(source.slice(front?.[0].length ?? 0), { async: true });
  const { title, blocks } = htmlToText(html);
  return { title: frontTitle(front?.[1] ?? "") ?? title, blocks };
}

function frontTitle(yaml: string): string | null {
  const value = FRONT_TITLE.exec(yaml)?.[1]?.trim() ?? null;
  return value === null ? null : (QUOTED.exec(value)?.[2] ?? value);
}
