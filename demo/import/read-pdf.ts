/** @file PDF files → a document's text, by way of pdf.js. Pictures are not looked at, and nothing in the file is run. */
import type { PDFDocumentLoadingTask, PDFDocumentProxy } from "pdfjs-dist/legacy/build/pdf.mjs";
import { importStrings } from "../import-strings.ts";
import type { ReadText } from "./blocks.ts";
import { cleanLine } from "./clean.ts";
import { MAX_PDF_PAGES } from "./limits.ts";
import { Refusal } from "./outcome.ts";
import { dropRunningLines, joinLines } from "./pdf-lines.ts";
import type { Line, PlacedText } from "./pdf-lines.ts";
import { readOutline } from "./pdf-outline.ts";
import { joinParagraphs } from "./pdf-paragraphs.ts";

const { details } = importStrings;

/** What programs write where nobody gave a title. */
const NO_TITLE = /^(?:untitled|microsoft word - .*|.*\.(?:docx?|indd|pdf|qxd|tex|dvi))?$/i;
/** pdf.js says errors alone. */
const ERRORS_ONLY = 0;

/**
 * Headings are those of the file's table of contents, or one for each page where it has none.
 *
 * @throws {Refusal} `damaged`; `encrypted` where it needs a password; `too-large` by its pages; `no-text-layer`.
 */
export async function readPdf(bytes: Uint8Array): Promise<ReadText> {
  const task = await openPdf(bytes);
  try {
    const pdf = await task.promise;
    if (pdf.numPages > MAX_PDF_PAGES) throw new Refusal("too-large", details.tooManyPages(pdf.numPages));
    return await readDocument(pdf);
  } catch (error) {
    throw error instanceof Refusal ? error : refusalOf(error);
  } finally {
    await task.destroy();
  }
}

/** pdf.js starts a worker of its own unless the page has its other half at hand; this is a worker already. */
async function openPdf(bytes: Uint8Array): Promise<PDFDocumentLoadingTask> {
  const [pdfjs] = await Promise.all([
    import("pdfjs-dist/legacy/build/pdf.mjs"),
    // Makes itself known as globalThis.pdfjsWorker.
    import("pdfjs-dist/legacy/build/pdf.worker.mjs"),
  ]);
  return pdfjs.getDocument({
    // It takes the buffer away.
    data: bytes.slice(),
    BinaryDataFactory: CharacterMaps,
    useWorkerFetch: false,
    // Fonts that the file leaves out are the system's: no shapes are needed for text.
    useSystemFonts: true,
    disableFontFace: true,
    isOffscreenCanvasSupported: false,
    isImageDecoderSupported: false,
    disableWorkerRendering: true,
    useWasm: false,
    verbosity: ERRORS_ONLY,
  });
}

/** How pdf.js gets what it asks for; only the maps of Chinese, Japanese and Korean encodings are here. */
class CharacterMaps {
  /** @throws {Error} For anything else: pdf.js goes on without. */
  async fetch({ kind, filename }: { readonly kind: string; readonly filename: string }): Promise<Uint8Array> {
    if (kind !== "cMapUrl") throw new Error(`${filename} is not among the page's files`);
    const { loadCharacterMap } = await import("./character-maps.ts");
    return loadCharacterMap(filename);
  }
}

async function readDocument(pdf: PDFDocumentProxy): Promise<ReadText> {
  const pages: Line[][] = [];
  for (let number = 1; number <= pdf.numPages; number++) {
    const page = await pdf.getPage(number);
    const { items } = await page.getTextContent();
    pages.push(joinLines(items.filter((item): item is PlacedText & typeof item => "str" in item)));
    page.cleanup();
  }
  if (pages.every((lines) => lines.length === 0)) throw new Refusal("no-text-layer", details.noTextLayer);
  const { title, author } = await readProperties(pdf);
  return {
    title,
    blocks: joinParagraphs(dropRunningLines(pages), await readOutline(pdf), importStrings.pageHeading),
    metadata: { pages: pdf.numPages, ...(author !== null && { author }) },
  };
}

async function readProperties(pdf: PDFDocumentProxy): Promise<{ title: string | null; author: string | null }> {
  const { info } = (await pdf.getMetadata()) as { info: Readonly<Record<string, unknown>> };
  const property = (name: string): string => (typeof info[name] === "string" ? cleanLine(info[name]) : "");
  const title = property("Title");
  return { title: NO_TITLE.test(title) ? null : title, author: property("Author") || null };
}

function refusalOf(error: unknown): Refusal {
  const encrypted = error instanceof Error && error.name === "PasswordException";
  return encrypted
    ? new Refusal("encrypted", details.encryptedPdf, { cause: error })
    : new Refusal("damaged", details.damagedPdf, { cause: error });
}
