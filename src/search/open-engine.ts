/** @file Opens an index: by name in the browser's storage, or in memory. */
import { EmbedError } from "../errors.ts";
import type { EngineHooks, OpenIndexRequest } from "../search-types.ts";
import { SearchEngine } from "./engine.ts";
import { estimateTokens } from "./estimate-tokens.ts";
import type { CountTokens } from "./passages.ts";
import { openDatabaseRecords } from "./store/database-records.ts";
import { holdWriteLock } from "./store/lock.ts";
import { MemoryRecords } from "./store/memory-records.ts";
import { STORE_FORMAT, type IndexRecord, type Records } from "./store/records.ts";
import { MemoryFiles, openStoredFiles, type SegmentFiles } from "./store/segment-files.ts";
import { VectorStore } from "./store/vector-store.ts";

/**
 * An index that another tab writes to is opened for reading.
 *
 * @throws {EmbedError} `storage-full`, `storage-busy`; `index-mismatch` for what a later version has stored.
 */
export async function openEngine(request: OpenIndexRequest, hooks: EngineHooks): Promise<SearchEngine> {
  const { name, view } = request;
  const release = name === null ? () => {} : await holdWriteLock(name);
  const readOnly = release === null;
  const [records, files] = await openStorage(name, readOnly);
  const index = await openIndexRecord(records, request, readOnly);
  const store = new VectorStore(records, files, { stored: index.stored, dimensions: index.dimensions });
  const countTokens: CountTokens = async (texts) => (await hooks.countTokens(texts)) ?? texts.map(estimateTokens);
  const { onStatus } = hooks;
  const engine = new SearchEngine({
    records,
    index,
    store,
    view,
    readOnly,
    countTokens,
    onStatus,
    release: release ?? (() => {}),
  });
  await engine.open();
  return engine;
}

async function openStorage(name: string | null, readOnly: boolean): Promise<[Records, SegmentFiles]> {
  if (name === null) return [new MemoryRecords(), new MemoryFiles()];
  return Promise.all([openDatabaseRecords(name), openStoredFiles(name, readOnly ? "read" : "write")]);
}

/** What an index was made with stays; a new one begins here. */
async function openIndexRecord(
  records: Records,
  { passages, stored }: OpenIndexRequest,
  readOnly: boolean,
): Promise<IndexRecord> {
  const kept = await records.readIndex();
  if (kept && kept.format > STORE_FORMAT) {
    const details = { what: "format", expected: STORE_FORMAT, actual: kept.format };
    throw new EmbedError("index-mismatch", `the index was stored by a later version (${kept.format})`, { details });
  }
  if (kept) return kept;
  const index: IndexRecord = {
    format: STORE_FORMAT,
    stored,
    passages,
    space: null,
    dimensions: 0,
    nextOrdinal: 1,
    nextPassageId: 1,
  };
  if (!readOnly) await records.commit({ index });
  return index;
}
