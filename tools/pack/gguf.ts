/** @file A GGUF file's header: metadata, and which tensor lies where. Reads the header only, and believes none of it. */
import { statSync } from "node:fs";
import { EmbedError } from "../../src/errors.ts";
import { corruptTensor, type SourceTensor } from "./checked-tensors.ts";
import { GGUF_DTYPES, tensorBytes } from "./dtypes.ts";
import { HeaderCursor } from "./gguf-cursor.ts";
import { show } from "./show.ts";

/** Integers beyond 2^53 are bigint. */
export type GgufValue = number | bigint | boolean | string | readonly GgufValue[];

/** What the header says. */
export interface GgufFile {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** Shapes in the order of a checkpoint: rows first. */
  readonly tensors: readonly SourceTensor[];
}

/** Qwen3's takes 6 MB, nearly all of it the tokenizer. */
const MAX_HEADER_BYTES = 64 * 1024 * 1024;
/** The deepest Qwen3 has about 1,200 tensors. */
const MAX_TENSORS = 16_384;
/** Converters write some 40. */
const MAX_KEYS = 1024;
/** The format's own limits. */
const MAX_KEY_BYTES = 65_535;
const MAX_NAME_BYTES = 64;
const MAX_DIMENSIONS = 4;
/** Room for a whole tokenizer.json as one text (11 MB for Qwen3). */
const MAX_STRING_BYTES = 16 * 1024 * 1024;
/** In all arrays together; Qwen3's tokens, their types and merges are 455,000. An empty text takes memory too. */
const MAX_ARRAY_VALUES = 2 * 1024 * 1024;
/** No known key nests arrays at all. */
const MAX_NESTING = 4;
/** Alignments are powers of two; more than the largest page of memory would only be a way to waste a disk. */
const MAX_ALIGNMENT = 65_536;
const DEFAULT_ALIGNMENT = 32;

const MAGIC = "GGUF";
const BIG_ENDIAN_VERSIONS = [0x02000000, 0x03000000];

