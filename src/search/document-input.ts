/** @file What callers of the search index pass, checked before anything is done with it. Pure. */
import { EmbedError } from "../errors.ts";
import type {
  Heading,
  Metadata,
  PassageOptions,
  SearchDocument,
  SearchFilter,
  SearchMode,
  SearchRequest,
} from "../search-types.ts";
import { compileFilter } from "./filter.ts";
import { isMetadataValue, isRecord, nameOf } from "./untyped.ts";

/** Long enough for any URL in use; ids are keys of the store, read and compared with every search. */
const MAX_ID_LENGTH = 1024;
/** Under this, a passage says nothing. */
const MIN_PASSAGE_TOKENS = 16;
const DEFAULT_PASSAGES: Required<PassageOptions> = { maxTokens: 256, overlapTokens: 32 };
const MODES: readonly SearchMode[] = ["semantic", "lexical", "hybrid"];
const DEFAULT_TOP_K = 10;

/** A request with every default in its place; `filter` is `null` where everything is searched. */
export type CheckedRequest = Required<Omit<SearchRequest, "filter">> & { readonly filter: SearchFilter | null };

/**
 * @returns Copies with the known fields alone: objects of a reactive framework are proxies, which cannot be sent.
 * @throws {EmbedError} `invalid-input` with `details.index` and `details.field`.
 */
export function checkDocuments(documents: unknown): readonly SearchDocument[] {
  if (!Array.isArray(documents)) throw refused("documents are not an array", documents, {});
  const seen = new Set<string>();
  return Array.from(documents as readonly unknown[], (document, index) => {
    const checked = checkDocument(document, index);
    if (seen.has(checked.id))
      throw refused(`document ${index}: an earlier one has the same id`, checked.id, { index, field: "id" });
    seen.add(checked.id);
    return checked;
  });
}

/**
 * @param options - `undefined`: the defaults.
 * @throws {EmbedError} `invalid-input` with `details.field`.
 */
export function checkPassageOptions(options: unknown): Required<PassageOptions> {
  if (options === undefined) return DEFAULT_PASSAGES;
  if (!isRecord(options)) throw refused("passages is not an object", options, { field: "passages" });
  const { maxTokens = DEFAULT_PASSAGES.maxTokens } = options;
  if (maxTokens !== Infinity && !isWhole(maxTokens, MIN_PASSAGE_TOKENS)) {
    throw refused(`maxTokens is not an integer ≥ ${MIN_PASSAGE_TOKENS} or Infinity`, maxTokens, { field: "maxTokens" });
  }
  // Where only a small budget was asked for, the overlap that goes with the usual one would fill it.
  const usual = Math.min(DEFAULT_PASSAGES.overlapTokens, Math.floor((maxTokens as number) / 4));
  const { overlapTokens = usual } = options;
  if (!isWhole(overlapTokens, 0) || (overlapTokens as number) >= (maxTokens as number)) {
    throw refused("overlapTokens is not an integer from 0 to under maxTokens", overlapTokens, {
      field: "overlapTokens",
    });
  }
  return { maxTokens: maxTokens as number, overlapTokens: overlapTokens as number };
}

/**
 * @param request - `undefined`: the defaults. Fields that are not of a request are left out.
 * @throws {EmbedError} `invalid-input` with `details.field`.
 */
export function checkSearchRequest(request: unknown): CheckedRequest {
  if (request !== undefined && !isRecord(request)) throw refused("search options are not an object", request, {});
  const { topK = DEFAULT_TOP_K, mode = "hybrid", filter, perDocument = Infinity } = request ?? {};
  if (!isWhole(topK, 1)) throw refused("topK is not an integer ≥ 1", topK, { field: "topK" });
  if (!MODES.some((known) => known === mode)) {
    throw refused(`mode is not one of ${MODES.join(", ")}`, mode, { field: "mode" });
  }
  if (perDocument !== Infinity && !isWhole(perDocument, 1)) {
    throw refused("perDocument is not an integer ≥ 1 or Infinity", perDocument, { field: "perDocument" });
  }
  if (filter !== undefined && filter !== null) compileFilter(filter as SearchFilter);
  return {
    topK: topK as number,
    mode: mode as SearchMode,
    perDocument: perDocument as number,
    filter: (filter as SearchFilter | undefined) ?? null,
  };
}

function checkDocument(document: unknown, index: number): SearchDocument {
  const fail = (field: string, fault: string, value: unknown): EmbedError =>
    refused(`document ${index}: ${fault}`, value, { index, field });
  if (!isRecord(document)) throw refused(`document ${index} is not an object`, document, { index });
  const { id, text, title, headings, format, metadata } = document;
  if (typeof id !== "string" || id === "") throw fail("id", "id is not a text of one character or more", id);
  if (id.length > MAX_ID_LENGTH) throw fail("id", `id has more than ${MAX_ID_LENGTH} characters`, id);
  if (typeof text !== "string") throw fail("text", "text is not a string", text);
  if (title !== undefined && typeof title !== "string") throw fail("title", "title is not a string", title);
  if (format !== undefined && format !== "plain" && format !== "markdown") {
    throw fail("format", "format is neither plain nor markdown", format);
  }
  return {
    id,
    text,
    ...(title !== undefined && { title }),
    ...(headings !== undefined && { headings: checkHeadings(headings, text.length, fail) }),
    ...(format !== undefined && { format }),
    ...(metadata !== undefined && { metadata: checkMetadata(metadata, fail) }),
  };
}

type Fail = (field: string, fault: string, value: unknown) => EmbedError;

function checkHeadings(headings: unknown, length: number, fail: Fail): Heading[] {
  if (!Array.isArray(headings)) throw fail("headings", "headings are not an array", headings);
  let from = 0;
  return Array.from(headings as readonly unknown[], (heading, index) => {
    if (!isRecord(heading)) throw fail("headings", `heading ${index} is not an object`, heading);
    const { start, end, level } = heading;
    if (!isWhole(start, from) || !isWhole(end, start) || end > length) {
      throw fail(
        "headings",
        `heading ${index} is not within the text and after the one before`,
        `${String(start)}–${String(end)}`,
      );
    }
    if (!isWhole(level, 1)) throw fail("headings", `heading ${index} has a level that is not an integer ≥ 1`, level);
    from = end;
    return { start, end, level };
  });
}

function checkMetadata(metadata: unknown, fail: Fail): Metadata {
  if (!isRecord(metadata)) throw fail("metadata", "metadata is not an object", metadata);
  const entries = Object.entries(metadata).map(([name, value]) => {
    if (isMetadataValue(value)) return [name, value] as const;
    throw fail(`metadata.${name}`, `metadata.${name} is neither string, finite number nor boolean`, value);
  });
  return Object.fromEntries(entries);
}

function isWhole(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function refused(fault: string, value: unknown, details: { index?: number; field?: string }): EmbedError {
  return new EmbedError("invalid-input", `${fault}: ${nameOf(value)}`, { details });
}
