/** @file What callers of the search index pass, checked before a worker is started. Pure; documents and queries are the worker's. */
import type { Embedder } from "./embedder.ts";
import { checkPositiveInteger } from "./embedder-input.ts";
import { EmbedError } from "./errors.ts";
import { checkPassageOptions } from "./search/document-input.ts";
import type { OpenIndexRequest, PassageOptions, SearchIndexStatus, ViewOptions } from "./search-types.ts";
import { describe, wrongType } from "./wrong-type.ts";

/** How an index is opened. */
export interface SearchIndexOptions {
  /** What embeds documents and queries; can be given later with `use`. @default none: words only */
  readonly embedder?: Embedder;
  /** Under which it is kept in this browser; letters, digits, `.`, `_` and `-`. `null`: in memory only. @default null */
  readonly name?: string | null;
  /** How documents are split; an index that is stored keeps what it was made with. */
  readonly passages?: PassageOptions;
  /**
   * Whose tokens the budget of a passage counts: the model's, which holds up the splitting while it is at work, or an
   * estimate that is seldom below them, and by a tenth at most.
   *
   * @default "estimate"
   */
  readonly countTokens?: "estimate" | "model";
  /** Of the stored vectors. Float16 halves the space; a cosine moves by under 1e-3. @default "float32" */
  readonly stored?: "float32" | "float16";
  /** What vectors look like in memory. @default all dimensions, float32 */
  readonly view?: ViewOptions;
  /** Called after each change of `status`. */
  readonly onStatus?: (status: SearchIndexStatus) => void;
  /** Longest wait for the worker's script to be fetched and run, in milliseconds. @default 30000 */
  readonly readyTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Names a folder and a database. */
const NAME = /^[\w.-]{1,64}$/;

/** What goes to the worker. @throws {EmbedError} `invalid-input` with the option and its value. */
export function checkIndexOptions(options: SearchIndexOptions): OpenIndexRequest {
  const { name = null, stored = "float32", view = {}, passages = {}, readyTimeoutMs, countTokens } = options;
  if (name !== null && !(typeof name === "string" && NAME.test(name))) {
    throw wrongType("name is not 1 to 64 letters, digits, dots, lines and dashes", name, {
      option: "name",
      value: name,
    });
  }
  if (readyTimeoutMs !== undefined) checkPositiveInteger("readyTimeoutMs", readyTimeoutMs);
  oneOf("stored", stored, ["float32", "float16"]);
  if (countTokens !== undefined) oneOf("countTokens", countTokens, ["estimate", "model"]);
  return { name, stored, view: checkView(view), passages: checkPassageOptions(passages) };
}

/** @throws {EmbedError} `invalid-input` with the option and its value. */
export function checkView({ dimensions, precision, rescore }: ViewOptions): ViewOptions {
  if (dimensions !== undefined) checkPositiveInteger("view.dimensions", dimensions);
  if (precision !== undefined) oneOf("view.precision", precision, ["float32", "float16", "int8", "binary"]);
  return {
    ...(dimensions !== undefined && { dimensions }),
    ...(precision !== undefined && { precision }),
    ...(rescore !== undefined && { rescore }),
  };
}

function oneOf(option: string, value: string, allowed: readonly string[]): void {
  if (allowed.includes(value)) return;
  throw new EmbedError("invalid-input", `${option} is ${describe(value)}, must be one of ${allowed.join(", ")}`, {
    details: { option, value },
  });
}
