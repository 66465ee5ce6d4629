/** @file What is taken out of a text before it is embedded, if asked. Pure, linear in the text's length. */
import type { CleanOptions } from "../types.ts";
import { stripHtml } from "./html.ts";

/** Unicode's control characters without tab, line feed and carriage return. */
const CONTROLS = /(?![\t\n\r])\p{Cc}/gu;
/** Unpaired halves of surrogate pairs: with the `u` flag the pairs are characters of their own and no match. */
const LONE_SURROGATES = /\p{Surrogate}/gu;

/** Cleans as told: tags first, since they may leave white space behind. */
export function cleanText(text: string, options: CleanOptions = {}): string {
  let cleaned = text;
  if (options.stripHtml) cleaned = stripHtml(cleaned);
  if (options.stripControls) cleaned = cleaned.replace(CONTROLS, " ");
  if (options.collapseWhitespace) cleaned = cleaned.replace(/\s+/g, " ").trim();
  return cleaned;
}

/** Lone surrogates become U+FFFD, as UTF-8 encoders make them (`String.prototype.toWellFormed`, for any engine). */
export function wellFormed(text: string): string {
  return text.replace(LONE_SURROGATES, "\uFFFD");
}
