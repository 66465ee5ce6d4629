/** @file The words that importing shows. */
import { formatBytes, formatCount } from "./format.ts";
import {
  MAX_DOCUMENTS,
  MAX_DOCUMENT_CHARACTERS,
  MAX_FILES,
  MAX_FILE_BYTES,
  MAX_PDF_PAGES,
  MAX_READ_MS,
  MAX_UNPACKED_BYTES,
} from "./import/limits.ts";
import type { RefusalReason } from "./import/outcome.ts";

const REFUSALS: Readonly<Record<RefusalReason, string>> = {
  "not-a-text-type": "Not a kind of file that can be read",
  "too-large": "Too large",
  "too-many-documents": "Too many documents",
  "too-slow": "Took too long to read",
  unreadable: "Could not be read",
  binary: "Binary, not text",
  "not-utf8": "Unknown encoding",
  damaged: "Damaged",
  encrypted: "Protected",
  "no-text-layer": "Pictures only",
  empty: "No text in it",
  "url-invalid": "Not a web address",
  "url-blocked": "Blocked",
  "http-status": "The server refused",
  "reader-failed": "The reader stopped",
};

/** Reasons in short, and sentences that say more. */
export const importStrings = {
  /** By {@link RefusalReason}, for a badge. */
  refusals: REFUSALS,
  details: {
    notATextType: (known: readonly string[]) => `Files that can be read: ${known.join(", ")}.`,
    unknownContentType: (contentType: string) =>
      contentType === ""
        ? "The server does not say what kind of file it is."
        : `The server sent ${contentType}, which cannot be read.`,
    fileTooLarge: (sizeBytes: number) =>
      `It has ${formatBytes(sizeBytes)}; files of up to ${formatBytes(MAX_FILE_BYTES)} are read.`,
    downloadBroken: "The connection broke off. Try again.",
    downloadTooLarge: `It is larger than ${formatBytes(MAX_FILE_BYTES)}.`,
    unpacksTooLarge: `Unpacked it is larger than ${formatBytes(MAX_UNPACKED_BYTES)}.`,
    tooLong: `Its text is longer than ${formatCount(MAX_DOCUMENT_CHARACTERS)} characters.`,
    tooManyDocuments: `It has more than ${formatCount(MAX_DOCUMENTS)} rows. Split it into several files.`,
    tooManyPages: (pages: number) =>
      `It has ${formatCount(pages)} pages; up to ${formatCount(MAX_PDF_PAGES)} are read.`,
    tooManyFiles: `Only the first ${formatCount(MAX_FILES)} files were taken.`,
    tooSlow: `Reading was stopped after ${formatCount(MAX_READ_MS / 1000)} seconds.`,
    unreadable: "The browser could not open it. It may have been moved, or may need permission.",
    binary: "Its content is not text, whatever its name says.",
    notUtf8: "It is not UTF\u20118 text. Save it as UTF\u20118 and try again.",
    badCharset: (charset: string) =>
      `It says its encoding is \u201c${charset}\u201d, but that is not so, or is unknown.`,
    tooDeep: "Its elements lie too deep in each other.",
    encryptedDocx:
      "It opens with a password only, or is of a Word older than 2007. Save it as .docx without a password and try again.",
    damagedPdf: "It is not a PDF file, or parts of it are missing.",
    damagedZip: "It is not a file of this kind, or parts of it are missing.",
    damagedDocx: "It is not a Word document, or parts of it are missing.",
    damagedEpub: "It is not an EPUB book, or parts of it are missing.",
    damagedQuotes: (row: number) => `A quote is opened in row ${formatCount(row)} and never closed.`,
    damagedJson: "It is not valid JSON.",
    damagedJsonLine: (line: number) => `Line ${formatCount(line)} is not valid JSON.`,
    encryptedPdf: "It opens with a password only. Save a copy without one and try again.",
    encryptedEpub: "It is protected against copying.",
    noTextLayer: "Its pages are pictures, such as scans. Text recognition is needed before it can be searched.",
    empty: "There is nothing in it to search.",
    urlInvalid: "Only addresses that begin with http:// or https:// can be read.",
    urlBlocked:
      "It cannot be reached, or that site does not let other pages read it (CORS). Save the page as a file instead.",
    urlBlockedByPolicy:
      "This page is not allowed to talk to that site. Save the page as a file and import that instead.",
    httpStatus: (status: number) => `The server answered with status ${status}.`,
    readerFailed: "Reading stopped unexpectedly. The other files go on.",
  },
  /** Stands above the text of a PDF's page, where the file has no table of contents. */
  pageHeading: (page: number) => `Page ${page}`,
} as const;
