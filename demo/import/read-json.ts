/** @file JSON and JSON Lines → rows. */
import { importStrings } from "../import-strings.ts";
import { decodeText } from "./decode.ts";
import { MAX_DOCUMENTS } from "./limits.ts";
import { Refusal } from "./outcome.ts";
import { readRows } from "./rows.ts";
import type { ReadRow, Row, Scalar } from "./rows.ts";

const { details } = importStrings;

/** Deeper values become JSON text: filters and readers have no use for names of more parts. */
const MAX_DEPTH = 4;

/**
 * One document a line; blank lines are passed over.
 *
 * @throws {Refusal} `damaged` with the number of the line that is no JSON; `too-many-documents`.
 */
export function readJsonLines(bytes: Uint8Array, charset: string | null): ReadRow[] {
  const values: unknown[] = [];
  for (const [index, line] of decodeText(bytes, charset)
    .split(/\r\n?|\n/)
    .entries()) {
    if (line.trim() === "") continue;
    values.push(parse(line, details.damagedJsonLine(index + 1)));
    if (values.length > MAX_DOCUMENTS) throw new Refusal("too-many-documents", details.tooManyDocuments);
  }
  return readRows(values.map(toRow));
}

/**
 * A list with one document an entry, by itself or as the only list of an object; else one document.
 *
 * @throws {Refusal} `damaged`, `too-many-documents`.
 */
export function readJson(bytes: Uint8Array, charset: string | null): ReadRow[] {
  const values = entries(parse(decodeText(bytes, charset), details.damagedJson));
  if (values.length > MAX_DOCUMENTS) throw new Refusal("too-many-documents", details.tooManyDocuments);
  return readRows(values.map(toRow));
}

function parse(json: string, detail: string): unknown {
  if (json.trim() === "") return [];
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    throw new Refusal("damaged", detail, { cause: error });
  }
}

function entries(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== "object" || value === null) return [value];
  const lists = Object.values(value).filter((field) => Array.isArray(field) && typeof field[0] === "object");
  const [only] = lists;
  return lists.length === 1 && Array.isArray(only) ? only : [value];
}

/** An object's fields; anything else is the text. */
function toRow(value: unknown): Row {
  const row = new Map<string, Scalar>();
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    addFields(row, value, { prefix: "", depth: 1 });
  else addField(row, "text", value);
  return row;
}

interface Place {
  /** Names of the objects around, each with a dot. */
  readonly prefix: string;
  readonly depth: number;
}

function addFields(row: Map<string, Scalar>, fields: object, { prefix, depth }: Place): void {
  for (const [name, value] of Object.entries(fields) as [string, unknown][]) {
    const nested = typeof value === "object" && value !== null && !Array.isArray(value) && depth < MAX_DEPTH;
    if (nested) addFields(row, value, { prefix: `${prefix}${name}.`, depth: depth + 1 });
    else addField(row, prefix + name, value);
  }
}

function addField(row: Map<string, Scalar>, name: string, value: unknown): void {
  if (typeof value === "string" || typeof value === "boolean") row.set(name, value);
  else if (typeof value === "number") row.set(name, value);
  else if (Array.isArray(value) && value.every((entry) => typeof entry !== "object")) row.set(name, value.join(", "));
  else if (value !== null && value !== undefined) row.set(name, JSON.stringify(value));
}
