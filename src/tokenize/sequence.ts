/** @file Ids → a sequence that ends with the end token and keeps to the limit. Pure. */
import { EmbedError } from "../errors.ts";
import type { Overflow, Sequence } from "../types.ts";

export interface SequenceOptions {
  /** Appended; the token whose state is pooled. */
  readonly endTokenId: number;
  /** With the end token. */
  readonly maxTokens: number;
  /** @default "error" */
  readonly overflow?: Overflow;
  /** Row of the request, for error messages. @default 0 */
  readonly index?: number;
}

export interface IdOptions extends SequenceOptions {
  readonly vocabSize: number;
}

/** The error of a text that is too long; `tokens` with the end token. */
export function tooLong(tokens: number, options: SequenceOptions & { readonly atLeast?: boolean }): EmbedError {
  const { maxTokens: limit, index = 0, atLeast = false } = options;
  return new EmbedError(
    "invalid-input",
    `text ${index} has ${atLeast ? "over " : ""}${tokens} tokens, limit ${limit}`,
    {
      details: { index, tokens, limit },
    },
  );
}

/**
 * Appends the end token; where there are too many ids, it takes the place of the last that fits.
 *
 * @param content - Ids without the end token.
 * @throws {EmbedError} `invalid-input` with index, tokens and limit, under `overflow: "error"`.
 */
export function endSequence(content: readonly number[], options: SequenceOptions): Sequence {
  const { endTokenId, maxTokens, overflow = "error" } = options;
  const truncated = content.length + 1 > maxTokens;
  if (truncated && overflow !== "truncate") throw tooLong(content.length + 1, options);
  const kept = truncated ? content.slice(0, maxTokens - 1) : content;
  const inputIds = new Int32Array(kept.length + 1);
  inputIds.set(kept);
  inputIds[kept.length] = endTokenId;
  return { inputIds, truncated };
}

/**
 * A sequence from a caller's token ids; the end token is appended when it is missing.
 *
 * @throws {EmbedError} `invalid-input` for what is no array of ids of the vocabulary, or too long (as texts are).
 */
export function sequenceFromIds(ids: readonly number[], options: IdOptions): Sequence {
  const { vocabSize, endTokenId, index = 0 } = options;
  if (!Array.isArray(ids)) throw wrongType(ids, "an array of token ids", index);
  for (let position = 0; position < ids.length; position++) {
    const id: unknown = ids[position];
    if (Number.isInteger(id) && (id as number) >= 0 && (id as number) < vocabSize) continue;
    throw new EmbedError(
      "invalid-input",
      `text ${index}: ${String(id)} at position ${position} is no token id (an integer from 0 to ${vocabSize - 1})`,
      { details: { index, position, id: String(id), vocabSize } },
    );
  }
  return endSequence(ids.at(-1) === endTokenId ? ids.slice(0, -1) : ids, options);
}

/** The error of a value of the wrong type. */
export function wrongType(value: unknown, expected: string, index: number): EmbedError {
  const type = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  return new EmbedError("invalid-input", `text ${index} is of type ${type}, not ${expected}`, {
    details: { index, type },
  });
}
