/** @file What those who read and write whole indexes need of an engine. Types only. */
import type { NewVectors } from "../search-types.ts";
import type { Contents } from "./contents.ts";
import type { SplitDocument, VectorSpace } from "./ingest.ts";
import type { DocumentRecord, IndexRecord, Records } from "./store/records.ts";
import type { VectorStore } from "./store/vector-store.ts";

/** See `index-file.ts` and `index-import.ts`. */
export interface EngineInside {
  readonly records: Records;
  readonly contents: Contents;
  readonly store: VectorStore;
  index(): IndexRecord;
  change<T>(work: () => Promise<T>): Promise<T>;
  /** @returns How many passages have a vector: their own, or that of the same passage. */
  keep(split: readonly SplitDocument[], brought?: VectorSpace): Promise<number>;
  append(incoming: NewVectors): Promise<void>;
  documentOf(id: string): DocumentRecord | undefined;
}
