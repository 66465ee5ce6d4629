/** @file What every cell embeds, made once: the texts with their references, and the collections to search. Node only. */
import type { TextTokenizer } from "../../src/tokenize/tokenizer.ts";
import { smallCollection, wholeCollection, type Collection, type QuerySetName } from "./labelled.ts";
import type { RetrievalRow, TextSummary, VectorForm } from "./parity-result.ts";
import { rateRetrieval } from "./retrieval.ts";
import type { TextKind, ParityText } from "./texts.ts";

/** A collection as token ids. */
export interface EncodedCollection {
  readonly collection: Collection;
  readonly passages: readonly Int32Array[];
  readonly queries: Readonly<Partial<Record<QuerySetName, readonly Int32Array[]>>>;
}

/** Queries get the pack's prompt. */
export async function encodeCollections(tokenizer: Pick<TextTokenizer, "encode">): Promise<EncodedCollection[]> {
  const collections: EncodedCollection[] = [];
  for (const collection of [wholeCollection(), smallCollection()]) {
    const passages: Int32Array[] = [];
    for (const { text } of collection.passages) passages.push((await tokenizer.encode(text)).inputIds);
    const queries: Partial<Record<QuerySetName, Int32Array[]>> = {};
    for (const [name, set] of Object.entries(collection.sets)) {
      const encoded: Int32Array[] = [];
      for (const { query } of set) encoded.push((await tokenizer.encode(query, { role: "query" })).inputIds);
      queries[name as QuerySetName] = encoded;
    }
    collections.push({ collection, passages, queries });
  }
  return collections;
}

/** Each sequence of the collections once: they share most of them. */
export function uniqueSequences(collections: readonly EncodedCollection[]): Int32Array[] {
  const all = collections.flatMap(({ passages, queries }) => [...passages, ...Object.values(queries).flat()]);
  return [...new Map(all.map((ids) => [ids.join(), ids])).values()];
}

/**
 * @param sequences - What `uniqueSequences` gave.
 * @param vectors - Of these, in the same order; `[H]` each.
 */
export function rateCollections(
  collections: readonly EncodedCollection[],
  embedded: { readonly sequences: readonly Int32Array[]; readonly vectors: readonly (Float32Array | Float64Array)[] },
  forms: readonly VectorForm[],
): RetrievalRow[] {
  const byIds = new Map(embedded.sequences.map((ids, i) => [ids.join(), embedded.vectors[i]!]));
  const vectorsOf = (sequences: readonly Int32Array[]) => sequences.map((ids) => byIds.get(ids.join())!);
  return collections.flatMap(({ collection, passages, queries }) => {
    const sets = Object.entries(queries).map(([name, encoded]) => [name, vectorsOf(encoded)]);
    const vectors = { passages: vectorsOf(passages), queries: Object.fromEntries(sets) as never };
    return forms.flatMap((form) => rateRetrieval(collection, vectors, form));
  });
}

export function summarize(texts: readonly ParityText[]): TextSummary {
  const lengths = texts.map(({ inputIds }) => inputIds.length).sort((a, b) => a - b);
  const kinds: Partial<Record<TextKind, number>> = {};
  for (const { kind } of texts) kinds[kind] = (kinds[kind] ?? 0) + 1;
  return {
    count: texts.length,
    tokens: lengths.reduce((sum, length) => sum + length, 0),
    least: lengths[0] ?? 0,
    median: lengths[lengths.length >> 1] ?? 0,
    most: lengths.at(-1) ?? 0,
    kinds,
  };
}
