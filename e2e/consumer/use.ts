/** @file Type-checked against the built library's declarations, as a consumer's code would be. */
import { createEmbedder, EmbedError, FlatIndex, type EmbeddingMatrix } from "strata-embed";

/** Uses the API so that a change of its types shows. */
export async function use(): Promise<Int8Array> {
  using embedder = await createEmbedder({ model: "models/nano-q4/", onProgress: ({ phase }) => phase });
  const vectors: EmbeddingMatrix = await embedder.embedDocuments(["a text"]);
  const index = new FlatIndex(vectors);
  index.add(vectors);
  const query: Float32Array = await embedder.embedQuery("a question");
  if (index.search(query).length === 0) throw new EmbedError("invalid-input", "nothing found");
  const small = await embedder.embed(["a text"], { output: "int8" });
  // @ts-expect-error The data of an int8 result are no floats.
  const floats: Float32Array = small.data;
  void floats;
  return small.data;
}
