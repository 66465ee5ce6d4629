/** @file Maps from Chinese, Japanese and Korean encodings to Unicode, for PDF files that name them instead of bringing their own. */

/** Addresses by path: 1.7 MB together, of which a file needs one or two. */
const MAPS: Readonly<Record<string, string>> = import.meta.glob("/node_modules/pdfjs-dist/cmaps/*.bcmap", {
  query: "?url&no-inline",
  import: "default",
  eager: true,
});

/**
 * @param filename - With its extension.
 * @throws {Error} When there is no such map or it cannot be loaded.
 */
export async function loadCharacterMap(filename: string): Promise<Uint8Array> {
  const url = MAPS[`/node_modules/pdfjs-dist/cmaps/${filename}`];
  if (url === undefined) throw new Error(`there is no character map ${filename}`);
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}
