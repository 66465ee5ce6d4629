/** @file Documents in parts small enough that a page takes each in without a stutter. Pure. */
import type { SearchDocument } from "../../src/index.ts";

/** A part of that size is cloned in a few milliseconds. */
const MAX_PART_CHARACTERS = 2 ** 20;
const MAX_PART_DOCUMENTS = 250;

/** At least one document a part, in their order. */
export function* inParts(documents: readonly SearchDocument[]): Generator<readonly SearchDocument[]> {
  let part: SearchDocument[] = [];
  let characters = 0;
  for (const document of documents) {
    const full = part.length === MAX_PART_DOCUMENTS || characters + document.text.length > MAX_PART_CHARACTERS;
    if (full && part.length > 0) {
      yield part;
      part = [];
      characters = 0;
    }
    part.push(document);
    characters += document.text.length;
  }
  if (part.length > 0) yield part;
}
