/** @file Bytes → text, in the encoding that they say they have. Pure; never guesses. */
import { importStrings } from "../import-strings.ts";
import { Refusal } from "./outcome.ts";

const { details } = importStrings;

/** How far into a file HTML may say its encoding, as the HTML standard has it. */
const PRESCAN_BYTES = 1024;
const META_CHARSET = /<meta[^>]{1,200}charset\s*=\s*["']?\s*([\w:.-]+)|<\?xml[^>]{1,100}encoding\s*=\s*["']([\w:.-]+)/i;

/** First bytes of files that are no text even if all their bytes are. */
const SIGNATURES = ["%PDF-", "PK\u0003\u0004", "{\\rtf", "\u0089PNG", "GIF8", "\u00d0\u00cf\u0011\u00e0"];

/**
 * @param charset - What the file's sender says of it; `null` where there is none, then it is UTF-8. A byte order mark
 *   weighs more.
 * @throws {Refusal} `binary` or `not-utf8`: a wrong guess would be indexed as noise.
 */
export function decodeText(bytes: Uint8Array, charset: string | null = null): string {
  const mark = byteOrderMark(bytes);
  if (mark === null && looksBinary(bytes)) throw new Refusal("binary", details.binary);
  const encoding = mark ?? charset ?? "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    const detail = mark === null && charset !== null ? details.badCharset(charset) : details.notUtf8;
    throw new Refusal("not-utf8", detail, { cause: error });
  }
}

/** As {@link decodeText}; HTML may say its encoding itself. @param charset - Of the answer's header, if any. */
export function decodeHtml(bytes: Uint8Array, charset: string | null): string {
  return decodeText(bytes, charset ?? declaredCharset(bytes));
}

/** As ASCII, whatever else it is: that is what the standard has browsers do. */
function declaredCharset(bytes: Uint8Array): string | null {
  const found = META_CHARSET.exec(ascii(bytes.subarray(0, PRESCAN_BYTES)));
  const charset = found?.[1] ?? found?.[2] ?? null;
  // What could be read as ASCII is not UTF-16, whatever it says.
  return charset !== null && /^utf-?16/i.test(charset) ? "utf-8" : charset;
}

function byteOrderMark(bytes: Uint8Array): string | null {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? "utf-8" : null;
}

function looksBinary(bytes: Uint8Array): boolean {
  if (bytes.includes(0)) return true;
  const head = ascii(bytes.subarray(0, 8));
  return SIGNATURES.some((signature) => head.startsWith(signature));
}

function ascii(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
