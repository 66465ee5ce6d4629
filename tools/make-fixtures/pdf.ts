/** @file Small PDF files, written out object by object. Pure. */

/** A line of text; a font of the system draws it. */
export interface PdfLine {
  /** Latin-1, or bytes in hexadecimal of the encoding that the document names. */
  readonly text: string;
  /** Baseline from the lower edge, in points. */
  readonly y: number;
  /** @default 72 */
  readonly x?: number;
  /** In points. @default 11 */
  readonly size?: number;
}

export interface PdfEntry {
  readonly title: string;
  /** From 0. */
  readonly page: number;
  /** From the page's lower edge, in points. */
  readonly top: number;
}

export interface PdfDocument {
  readonly pages: readonly (readonly PdfLine[])[];
  readonly title?: string;
  readonly outline?: readonly PdfEntry[];
  /** Whether it opens with a password that nobody knows. @default "open" */
  readonly access?: "open" | "locked";
  /** A predefined Japanese encoding; lines are hexadecimal then. @default Latin-1 */
  readonly japaneseEncoding?: string;
}

const CATALOG = 1;
const PAGES = 2;
const FONT = 3;
const INFO = 4;
const FIRST_FREE = 5;

/** Characters are bytes. */
export function makePdf(document: PdfDocument): Uint8Array {
  const objects = new Map<number, string>();
  const pageIds = document.pages.map((_page, index) => FIRST_FREE + 2 * index);
  for (const [index, lines] of document.pages.entries()) {
    const id = FIRST_FREE + 2 * index;
    const content = lines.map((line) => drawLine(line, document.japaneseEncoding !== undefined)).join("\n");
    const resources = `/Resources << /Font << /F1 ${FONT} 0 R >> >>`;
    objects.set(
      id,
      `<< /Type /Page /Parent ${PAGES} 0 R /MediaBox [0 0 595 842] ${resources} /Contents ${id + 1} 0 R >>`,
    );
    objects.set(id + 1, `<< /Length ${content.length} >>\nstream\n${content}\nendstream`);
  }
  const next = FIRST_FREE + 2 * document.pages.length;
  const outline = addOutline(objects, document.outline ?? [], { first: next, pageIds });
  objects.set(CATALOG, `<< /Type /Catalog /Pages ${PAGES} 0 R${outline} >>`);
  objects.set(
    PAGES,
    `<< /Type /Pages /Kids [${pageIds.map((id) => `${id} 0 R`).join(" ")}] /Count ${pageIds.length} >>`,
  );
  objects.set(FONT, font(document.japaneseEncoding));
  objects.set(INFO, `<< /Title (${escape(document.title ?? "")}) >>`);
  return bytesOf(objects, document.access === "locked" ? LOCK : "");
}

/** Standard security of 128 bits whose check value fits no password that anyone will try. */
const LOCK = ` /Encrypt << /Filter /Standard /V 2 /R 3 /Length 128 /P -44 /O <${"5a".repeat(32)}> /U <${"a5".repeat(32)}> >> /ID [<${"11".repeat(16)}> <${"11".repeat(16)}>]`;

function drawLine({ text, x = 72, y, size = 11 }: PdfLine, isHexadecimal: boolean): string {
  return `BT /F1 ${size} Tf ${x} ${y} Td ${isHexadecimal ? `<${text}>` : `(${escape(text)})`} Tj ET`;
}

function escape(text: string): string {
  return text.replace(/[\\()]/g, "\\$&");
}

function font(japaneseEncoding: string | undefined): string {
  if (japaneseEncoding === undefined)
    return "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";
  const descendant =
    "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /HeiseiMin-W3 /CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) " +
    "/Supplement 2 >> /FontDescriptor << /Type /FontDescriptor /FontName /HeiseiMin-W3 /Flags 4 /FontBBox [0 0 1000 1000] " +
    "/ItalicAngle 0 /Ascent 800 /Descent -200 /StemV 80 >> >>";
  return `<< /Type /Font /Subtype /Type0 /BaseFont /HeiseiMin-W3 /Encoding /${japaneseEncoding} /DescendantFonts [${descendant}] >>`;
}

interface OutlinePlace {
  /** First object that is free. */
  readonly first: number;
  readonly pageIds: readonly number[];
}

function addOutline(
  objects: Map<number, string>,
  entries: readonly PdfEntry[],
  { first, pageIds }: OutlinePlace,
): string {
  if (entries.length === 0) return "";
  objects.set(
    first,
    `<< /Type /Outlines /First ${first + 1} 0 R /Last ${first + entries.length} 0 R /Count ${entries.length} >>`,
  );
  for (const [index, { title, page, top }] of entries.entries()) {
    const id = first + 1 + index;
    const siblings =
      (index > 0 ? ` /Prev ${id - 1} 0 R` : "") + (index < entries.length - 1 ? ` /Next ${id + 1} 0 R` : "");
    objects.set(
      id,
      `<< /Title (${escape(title)}) /Parent ${first} 0 R${siblings} /Dest [${pageIds[page]} 0 R /XYZ 72 ${top} 0] >>`,
    );
  }
  return ` /Outlines ${first} 0 R`;
}

/** Objects with the table that says where each begins. */
function bytesOf(objects: ReadonlyMap<number, string>, trailerEntries: string): Uint8Array {
  let file = "%PDF-1.7\n";
  const offsets: number[] = [];
  for (let id = 1; id <= objects.size; id++) {
    offsets.push(file.length);
    file += `${id} 0 obj\n${objects.get(id) ?? "null"}\nendobj\n`;
  }
  const table = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  const count = objects.size + 1;
  const trailer = `trailer\n<< /Size ${count} /Root ${CATALOG} 0 R /Info ${INFO} 0 R${trailerEntries} >>\nstartxref\n${file.length}\n%%EOF\n`;
  file += `xref\n0 ${count}\n0000000000 65535 f \n${table}${trailer}`;
  return Uint8Array.from(file, (character) => character.charCodeAt(0));
}
