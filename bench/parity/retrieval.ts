/** @file Retrieval with vectors of any form: every passage is scored for every query. Pure. */
import { normalize } from "../../src/pool/normalize.ts";
import { truncate } from "../../src/pool/matryoshka.ts";
import { quantizeBinary, quantizeInt8 } from "../../src/pool/quantize.ts";
import type { Collection, LabelledQuery, QuerySetName } from "./labelled.ts";
import { meanQuality, rateRanking } from "./ndcg.ts";
import type { RetrievalRow, VectorForm } from "./parity-result.ts";

/** Smaller forms that the library offers, searched with vectors of the default cell. */
export const SMALLER_FORMS: readonly VectorForm[] = [
  { output: "float32", dimensions: 128 },
  { output: "float32", dimensions: 64 },
  { output: "float32", dimensions: 32 },
  { output: "int8", dimensions: 256 },
  { output: "binary", dimensions: 256 },
];

/** Of a collection; rows in its order. */
export interface CollectionVectors {
  /** `[H]` each. */
  readonly passages: readonly (Float32Array | Float64Array)[];
  readonly queries: Readonly<Partial<Record<QuerySetName, readonly (Float32Array | Float64Array)[]>>>;
}

/** @param form - As the vectors are, or smaller: then they are made so by the library's own pooling code. */
export function rateRetrieval(collection: Collection, vectors: CollectionVectors, form: VectorForm): RetrievalRow[] {
  const shape = (rows: readonly (Float32Array | Float64Array)[]): Row[] => shaped(rows, form);
  const passages = shape(vectors.passages);
  return Object.entries(collection.sets).map(([name, queries]) => {
    const set = name as QuerySetName;
    const rows = shape(vectors.queries[set]!);
    return {
      vectors: form,
      collection: collection.size,
      passages: passages.length,
      set,
      queries: queries.length,
      ...meanQuality(rows.map((row, i) => rateQuery(row, passages, queries[i]!))),
    };
  });
}

/** Components whose product sum is the score: codes of one row differ from its vector by a factor, set right here. */
type Row = Float64Array;

function rateQuery(query: Row, passages: readonly Row[], { grades }: LabelledQuery) {
  const scores = Float64Array.from(passages, (passage) =>
    query.reduce((sum, component, i) => sum + component * passage[i]!, 0),
  );
  return rateRanking(scores, grades);
}

function shaped(vectors: readonly (Float32Array | Float64Array)[], { output, dimensions }: VectorForm): Row[] {
  if (output === "float64") return vectors.map((vector) => Float64Array.from(vector));
  const width = vectors[0]?.length ?? 0;
  const flat = new Float32Array(vectors.length * width);
  vectors.forEach((vector, i) => flat.set(vector, i * width));
  const rows = dimensions < width ? normalize(truncate(flat, width, dimensions), dimensions) : flat;
  if (output === "float32") return split(rows, dimensions);
  if (output === "int8") return int8Rows(rows, dimensions);
  return binaryRows(rows, dimensions);
}

/** Cosine of what the codes stand for: code · scale, of length 1 again. */
function int8Rows(rows: Float32Array, dimensions: number): Row[] {
  return split(quantizeInt8(rows, dimensions).codes, dimensions).map((codes) => {
    const length = Math.sqrt(codes.reduce((sum, code) => sum + code * code, 0));
    return codes.map((code) => code / length);
  });
}

/** Bits as −1 and 1: their product sum is the dimensions less twice the Hamming distance. */
function binaryRows(rows: Float32Array, dimensions: number): Row[] {
  const bytes = Math.ceil(dimensions / 8);
  const all = quantizeBinary(rows, dimensions);
  return Array.from({ length: rows.length / dimensions }, (_, row) =>
    Float64Array.from({ length: dimensions }, (_, i) => {
      const bit = (all[row * bytes + (i >> 3)]! >> (7 - (i & 7))) & 1;
      return 2 * bit - 1;
    }),
  );
}

function split(flat: Float32Array | Int8Array, dimensions: number): Row[] {
  return Array.from({ length: flat.length / dimensions }, (_, row) =>
    Float64Array.from(flat.subarray(row * dimensions, (row + 1) * dimensions)),
  );
}
