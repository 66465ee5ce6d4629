/** @file Takes a stored index out of the browser's storage. */
import { EmbedError } from "../../errors.ts";
import { removeDatabase } from "./database-records.ts";
import { holdWriteLock } from "./lock.ts";
import { removeStoredFiles } from "./segment-files.ts";

/**
 * Removes everything that is stored under a name; nothing happens when nothing is.
 *
 * @throws {EmbedError} `storage-busy` while the index is open, here or in another tab.
 */
export async function deleteSearchIndex(name: string): Promise<void> {
  const release = await holdWriteLock(name);
  if (release === null) {
    throw new EmbedError("storage-busy", `index ${name} is open, here or in another tab`, { details: { index: name } });
  }
  try {
    // Vectors first: what is left when this is cut off is an index that embeds anew.
    await removeStoredFiles(name);
    await removeDatabase(name);
  } finally {
    release();
  }
}
