/** @file A pack on disk as the files that `openPipeline` takes for a folder: read in ranges, never whole in memory. */
import { openAsBlob } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { MANIFEST } from "../../src/model/manifest-bytes.ts";
import type { PackManifest } from "../../src/pack.ts";

/**
 * @param folder - Of a pack.
 * @param manifest - Used instead of the folder's, over the same files (see `cutPack`). @default the folder's
 * @throws What reading throws; a file that is missing is found when it is opened here.
 */
export async function diskPack(folder: string, manifest?: PackManifest): Promise<File[]> {
  const text = manifest ? JSON.stringify(manifest) : await readFile(join(folder, MANIFEST), "utf8");
  const { files } = JSON.parse(text) as PackManifest;
  const onDisk = files.map(async ({ name }) => new File([await openAsBlob(join(folder, name))], name));
  return [new File([text], MANIFEST), ...(await Promise.all(onDisk))];
}
