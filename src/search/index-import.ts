/** @file An index file → documents, passages and vectors of this index. Nothing of the file is believed before it is checked. */
import { EmbedError, throwIfAborted } from "../errors.ts";
import type { AddProgress, AddResult, ImportRequest, SearchDocument } from "../search-types.ts";
import type { CallHooks } from "../types.ts";
import { mismatch } from "./mismatch.ts";
import { checkDocuments } from "./document-input.ts";
import type { EngineInside } from "./inside.ts";
import {
  FILE_VERSION,
  MAGIC,
  PIECE_BYTES,
  PREAMBLE_BYTES,
  sumsOf,
  type FileDocument,
  type IndexFileHeader,
} from "./index-file.ts";
import { GROUP_PASSAGES, passageHash, type SplitDocument, type VectorSpace } from "./ingest.ts";
import { halvesToFloats } from "../float16.ts";
import { sha256Hex, toHex } from "../sha256.ts";

/** Of an export of a million documents it is a tenth; what claims more is no export. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024;
const MAX_DIMENSIONS = 65_536;
/** Float16 moves the length of a unit vector by under 5e-4. */
const UNIT_NORM_TOLERANCE = 2e-3;
const HASH = /^[0-9a-f]{32}$/;

interface IndexFile {
  readonly header: IndexFileHeader;
  readonly documents: Blob;
  /** Numbers of the passages with a vector, ascending. */
  readonly numbers: Uint32Array;
  readonly vectors: Blob;
}

/**
 * Takes in a file that `writeIndexFile` made, in place of documents with the same ids.
 *
 * @throws {EmbedError} `index-mismatch`, `invalid-input`: nothing has changed; `storage-full`, `storage-busy`,
 *   `aborted`: what was taken in by then stays.
 */
export async function readIndexFile(
  file: Blob,
  engine: EngineInside,
  { request, ...hooks }: CallHooks<AddProgress> & { readonly request: ImportRequest },
): Promise<AddResult> {
  const opened = await openFile(file, hooks.signal);
  const { header } = opened;
  const space = engine.index().space ?? request.modelSpace;
  const fits = header.space === null || space === null || header.space === space;
  if (!fits && request.vectors === "require") throw mismatch("space", space, header.space!);
  await checkVectors(opened, hooks.signal);
  const result = { added: 0, unchanged: 0, passages: 0, reused: 0 };
  const brought = fits && header.space !== null ? { space: header.space, dimensions: header.dimensions } : undefined;
  let firstNumber = 0;
  for await (const group of groups(opened, hooks.signal)) {
    const split = brought ? await withVectors(opened, group, firstNumber) : group;
    const changed = split.filter(({ source, hash }) => engine.documentOf(source.id)?.hash !== hash);
    await engine.change(async () => {
      if (changed.length > 0) result.reused += await engine.keep(changed, brought);
      if (brought) result.reused += await fillIn(split, engine, brought);
    });
    result.unchanged += group.length - changed.length;
    result.added += changed.length;
    result.passages += countPassages(changed);
    firstNumber += countPassages(group);
    hooks.onProgress?.({
      doneDocuments: result.added + result.unchanged,
      totalDocuments: header.documents,
      donePassages: firstNumber,
      totalPassages: header.passages,
    });
  }
  return result;
}

const countPassages = (documents: readonly SplitDocument[]): number =>
  documents.reduce((sum, { passages }) => sum + passages.length, 0);

/** @param firstNumber - Of the group's first passage in the file. */
async function withVectors(
  file: IndexFile,
  group: readonly SplitDocument[],
  firstNumber: number,
): Promise<SplitDocument[]> {
  const { numbers, header } = file;
  const { dimensions } = header;
  const from = lowerBound(numbers, firstNumber);
  const to = lowerBound(numbers, firstNumber + countPassages(group));
  const rows = await readRows(file, from, to);
  let number = firstNumber;
  let next = from;
  const take = (): Float32Array | null => {
    if (next === to || numbers[next] !== number++) return null;
    const row = next++ - from;
    return rows.subarray(row * dimensions, (row + 1) * dimensions);
  };
  return group.map((document) => ({ ...document, vectors: document.passages.map(take) }));
}

/** Vectors of documents that were here already, but had none. @returns How many. */
async function fillIn(
  split: readonly SplitDocument[],
  engine: EngineInside,
  { space, dimensions }: VectorSpace,
): Promise<number> {
  const missing = split.flatMap(({ source, vectors = [] }) => {
    const first = engine.documentOf(source.id)?.firstPassage ?? 0;
    return vectors.flatMap((vector, i) =>
      vector !== null && engine.contents.rowOf(first + i) === null ? { id: first + i, vector } : [],
    );
  });
  if (missing.length === 0) return 0;
  const joined = new Float32Array(missing.length * dimensions);
  missing.forEach(({ vector }, row) => joined.set(vector, row * dimensions));
  const passageIds = Uint32Array.from(missing, ({ id }) => id);
  await engine.append({ passageIds, vectors: joined, dimensions, space });
  return missing.length;
}

