/** @file How documents are split: what can be chosen, what was chosen last, and the library that goes with it. Pure but for localStorage. */
import type { PassageOptions } from "../../src/index.ts";

/** Both in tokens. */
export type PassageChoice = Required<PassageOptions>;

/** As the library of functions splits by itself. */
export const DEFAULT_PASSAGES: PassageChoice = { maxTokens: 256, overlapTokens: 32 };

/** From a few sentences to a chapter's part; `Infinity`: one vector for each document. */
export const PASSAGE_SIZES: readonly number[] = [128, 256, 512, 1024, Infinity];

export const OVERLAPS: readonly number[] = [0, 16, 32, 64];

const PASSAGES = "strata-demo:passages";
/** JSON has no `Infinity`. */
const WHOLE = "whole";

type Memory = Pick<Storage, "getItem" | "setItem">;

/** The last choice; what is not understood is taken for the default. */
export function recallPassages(memory: Memory | null): PassageChoice {
  try {
    const [size, overlap] = (memory?.getItem(PASSAGES) ?? "").split("/");
    const maxTokens = PASSAGE_SIZES.find((known) => sizeKey(known) === size);
    const overlapTokens = OVERLAPS.find((known) => String(known) === overlap);
    return maxTokens === undefined || overlapTokens === undefined ? DEFAULT_PASSAGES : { maxTokens, overlapTokens };
  } catch {
    // Storage is forbidden.
    return DEFAULT_PASSAGES;
  }
}

export function rememberPassages({ maxTokens, overlapTokens }: PassageChoice, memory: Memory | null): void {
  try {
    memory?.setItem(PASSAGES, `${sizeKey(maxTokens)}/${overlapTokens}`);
  } catch {
    // Storage is full or forbidden: the next visit splits by default.
  }
}

/**
 * An index keeps to how it was made, so each way of splitting has one of its own.
 *
 * @param name - Of the library that is split by default.
 */
export function libraryNameFor(name: string, { maxTokens, overlapTokens }: PassageChoice): string {
  const isDefault = maxTokens === DEFAULT_PASSAGES.maxTokens && overlapTokens === DEFAULT_PASSAGES.overlapTokens;
  return isDefault ? name : `${name}-${sizeKey(maxTokens)}-${overlapTokens}`;
}

function sizeKey(maxTokens: number): string {
  return maxTokens === Infinity ? WHOLE : String(maxTokens);
}
