/** @file The written passages of the sample library "general" as documents. Pure. */
import type { SearchDocument } from "../../src/search-types.ts";

interface PassagesFile {
  readonly passages: readonly {
    readonly id: string;
    readonly title: string;
    readonly subject: string;
    readonly text: string;
  }[];
}

/**
 * One document for each passage.
 *
 * @param json - Of `public/samples/passages.json`.
 * @param library - Into `metadata.library`.
 */
export function passageDocuments(json: string, library: string): SearchDocument[] {
  const { passages } = JSON.parse(json) as PassagesFile;
  return passages.map(({ id, title, subject, text }) => ({
    id: `general/${id}`,
    title,
    text,
    metadata: { library, subject },
  }));
}
