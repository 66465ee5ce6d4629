/** @file Files out of a zip archive, never more of them than the limit. */
import { importStrings } from "../import-strings.ts";
import { MAX_UNPACKED_BYTES } from "./limits.ts";
import { Refusal } from "./outcome.ts";

/** Largest count of files in an archive that is opened: books have hundreds. */
const MAX_ARCHIVE_FILES = 20_000;

/**
 * @param wanted - Which files, by path.
 * @returns Contents by path.
 * @throws {Refusal} `too-large` by what the archive says of its files; one that holds more than it says is cut by the
 *   inflater, so that it is `damaged`. `damaged` too where it is no archive.
 */
export async function unpack(
  bytes: Uint8Array,
  wanted: (path: string) => boolean,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { unzipSync } = await import("fflate");
  let total = 0;
  let files = 0;
  const filter = ({ name, originalSize, size, compression }: ArchiveEntry): boolean => {
    if (++files > MAX_ARCHIVE_FILES) throw new Refusal("too-large", importStrings.details.unpacksTooLarge);
    if (!wanted(name)) return false;
    total += compression === 0 ? size : originalSize;
    if (total > MAX_UNPACKED_BYTES) throw new Refusal("too-large", importStrings.details.unpacksTooLarge);
    return true;
  };
  try {
    return new Map(Object.entries(unzipSync(bytes, { filter })));
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal("damaged", importStrings.details.damagedZip, { cause: error });
  }
}

/** What the archive says of a file. */
interface ArchiveEntry {
  readonly name: string;
  readonly size: number;
  readonly originalSize: number;
  readonly compression: number;
}
