/**
 * @file A whole index in one file. Little-endian: "STRATAIX", version (u32), bytes of the header (u32), its SHA-256, the
 * header in JSON, then the body, which the header holds SHA-256 sums of: documents with their passages, a line of JSON
 * each, in gzip; the numbers of the passages that have a vector (u32, ascending); the vectors, in the same order.
 */
import { EmbedError, throwIfAborted } from "../errors.ts";
import type { AddProgress, PassageOptions } from "../search-types.ts";
import type { CallHooks } from "../types.ts";
import { idsOf } from "./contents.ts";
import type { EngineInside } from "./inside.ts";
import { floatsToHalves } from "../float16.ts";
import { sha256Hex } from "../sha256.ts";

export const MAGIC = "STRATAIX";
/** Raised with every change that an older reader would misread. */
export const FILE_VERSION = 1;
/** Of magic, version, header length and the header's sum. */
export const PREAMBLE_BYTES = 8 + 4 + 4 + 32;
/** The body is checked a piece of this size at a time, so that a large file needs little memory. */
export const PIECE_BYTES = 4 * 1024 * 1024;
const ROWS_AT_ONCE = 4096;

/** What the file says of itself. */
export interface IndexFileHeader {
  /** Of all vectors; `null` where there is none. */
  readonly space: string | null;
  readonly dimensions: number;
  readonly stored: "float32" | "float16";
  readonly passageOptions: Required<PassageOptions>;
  readonly documents: number;
  readonly passages: number;
  readonly vectors: number;
  /** Of the documents' part of the body. */
  readonly textBytes: number;
  /** SHA-256 of each piece of the body, in hex. */
  readonly sums: readonly string[];
}

/** One line of the documents' part. */
export interface FileDocument {
  readonly id: string;
  readonly title: string | null;
  readonly metadata: Readonly<Record<string, string | number | boolean>>;
  readonly hash: string;
  readonly text: string;
  readonly headings: readonly { readonly start: number; readonly end: number; readonly level: number }[] | null;
  readonly format: "plain" | "markdown";
  readonly passages: readonly {
    readonly start: number;
    readonly end: number;
    readonly section: readonly string[];
  }[];
}

/** @throws {EmbedError} `aborted`; `storage-busy`. */
export async function writeIndexFile(engine: EngineInside, hooks: CallHooks<AddProgress>): Promise<Blob> {
  const documents = await new Response(documentLines(engine, hooks).pipeThrough(new CompressionStream("gzip"))).blob();
  const numbers: number[] = [];
  const rows: number[] = [];
  let number = 0;
  for (const document of engine.contents.list()) {
    for (const id of idsOf(document)) {
      const row = engine.contents.rowOf(id);
      if (row !== null) {
        numbers.push(number);
        rows.push(row);
      }
      number++;
    }
  }
  const vectors: Blob[] = [];
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    throwIfAborted(hooks.signal);
    vectors.push(encode(engine.store.read(rows.slice(from, from + ROWS_AT_ONCE)), engine.index().stored));
  }
  const body = new Blob([documents, Uint32Array.from(numbers), ...vectors]);
  const header: IndexFileHeader = {
    space: rows.length > 0 ? engine.index().space : null,
    dimensions: engine.index().dimensions,
    stored: engine.index().stored,
    passageOptions: engine.index().passages,
    documents: engine.contents.documents,
    passages: number,
    vectors: rows.length,
    textBytes: documents.size,
    sums: await sumsOf(body, hooks.signal),
  };
  return assemble(header, body);
}

async function assemble(header: IndexFileHeader, body: Blob): Promise<Blob> {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const preamble = new Uint8Array(PREAMBLE_BYTES);
  const view = new DataView(preamble.buffer);
  preamble.set(new TextEncoder().encode(MAGIC));
  view.setUint32(8, FILE_VERSION, true);
  view.setUint32(12, json.length, true);
  preamble.set(new Uint8Array(await crypto.subtle.digest("SHA-256", json)), 16);
  return new Blob([preamble, json, body], { type: "application/octet-stream" });
}

/** SHA-256 of each piece, in hex. */
export async function sumsOf(body: Blob, signal?: AbortSignal): Promise<string[]> {
  const sums: string[] = [];
  for (let from = 0; from < body.size; from += PIECE_BYTES) {
    throwIfAborted(signal);
    sums.push(await sha256Hex(new Uint8Array(await body.slice(from, from + PIECE_BYTES).arrayBuffer())));
  }
  return sums;
}

function documentLines(
  { records, contents }: EngineInside,
  { signal, onProgress }: CallHooks<AddProgress>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const documents = contents.list();
  const encoder = new TextEncoder();
  let doneDocuments = 0;
  let donePassages = 0;
  return new ReadableStream({
    async pull(controller) {
      throwIfAborted(signal);
      const next = documents.next();
      if (next.done) return controller.close();
      const { ordinal, id, title, metadata, hash, passages } = next.value;
      const body = await records.readBody(ordinal);
      if (!body) throw new EmbedError("storage-busy", `document ${id} is no longer in storage`, { details: { id } });
      const parts = await records.readPassagesOf(next.value);
      const line: FileDocument = {
        id,
        title,
        metadata,
        hash,
        ...body,
        passages: parts.map(({ start, end, section }) => ({ start, end, section })),
      };
      controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
      const totals = { totalDocuments: contents.documents, totalPassages: contents.passages };
      onProgress?.({ doneDocuments: ++doneDocuments, donePassages: (donePassages += passages), ...totals });
    },
  });
}

function encode(vectors: Float32Array, stored: "float32" | "float16"): Blob {
  if (stored === "float32") return new Blob([vectors as Float32Array<ArrayBuffer>]);
  const halves = new Uint16Array(vectors.length);
  floatsToHalves(vectors, halves);
  return new Blob([halves]);
}
