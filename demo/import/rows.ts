/** @file Rows of a table → title, text and filterable fields of each. Pure. */
import { cleanLine, cleanLines } from "./clean.ts";

export type Scalar = string | number | boolean;

/** A row's values by column; a column without a value may be left out. */
export type Row = ReadonlyMap<string, Scalar>;

export interface ReadRow {
  /** `null` where the row has none. */
  readonly title: string | null;
  readonly text: string;
  readonly metadata: Readonly<Record<string, Scalar>>;
  /** Its place among the rows, from 1. */
  readonly number: number;
}

/** Columns that name a row, the best first. */
const TITLE_COLUMNS = ["title", "name", "heading", "headline", "subject"];
/** Columns of prose: they are the text, without their names. */
const TEXT_COLUMNS: ReadonlySet<string> = new Set(
  "text body content contents abstract description summary passage paragraph question answer message note notes review comment".split(
    " ",
  ),
);
/** What a filter lists: longer values are prose. */
const MAX_FIELD_CHARACTERS = 100;
/** Of a row: more would crowd the page's filters; the rest is found in the text. */
const MAX_FIELDS = 24;
/** Numbers as they are written where they mean an amount: no leading zero, few enough digits to be exact. */
const AMOUNT = /^-?(?:0|[1-9]\d{0,11})(?:\.\d{1,6})?$/;

/** What each column is for. */
interface Columns {
  readonly title: string | null;
  readonly texts: readonly string[];
  /** In `column: value` lines. */
  readonly listed: readonly string[];
  /** Those that filters go by, and whether all their values are amounts. */
  readonly fields: ReadonlyMap<string, { readonly amounts: boolean }>;
}

/** Rows without text and title are left out; the others keep their number. */
export function readRows(rows: readonly Row[]): ReadRow[] {
  const columns = assignColumns(rows);
  return rows.flatMap((row, index) => {
    const title = columns.title === null ? "" : cleanLine(String(row.get(columns.title) ?? ""));
    const text = rowText(row, columns) || title;
    if (text === "") return [];
    return [{ title: title || null, text, metadata: rowFields(row, columns), number: index + 1 }];
  });
}

function assignColumns(rows: readonly Row[]): Columns {
  const names = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  const plain = (name: string): string => name.trim().toLowerCase();
  const title = TITLE_COLUMNS.map((wanted) => names.find((name) => plain(name) === wanted)).find(Boolean) ?? null;
  const texts = names.filter((name) => TEXT_COLUMNS.has(plain(name)));
  const others = names.filter((name) => name !== title && !texts.includes(name));
  const short = others.filter((name) => rows.every((row) => isShort(row.get(name)))).slice(0, MAX_FIELDS);
  return {
    title,
    texts,
    listed: texts.length === 0 ? others : others.filter((name) => !short.includes(name)),
    fields: new Map(short.map((name) => [name, { amounts: rows.every((row) => isAmount(row.get(name))) }])),
  };
}

function isShort(value: Scalar | undefined): boolean {
  return typeof value !== "string" || value.length <= MAX_FIELD_CHARACTERS;
}

function isAmount(value: Scalar | undefined): boolean {
  if (typeof value !== "string") return typeof value !== "boolean";
  return value.trim() === "" || AMOUNT.test(value.trim());
}

function rowText(row: Row, { texts, listed }: Columns): string {
  const prose = texts.map((name) => cleanLines(String(row.get(name) ?? "")));
  const lines = listed
    .map((name) => [cleanLine(name), cleanLine(String(row.get(name) ?? ""))] as const)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}: ${value}`);
  return [...prose, lines.join("\n")].filter((part) => part !== "").join("\n\n");
}

function rowFields(row: Row, { fields }: Columns): Record<string, Scalar> {
  const entries: [string, Scalar][] = [];
  for (const [name, { amounts }] of fields) {
    const value = row.get(name);
    const cleaned = typeof value === "string" ? cleanLine(value) : value;
    if (cleaned === undefined || cleaned === "") continue;
    entries.push([cleanLine(name), amounts ? Number(cleaned) : cleaned]);
  }
  return Object.fromEntries(entries);
}
