/** @file A PDF file's table of contents, with the page that each entry leads to. */
import type { PDFDocumentProxy } from "pdfjs-dist/legacy/build/pdf.mjs";
import { cleanLine } from "./clean.ts";
import type { OutlineEntry } from "./pdf-paragraphs.ts";

/** Of headings in a document. */
const MAX_LEVEL = 6;
/** More than the longest manuals have. */
const MAX_ENTRIES = 10_000;

type OutlineNode = Awaited<ReturnType<PDFDocumentProxy["getOutline"]>>[number];

/** Entries that lead nowhere are left out; empty where the file has no table of contents, or none that can be read. */
export async function readOutline(pdf: PDFDocumentProxy): Promise<OutlineEntry[]> {
  const entries: OutlineEntry[] = [];
  const visit = async (nodes: readonly OutlineNode[], level: number): Promise<void> => {
    for (const { title, dest, items } of nodes) {
      if (entries.length >= MAX_ENTRIES) return;
      const place = await resolve(pdf, dest);
      const text = cleanLine(title);
      if (place && text !== "") entries.push({ title: text, level, ...place });
      if (level < MAX_LEVEL) await visit(items as OutlineNode[], level + 1);
    }
  };
  // A table of contents is an extra: the text is there without it.
  const nodes = await pdf.getOutline().catch(() => null);
  await visit((nodes as OutlineNode[] | null) ?? [], 1);
  return entries;
}

async function resolve(
  pdf: PDFDocumentProxy,
  destination: OutlineNode["dest"],
): Promise<{ page: number; top: number | null } | null> {
  try {
    const target: unknown = typeof destination === "string" ? await pdf.getDestination(destination) : destination;
    if (!Array.isArray(target)) return null;
    const [reference, view, ...numbers] = target as unknown[];
    const page = typeof reference === "number" ? reference : await pdf.getPageIndex(reference as PageReference);
    const top = topOf(view, numbers);
    return { page, top: typeof top === "number" ? top : null };
  } catch {
    // A destination that does not exist.
    return null;
  }
}

type PageReference = Parameters<PDFDocumentProxy["getPageIndex"]>[0];

/** Views that name a height: `/XYZ left top zoom`, `/FitH top` and `/FitBH top`. */
function topOf(view: unknown, numbers: readonly unknown[]): unknown {
  const name = typeof view === "object" && view !== null && "name" in view ? view.name : null;
  if (name === "XYZ") return numbers[1];
  return name === "FitH" || name === "FitBH" ? numbers[0] : null;
}
