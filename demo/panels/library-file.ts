/** @file The library as a file of its own: told from other files, named, handed to the visitor. */
import type { Collected } from "../import/collect.ts";

/** What a file that the search index has exported begins with. */
const MAGIC = "STRATAIX";

/** Whether it is a library that was saved, whatever it is called. */
export async function isLibraryFile(file: Blob): Promise<boolean> {
  try {
    return (await file.slice(0, MAGIC.length).text()) === MAGIC;
  } catch {
    // The importer says why it cannot be read.
    return false;
  }
}

/** Saved libraries among what was brought, and the rest. */
export async function splitLibraries(
  collected: Collected,
): Promise<{ readonly libraries: readonly Blob[]; readonly rest: Collected }> {
  const libraries: Blob[] = [];
  const sources = [];
  for (const source of collected.sources) {
    if (source.kind === "file" && (await isLibraryFile(source.file))) libraries.push(source.file);
    else sources.push(source);
  }
  return { libraries, rest: { ...collected, sources } };
}

/** `"library-2025-03-04.strata-index"`. */
export function libraryFileName(date: Date): string {
  return `library-${date.toISOString().slice(0, 10)}.strata-index`;
}

/** As if it had been downloaded. */
export function handOver(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // The browser has taken hold of it by the next task.
  setTimeout(() => URL.revokeObjectURL(link.href));
}
