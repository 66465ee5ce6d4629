/** @file Which formats are read, and how a file's format is told. Pure. */

export type Format = "csv" | "docx" | "epub" | "html" | "json" | "jsonl" | "md" | "pdf" | "tsv" | "txt";

const BY_EXTENSION: Readonly<Record<string, Format>> = {
  csv: "csv",
  docx: "docx",
  epub: "epub",
  htm: "html",
  html: "html",
  json: "json",
  jsonl: "jsonl",
  log: "txt",
  markdown: "md",
  md: "md",
  ndjson: "jsonl",
  pdf: "pdf",
  text: "txt",
  tsv: "tsv",
  txt: "txt",
  xhtml: "html",
};

const BY_CONTENT_TYPE: Readonly<Record<string, Format>> = {
  "application/epub+zip": "epub",
  "application/json": "json",
  "application/jsonl": "jsonl",
  "application/pdf": "pdf",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
  "application/x-ndjson": "jsonl",
  "application/xhtml+xml": "html",
  "text/csv": "csv",
  "text/html": "html",
  "text/markdown": "md",
  "text/tab-separated-values": "tsv",
};

/** Types that servers give to anything: the name in the address says more. */
const VAGUE_TYPES: ReadonlySet<string> = new Set(["", "application/octet-stream", "binary/octet-stream", "text/plain"]);

/** What the file chooser offers: `.csv`, `.docx`, … */
export const IMPORT_EXTENSIONS: readonly string[] = Object.keys(BY_EXTENSION).map((extension) => `.${extension}`);

/** By the end of its name; `null` where that says nothing. */
export function formatOfName(name: string): Format | null {
  const extension = /\.([a-z]+)$/i.exec(name)?.[1]?.toLowerCase() ?? "";
  return Object.hasOwn(BY_EXTENSION, extension) ? (BY_EXTENSION[extension] ?? null) : null;
}

/**
 * By an answer's content type, or by the address where the type is vague.
 *
 * @param contentType - With or without parameters, as in the header.
 * @param pathname - Of the address, without its query.
 */
export function formatOfAnswer(contentType: string, pathname: string): Format | null {
  const essence = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (Object.hasOwn(BY_CONTENT_TYPE, essence)) return BY_CONTENT_TYPE[essence] ?? null;
  if (!VAGUE_TYPES.has(essence)) return null;
  return formatOfName(pathname) ?? (essence === "text/plain" ? "txt" : null);
}
