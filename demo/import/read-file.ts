/** @file Bytes of a known format → search documents. Runs in the worker; every format's reader comes when it is needed. */
import type { Metadata, SearchDocument } from "../../src/index.ts";
import { importStrings } from "../import-strings.ts";
import { assembleText } from "./blocks.ts";
import type { ReadText } from "./blocks.ts";
import { cleanLine } from "./clean.ts";
import { formatOfName } from "./formats.ts";
import type { Format } from "./formats.ts";
import { Refusal } from "./outcome.ts";
import { readHtml, readMarkdown, readPlainText } from "./read-text.ts";
import type { ReadRow } from "./rows.ts";

/** A file whose format is known. */
export interface KnownFile {
  /** Its path, or its address. */
  readonly name: string;
  readonly format: Format;
  readonly bytes: Uint8Array;
  /** As the sender said; `null` where nobody did. */
  readonly charset: string | null;
  /** Of a document that names none itself. @default the file's name without its extension */
  readonly title?: string;
}

/** Longer titles would crowd the cards, and the model reads them before each passage. */
const MAX_TITLE_CHARACTERS = 200;

/** Fields that every document has, which columns of the same names must not replace. */
const OWN_FIELDS: ReadonlySet<string> = new Set(["source", "folder", "type", "pages"]);

/**
 * One document, or one for each row of a table. Ids are the name, with the row's number where there are rows: reading
 * the file again gives the same ids.
 *
 * @throws {Refusal} With any reason of a file's content.
 */
export async function readDocuments(file: KnownFile): Promise<SearchDocument[]> {
  const rows = await readTable(file);
  const documents = rows === null ? [textDocument(file, await readProse(file))] : rowDocuments(file, rows);
  const filled = documents.filter(({ text }) => text !== "");
  if (filled.length === 0) throw new Refusal("empty", importStrings.details.empty);
  return filled;
}

/** `null` where the format is no table. */
async function readTable({ format, bytes, charset }: KnownFile): Promise<ReadRow[] | null> {
  if (format === "csv" || format === "tsv") {
    const { readCsv } = await import("./read-csv.ts");
    return readCsv(bytes, { charset, delimiter: format === "tsv" ? "\t" : "" });
  }
  if (format !== "json" && format !== "jsonl") return null;
  const { readJson, readJsonLines } = await import("./read-json.ts");
  return format === "json" ? readJson(bytes, charset) : readJsonLines(bytes, charset);
}

async function readProse({ format, bytes, charset }: KnownFile): Promise<ReadText> {
  switch (format) {
    case "html":
      return readHtml(bytes, charset);
    case "md":
      return readMarkdown(bytes, charset);
    case "pdf":
      return (await import("./read-pdf.ts")).readPdf(bytes);
    case "docx":
      return (await import("./read-docx.ts")).readDocx(bytes);
    case "epub":
      return (await import("./read-epub.ts")).readEpub(bytes);
    default:
      return readPlainText(bytes, charset);
  }
}

function textDocument(file: KnownFile, { title, blocks, metadata }: ReadText): SearchDocument {
  const { text, headings } = assembleText(blocks);
  return {
    id: file.name,
    title: titleOf(title) || titleOf(file.title ?? null) || plainName(file.name),
    text,
    headings,
    metadata: { ...metadata, ...place(file) },
  };
}

function rowDocuments(file: KnownFile, rows: readonly ReadRow[]): SearchDocument[] {
  const own = place(file);
  return rows.map(({ title, text, metadata, number }) => ({
    id: `${file.name}#${number}`,
    title: titleOf(title) || `${plainName(file.name)} ${number}`,
    text,
    headings: [],
    metadata: { ...renameOwn(metadata), ...own },
  }));
}

function titleOf(title: string | null): string {
  const line = cleanLine(title ?? "");
  if (line.length <= MAX_TITLE_CHARACTERS) return line;
  // Not in the middle of a character.
  return `${line
    .slice(0, MAX_TITLE_CHARACTERS - 1)
    .replace(/[\uD800-\uDBFF]$/, "")
    .trimEnd()}…`;
}

/** Where a document is from. */
function place({ name, format }: KnownFile): { source: string; folder: string; type: Format } {
  const [folder, source] = splitPath(name);
  return { source, folder, type: format };
}

function splitPath(name: string): [folder: string, source: string] {
  // An address that ends in a slash has no file name.
  const path = name.replace(/\/+$/, "");
  const slash = path.lastIndexOf("/");
  return [slash === -1 ? "" : path.slice(0, slash).replace(/\/+$/, ""), path.slice(slash + 1)];
}

function plainName(name: string): string {
  const source = splitPath(name)[1];
  return formatOfName(source) === null ? source : source.slice(0, source.lastIndexOf("."));
}

function renameOwn(metadata: Metadata): Metadata {
  const entries = Object.entries(metadata).filter(([field]) => field !== "__proto__");
  return Object.fromEntries(
    entries.map(([field, value]) => [OWN_FIELDS.has(field) ? `${field} (column)` : field, value]),
  );
}
