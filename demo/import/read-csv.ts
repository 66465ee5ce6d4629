/** @file Tables of text, with commas, semicolons or tabs → rows. */
import { importStrings } from "../import-strings.ts";
import { decodeText } from "./decode.ts";
import { MAX_DOCUMENTS } from "./limits.ts";
import { Refusal } from "./outcome.ts";
import { readRows } from "./rows.ts";
import type { ReadRow, Row } from "./rows.ts";

/**
 * The first row names the columns.
 *
 * @param delimiter - Between values; `""`: the one that fits.
 * @throws {Refusal} `damaged` where a quote is never closed, since rows would be lost in it; `too-many-documents`.
 */
export async function readCsv(
  bytes: Uint8Array,
  { charset, delimiter }: { readonly charset: string | null; readonly delimiter: "" | "\t" },
): Promise<ReadRow[]> {
  const { default: papa } = await import("papaparse");
  const { data, errors } = papa.parse<string[]>(decodeText(bytes, charset), {
    delimiter,
    skipEmptyLines: "greedy",
    // One more than may be, and the names.
    preview: MAX_DOCUMENTS + 2,
  });
  const open = errors.find(({ code }) => code === "MissingQuotes");
  if (open) throw new Refusal("damaged", importStrings.details.damagedQuotes((open.row ?? 0) + 1));
  const [header = [], ...rows] = data;
  if (rows.length > MAX_DOCUMENTS) throw new Refusal("too-many-documents", importStrings.details.tooManyDocuments);
  const widest = rows.reduce((most, row) => Math.max(most, row.length), header.length);
  const names = nameColumns(header, widest);
  return readRows(rows.map((row): Row => new Map(row.map((value, index) => [names[index] ?? "", value]))));
}

/** One name for each column, all of them different. */
function nameColumns(header: readonly string[], width: number): string[] {
  const names: string[] = [];
  const taken = new Set<string>();
  for (let index = 0; index < width; index++) {
    const name = header[index]?.trim() || `column ${index + 1}`;
    let unique = name;
    for (let copy = 2; taken.has(unique); copy++) unique = `${name} (${copy})`;
    taken.add(unique);
    names.push(unique);
  }
  return names;
}