/** Element types by number; those that cannot be packed are here so that an error can name them. */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  ...{ 0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K" },
  ...{ 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S" },
  ...{ 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64" },
  ...{ 29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4" },
};

const STRING = 8;
const ARRAY = 9;
interface Scalar {
  readonly bytes: number;
  readonly read: (bytes: Buffer) => number | bigint;
}
const BOOLEAN = 7;
/** Types of metadata values by number. */
const SCALARS: Readonly<Record<number, Scalar>> = {
  0: { bytes: 1, read: (bytes) => bytes.readUInt8() },
  1: { bytes: 1, read: (bytes) => bytes.readInt8() },
  2: { bytes: 2, read: (bytes) => bytes.readUInt16LE() },
  3: { bytes: 2, read: (bytes) => bytes.readInt16LE() },
  4: { bytes: 4, read: (bytes) => bytes.readUInt32LE() },
  5: { bytes: 4, read: (bytes) => bytes.readInt32LE() },
  6: { bytes: 4, read: (bytes) => bytes.readFloatLE() },
  [BOOLEAN]: { bytes: 1, read: (bytes) => bytes.readUInt8() },
  10: { bytes: 8, read: (bytes) => bytes.readBigUInt64LE() },
  11: { bytes: 8, read: (bytes) => bytes.readBigInt64LE() },
  12: { bytes: 8, read: (bytes) => bytes.readDoubleLE() },
};
/** Bytes that a text or an array takes at least: its length, its type and length. */
const MIN_BYTES: Readonly<Record<number, number>> = { [STRING]: 8, [ARRAY]: 12 };

/**
 * Reads the header of a little-endian GGUF file of version 2 or 3.
 *
 * @throws {EmbedError} `model-corrupt` where the header breaks the format, does not fit the file or goes beyond a limit
 *   (with the key's or the tensor's name); `invalid-input` for a version, byte order or element type that is not supported.
 */
export function readGguf(path: string): GgufFile {
  const cursor = new HeaderCursor(path, statSync(path).size, MAX_HEADER_BYTES);
  if (cursor.left < MAGIC.length || cursor.take(4, "the magic").toString("latin1") !== MAGIC) {
    throw cursor.corrupt("is no GGUF file");
  }
  checkVersion(path, cursor.u32("the version"));
  const tensorCount = countOf(cursor, "tensors", MAX_TENSORS);
  const keyCount = countOf(cursor, "metadata keys", MAX_KEYS);
  const metadata = new MetadataReader(cursor).read(keyCount);
  const entries = readEntries(cursor, tensorCount);
  return { metadata, tensors: placeTensors(cursor, entries, alignmentOf(cursor, metadata)) };
}

function checkVersion(path: string, version: number): void {
  if (version === 2 || version === 3) return;
  const isBigEndian = BIG_ENDIAN_VERSIONS.includes(version);
  const what = isBigEndian ? "is big-endian, supported is little-endian" : `has version ${version}, supported: 2 and 3`;
  throw new EmbedError("invalid-input", `${path} ${what}`, { details: { file: path, version } });
}

function countOf(cursor: HeaderCursor, what: string, limit: number): number {
  const count = cursor.u64(`the number of ${what}`);
  if (count > limit) throw cursor.corrupt(`states ${count} ${what}, the limit is ${limit}`);
  return count;
}

function alignmentOf(cursor: HeaderCursor, metadata: ReadonlyMap<string, GgufValue>): number {
  const alignment = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  const isFit = typeof alignment === "number" && alignment >= 8 && alignment <= MAX_ALIGNMENT;
  if (isFit && Number.isInteger(Math.log2(alignment))) return alignment;
  throw cursor.corrupt(`general.alignment is ${show(alignment)}, no power of two from 8 to ${MAX_ALIGNMENT}`);
}

class MetadataReader {
  readonly #cursor: HeaderCursor;
  #valuesLeft = MAX_ARRAY_VALUES;

  constructor(cursor: HeaderCursor) {
    this.#cursor = cursor;
  }

  read(count: number): Map<string, GgufValue> {
    const metadata = new Map<string, GgufValue>();
    for (let i = 0; i < count; i++) {
      const key = this.#cursor.string(`metadata key ${i}`, MAX_KEY_BYTES);
      if (key === "") throw this.#cursor.corrupt(`metadata key ${i} is empty`);
      if (metadata.has(key)) throw this.#cursor.corrupt(`metadata key ${key} is there twice`);
      metadata.set(key, this.#value(key, this.#cursor.u32(`the type of ${key}`), 0));
    }
    return metadata;
  }

  #value(key: string, type: number, depth: number): GgufValue {
    if (type === STRING) return this.#cursor.string(key, MAX_STRING_BYTES);
    if (type === ARRAY) return this.#array(key, depth);
    const scalar = SCALARS[type];
    if (!scalar) throw this.#cursor.corrupt(`${key} has the unknown type ${type}`);
    const value = scalar.read(this.#cursor.take(scalar.bytes, key));
    if (type === BOOLEAN) {
      if (value !== 0 && value !== 1) throw this.#cursor.corrupt(`${key} is ${value}, no boolean`);
      return value === 1;
    }
    return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  #array(key: string, depth: number): GgufValue[] {
    if (depth >= MAX_NESTING) throw this.#cursor.corrupt(`${key} nests arrays more than ${MAX_NESTING} deep`);
    const type = this.#cursor.u32(`the type of ${key}`);
    const count = this.#cursor.u64(`the length of ${key}`);
    const leastBytes = MIN_BYTES[type] ?? SCALARS[type]?.bytes;
    if (leastBytes === undefined) throw this.#cursor.corrupt(`${key} has values of the unknown type ${type}`);
    if (count * leastBytes > this.#cursor.left) {
      throw this.#cursor.corrupt(`${key} states ${count} values, more than the file can hold`);
    }
    this.#valuesLeft -= count;
    if (this.#valuesLeft < 0) {
      throw this.#cursor.corrupt(`${key} brings the arrays over the limit of ${MAX_ARRAY_VALUES} values`);
    }
    return Array.from({ length: count }, () => this.#value(key, type, depth + 1));
  }
}

interface TensorEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  /** From the start of the tensors. */
  readonly offset: number;
}

function readEntries(cursor: HeaderCursor, count: number): TensorEntry[] {
  const entries = new Map<string, TensorEntry>();
  for (let i = 0; i < count; i++) {
    const name = cursor.string(`the name of tensor ${i}`, MAX_NAME_BYTES);
    if (entries.has(name)) throw corruptTensor(name, `is there twice in ${cursor.path}`);
    entries.set(name, readEntry(cursor, name));
  }
  return [...entries.values()];
}

function readEntry(cursor: HeaderCursor, name: string): TensorEntry {
  const what = `tensor ${name}`;
  const dimensions = cursor.u32(`the dimensions of ${what}`);
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
    throw corruptTensor(name, `has ${dimensions} dimensions, the limit is ${MAX_DIMENSIONS}`);
  }
  const shape = Array.from({ length: dimensions }, () => cursor.u64(`a dimension of ${what}`)).reverse();
  const type = cursor.u32(`the type of ${what}`);
  const offset = cursor.u64(`the offset of ${what}`);
  if (shape.some((size) => size < 1) || !Number.isSafeInteger(shape.reduce((a, b) => a * b, 1))) {
    throw corruptTensor(name, `has shape [${shape.join(", ")}]`);
  }
  const dtypeName = TYPE_NAMES[type];
  if (dtypeName === undefined) throw corruptTensor(name, `has the unknown type ${type}`);
  const dtype = GGUF_DTYPES.find((known) => known === dtypeName);
  if (!dtype) {
    throw new EmbedError("invalid-input", `tensor ${name} is ${dtypeName}, supported: ${GGUF_DTYPES.join(", ")}`, {
      details: { tensor: name, dtype: dtypeName },
    });
  }
  const bytes = tensorBytes(dtype, shape);
  if (bytes === null) throw corruptTensor(name, `has rows of ${shape.at(-1)!}, no whole number of ${dtype} blocks`);
  return { name, dtype, shape, bytes, offset };
}

/** Tensors follow one another, each at the next multiple of the alignment: llama.cpp refuses gaps and overlaps too. */
function placeTensors(cursor: HeaderCursor, entries: readonly TensorEntry[], alignment: number): SourceTensor[] {
  const align = (offset: number) => Math.ceil(offset / alignment) * alignment;
  const start = align(cursor.position);
  const sorted = entries.toSorted((a, b) => a.offset - b.offset);
  let end = 0;
  for (const { name, offset, bytes } of sorted) {
    if (offset % alignment !== 0) throw corruptTensor(name, `begins at ${offset}, no multiple of ${alignment}`);
    if (offset !== end) throw corruptTensor(name, `begins at byte ${offset} of the tensors, not at ${end}`);
    if (start + offset + bytes > cursor.fileBytes) {
      throw corruptTensor(name, `ends at byte ${start + offset + bytes} of a file of ${cursor.fileBytes}`);
    }
    end = align(offset + bytes);
  }
  return sorted.map((entry) => ({ ...entry, path: cursor.path, offset: start + entry.offset }));
}
