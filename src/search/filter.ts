/** @file A search's filter → a test of one document. Pure. */
import { EmbedError } from "../errors.ts";
import type { FieldFilter, Metadata, MetadataValue, SearchFilter } from "../search-types.ts";
import { isMetadataValue, isRecord, nameOf } from "./untyped.ts";

/** What a filter looks at. */
interface Filtered {
  readonly id: string;
  readonly metadata: Metadata;
}

type Accepts = (value: MetadataValue) => boolean;

const FILTER_KEYS = ["documentIds", "metadata"];
const RANGE_KEYS = ["gte", "lte"];

/**
 * @returns Whether a document is all that the filter names; an empty list lets nothing through.
 * @throws {EmbedError} `invalid-input` with `details.field` for what is no filter, such as an unknown key, a bound that
 *   is NaN, or a value that is neither string, number nor boolean.
 */
export function compileFilter(filter: SearchFilter): (document: Filtered) => boolean {
  checkKeys(filter, FILTER_KEYS, "filter");
  const ids = compileIds(filter.documentIds);
  const fields = compileFields(filter.metadata);
  return ({ id, metadata }) => (ids?.has(id) ?? true) && fields.every((accepts) => accepts(metadata));
}

function compileIds(ids: unknown): ReadonlySet<string> | null {
  if (ids === undefined) return null;
  if (Array.isArray(ids) && ids.every((id) => typeof id === "string")) return new Set(ids);
  throw refused("documentIds", "is not a list of strings", ids);
}

function compileFields(metadata: unknown): ((metadata: Metadata) => boolean)[] {
  if (metadata === undefined) return [];
  if (!isRecord(metadata)) throw refused("metadata", "is not an object", metadata);
  return Object.entries(metadata).map(([name, wanted]) => {
    const accepts = compileField(wanted as FieldFilter, `metadata.${name}`);
    // Of its own: "constructor" is no field of a document that has none.
    return (metadata) => Object.hasOwn(metadata, name) && accepts(metadata[name]!);
  });
}

function compileField(wanted: FieldFilter, field: string): Accepts {
  if (isMetadataValue(wanted)) return (value) => value === wanted;
  if (Array.isArray(wanted)) {
    const values = Array.from(wanted as readonly unknown[], (value) => {
      if (isMetadataValue(value)) return value;
      throw refused(field, "lists what is neither string, finite number nor boolean", value);
    });
    const set = new Set<unknown>(values);
    return (value) => set.has(value);
  }
  return compileRange(wanted, field);
}

function compileRange(range: unknown, field: string): Accepts {
  checkKeys(range, RANGE_KEYS, field);
  const { gte = -Infinity, lte = Infinity } = range;
  for (const bound of [gte, lte]) {
    if (typeof bound !== "number" || Number.isNaN(bound)) throw refused(field, "has a bound that is no number", bound);
  }
  return (value) => typeof value === "number" && value >= (gte as number) && value <= (lte as number);
}

function checkKeys(value: unknown, known: readonly string[], field: string): asserts value is Record<string, unknown> {
  if (!isRecord(value)) throw refused(field, "is not of a known form", value);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw refused(field, `has a key that is not one of ${known.join(", ")}`, unknown);
}

function refused(field: string, fault: string, value: unknown): EmbedError {
  return new EmbedError("invalid-input", `filter: ${field} ${fault}: ${nameOf(value)}`, { details: { field } });
}
