/** @file How much of a visitor's files is taken in. Beyond a limit a file is refused, never cut. */

const MIB = 2 ** 20;

/** A file, as it lies on disk or comes over the network: books with pictures are about that large, texts never. */
export const MAX_FILE_BYTES = 64 * MIB;
/** What docx and epub files unpack to, of the parts that are read: sixteen times the longest novels. Stops zip bombs. */
export const MAX_UNPACKED_BYTES = 64 * MIB;
/** Characters of a document: beyond this even splitting it takes long, and it is surely no prose. */
export const MAX_DOCUMENT_CHARACTERS = 32 * MIB;
/** Rows of a table or lines of JSON: each is a document, and the page lists them. */
export const MAX_DOCUMENTS = 20_000;
/** The longest books and standards have about 5,000 pages. */
export const MAX_PDF_PAGES = 10_000;
/** For one file. Most take under a second; markup made to be slow must not hold up the files behind it. */
export const MAX_READ_MS = 120_000;
/** Of a folder: more are surely a mistake, such as a whole disk. */
export const MAX_FILES = 10_000;
