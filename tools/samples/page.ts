/** @file The page in which sample libraries are embedded: it hands the index over as a download. */
import { createEmbedder, createSearchIndex, type SearchDocument } from "../../src/index.ts";

/** What is known once an index is built. */
export interface BuiltIndex {
  readonly documents: number;
  readonly passages: number;
  readonly space: string;
}

declare global {
  var buildIndex: (documents: readonly SearchDocument[], fileName: string) => Promise<BuiltIndex>;
}

/** On the CPU, so that every machine makes the same vectors. */
globalThis.buildIndex = async (documents, fileName) => {
  using embedder = await createEmbedder({ model: "/models/nano-q4/", device: "wasm" });
  using index = await createSearchIndex({ embedder, stored: "float16" });
  await index.add(documents, { onProgress: ({ donePassages }) => void (document.title = String(donePassages)) });
  const { documents: kept, passages, vectors, space } = index.status;
  if (vectors !== passages || space === null) throw new Error(`${vectors} of ${passages} passages have a vector`);
  download(await index.export(), fileName);
  return { documents: kept, passages, space };
};

function download(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
}