async function openFile(file: Blob, signal?: AbortSignal): Promise<IndexFile> {
  const preamble = await bytesOf(file, 0, PREAMBLE_BYTES);
  if (new TextDecoder().decode(preamble.subarray(0, 8)) !== MAGIC) throw refuse("is no exported index");
  const view = new DataView(preamble.buffer);
  const version = view.getUint32(8, true);
  if (version !== FILE_VERSION) throw refuse(`is of version ${version}, this reads ${FILE_VERSION}`, { version });
  const headerBytes = view.getUint32(12, true);
  if (headerBytes > MAX_HEADER_BYTES) throw refuse("is damaged: its header is too long");
  const json = await bytesOf(file, PREAMBLE_BYTES, headerBytes);
  if ((await sha256Hex(json)) !== toHex(preamble.subarray(16)))
    throw refuse("is damaged: its header is not what was written");
  const header = checkHeader(JSON.parse(new TextDecoder().decode(json)) as Partial<IndexFileHeader>);
  const body = file.slice(PREAMBLE_BYTES + headerBytes);
  const rowBytes = header.dimensions * (header.stored === "float16" ? 2 : 4);
  if (body.size !== header.textBytes + header.vectors * (4 + rowBytes)) {
    throw refuse("is damaged: it is cut off, or too long", { bytes: file.size });
  }
  const sums = await sumsOf(body, signal);
  const wrong = sums.findIndex((piece, i) => piece !== header.sums[i]);
  if (wrong >= 0) throw refuse("is damaged: a part is not what was written", { atByte: wrong * PIECE_BYTES });
  const numbers = await bytesOf(body, header.textBytes, header.vectors * 4);
  return {
    header,
    documents: body.slice(0, header.textBytes),
    numbers: new Uint32Array(numbers.buffer),
    vectors: body.slice(header.textBytes + header.vectors * 4),
  };
}

function checkHeader(header: Partial<IndexFileHeader>): IndexFileHeader {
  const counts = [header.dimensions, header.documents, header.passages, header.vectors, header.textBytes];
  const isSound =
    counts.every((count) => Number.isSafeInteger(count) && count! >= 0) &&
    header.dimensions! <= MAX_DIMENSIONS &&
    (header.stored === "float32" || header.stored === "float16") &&
    (header.space === null ? header.vectors === 0 : typeof header.space === "string") &&
    Array.isArray(header.sums);
  if (!isSound) throw refuse("is damaged: its header makes no sense");
  return header as IndexFileHeader;
}

/** Every vector has length 1, and every number names a passage. */
async function checkVectors(file: IndexFile, signal?: AbortSignal): Promise<void> {
  const { header, numbers } = file;
  for (let i = 0; i < numbers.length; i++) {
    if (numbers[i]! >= header.passages || (i > 0 && numbers[i]! <= numbers[i - 1]!)) {
      throw refuse("is damaged: its vectors belong to no passage", { row: i });
    }
  }
  const { dimensions } = header;
  for (let from = 0; from < header.vectors; from += GROUP_PASSAGES) {
    throwIfAborted(signal);
    const rows = await readRows(file, from, Math.min(header.vectors, from + GROUP_PASSAGES));
    for (let start = 0; start < rows.length; start += dimensions) {
      let squares = 0;
      for (let i = start; i < start + dimensions; i++) squares += rows[i]! * rows[i]!;
      // Written so that NaN fails it too.
      if (Math.abs(Math.sqrt(squares) - 1) <= UNIT_NORM_TOLERANCE) continue;
      throw refuse("holds a vector that is no unit vector", { row: from + start / dimensions });
    }
  }
}

async function readRows(
  { header, vectors }: Pick<IndexFile, "header" | "vectors">,
  from: number,
  to: number,
): Promise<Float32Array> {
  const rowBytes = header.dimensions * (header.stored === "float16" ? 2 : 4);
  const { buffer } = await bytesOf(vectors, from * rowBytes, (to - from) * rowBytes);
  if (header.stored === "float32") return new Float32Array(buffer);
  const decoded = new Float32Array((to - from) * header.dimensions);
  halvesToFloats(new Uint16Array(buffer), decoded);
  return decoded;
}

/** Documents of the file, checked, some at a time. */
async function* groups({ documents, header }: IndexFile, signal?: AbortSignal): AsyncGenerator<SplitDocument[]> {
  let group: SplitDocument[] = [];
  let passages = 0;
  let count = 0;
  for await (const line of lines(documents)) {
    throwIfAborted(signal);
    const split = await toSplit(line, count++);
    group.push(split);
    passages += split.passages.length;
    if (passages < GROUP_PASSAGES) continue;
    yield group;
    group = [];
    passages = 0;
  }
  if (count !== header.documents) throw refuse("is damaged: documents are missing", { documents: count });
  yield group;
}

async function* lines(documents: Blob): AsyncGenerator<string> {
  const texts = documents.stream().pipeThrough(new DecompressionStream("gzip")).pipeThrough(new TextDecoderStream());
  let rest = "";
  for await (const text of texts) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}

async function toSplit(line: string, index: number): Promise<SplitDocument> {
  const { passages, hash, title, headings, ...rest } = JSON.parse(line) as FileDocument;
  const given: SearchDocument = { ...rest, ...(title !== null && { title }), ...(headings && { headings }) };
  const [source] = checkDocuments([given]);
  if (!source || !Array.isArray(passages) || !HASH.test(hash)) throw refuse("holds no document", { index });
  const split = passages.map(async ({ start, end, section }) => {
    const isSound =
      Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end && end <= source.text.length;
    if (!isSound || !Array.isArray(section) || section.some((heading) => typeof heading !== "string")) {
      throw refuse("holds a passage that is not in its document", { index });
    }
    const passage = { start, end, section, text: source.text.slice(start, end) };
    return { ...passage, hash: await passageHash(source, passage) };
  });
  return { source, hash, passages: await Promise.all(split) };
}

function lowerBound(values: Uint32Array, wanted: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function bytesOf(blob: Blob, at: number, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const found = new Uint8Array(await blob.slice(at, at + bytes).arrayBuffer());
  if (found.length === bytes) return found;
  throw refuse("is no exported index, or is cut off", { bytes: blob.size });
}

function refuse(what: string, details: Readonly<Record<string, unknown>> = {}): EmbedError {
  return new EmbedError("invalid-input", `the file ${what}`, { details });
}
