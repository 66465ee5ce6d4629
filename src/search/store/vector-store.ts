/**
 * @file Vectors of passages in append-only files. A block is written, flushed, and only then committed to the records:
 * what a crash leaves behind the last committed block is cut off when the index is opened again.
 */
import { EmbedError } from "../../errors.ts";
import { floatsToHalves, halvesToFloats } from "../../float16.ts";
import type { BlockRecord, Change, Records } from "./records.ts";
import type { SegmentFile, SegmentFiles } from "./segment-files.ts";

/** A file is left for the next one from here on: few enough files, and each small enough to copy. */
const SEGMENT_BYTES = 64 * 1024 * 1024;
/** Rows that are decoded at a time, so that reading needs little memory beside what is kept. */
const ROWS_AT_ONCE = 4096;
/**
 * Blocks are kept at hand up to this size in all. Private windows read through another process, a third of a millisecond
 * a row, and rescoring reads hundreds.
 */
const KEPT_BYTES = 16 * 1024 * 1024;
const SUFFIX = ".vectors";
const ID_BYTES = 4;

/** What the vectors are. */
export interface VectorShape {
  readonly stored: "float32" | "float16";
  readonly dimensions: number;
}

/** Rows that stand one behind the other. */
export interface RowBatch {
  readonly firstRow: number;
  readonly passageIds: Uint32Array;
  /** `[rows, dimensions]`. */
  readonly vectors: Float32Array;
}

interface Block extends BlockRecord {
  readonly firstRow: number;
  readonly file: SegmentFile;
  /** What is in the file, where it is kept at hand. */
  bytes: Uint8Array<ArrayBuffer> | null;
}

/** Rows in the order in which they were written. */
export class VectorStore {
  readonly #records: Records;
  readonly #files: SegmentFiles;
  readonly #segments = new Map<string, SegmentFile>();
  #shape: VectorShape;
  #blocks: Block[] = [];
  #rows = 0;
  #keptBytes = 0;

  constructor(records: Records, files: SegmentFiles, shape: VectorShape) {
    this.#records = records;
    this.#files = files;
    this.#shape = shape;
  }

  get rows(): number {
    return this.#rows;
  }

  get shape(): VectorShape {
    return this.#shape;
  }

  /** Bytes of committed blocks. */
  get bytes(): number {
    return this.#blocks.reduce((sum, block) => sum + this.#blockBytes(block.rows), 0);
  }

  /** Opens what was committed; blocks whose file is gone or too short are left out. */
  async open(): Promise<void> {
    for (const record of await this.#records.readBlocks()) {
      const file = await this.#segment(record.segment).catch(() => null);
      if (file && record.at + this.#blockBytes(record.rows) <= file.sizeBytes) this.#accept(record, file);
    }
  }

  /** Cuts off what a crash has left, and removes files that nothing refers to. The writer alone may do this. */
  async tidy(): Promise<void> {
    for (const name of await this.#files.list()) {
      const blocks = this.#blocks.filter(({ segment }) => segment === name);
      const end = Math.max(0, ...blocks.map(({ at, rows }) => at + this.#blockBytes(rows)));
      const file = this.#segments.get(name);
      if (end > 0 && file) file.truncate(end);
      else await this.#drop(name);
    }
  }

  /**
   * Appends vectors and commits them.
   *
   * @param vectors - `[passageIds.length, dimensions]`.
   * @param change - Committed with them.
   * @returns The row of the first.
   * @throws {EmbedError} `storage-full`, `storage-busy`; nothing has changed then.
   */
  async append(passageIds: Uint32Array, vectors: Float32Array, change: Change = {}): Promise<number> {
    const firstRow = this.#rows;
    if (passageIds.length === 0) {
      await this.#records.commit(change);
      return firstRow;
    }
    const { record, file, bytes } = await this.#write(passageIds, vectors);
    await this.#records.commit({ ...change, blocks: [record] });
    this.#keep(this.#accept(record, file), bytes);
    return firstRow;
  }

  /**
   * @returns `[rows.length, dimensions]`, as stored.
   * @throws {EmbedError} `storage-busy` for a row that is no longer there.
   */
  read(rows: ArrayLike<number>): Float32Array {
    const { dimensions } = this.#shape;
    const vectors = new Float32Array(rows.length * dimensions);
    const bytes = new Uint8Array(this.#rowBytes);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      if (row >= this.#rows) throw new EmbedError("storage-busy", "the vectors were replaced while they were read");
      const block = this.#blockOf(row);
      const at = block.rows * ID_BYTES + (row - block.firstRow) * this.#rowBytes;
      const kept = block.bytes?.subarray(at, at + bytes.length);
      if (!kept) block.file.read(bytes, block.at + at);
      this.#decode(kept ?? bytes, vectors.subarray(i * dimensions, (i + 1) * dimensions));
    }
    return vectors;
  }

  /**
   * Every row, in order, a piece at a time.
   *
   * @param onDamage - Told of blocks that are not what was written: their rows are passed over, but keep their numbers.
   */
  *batches(onDamage: (firstRow: number, rows: number) => void = () => {}): Generator<RowBatch> {
    for (const block of this.#blocks) {
      const bytes = new Uint8Array(this.#blockBytes(block.rows));
      block.file.read(bytes, block.at);
      if (checksumOf(bytes) !== block.checksum) {
        onDamage(block.firstRow, block.rows);
        continue;
      }
      this.#keep(block, bytes);
      yield* this.#split(block, bytes);
    }
  }

  /** Takes blocks out that hold none of the rows wanted, and writes the others' wanted rows anew. */
  async rewrite(isWanted: (row: number, passageId: number) => boolean): Promise<void> {
    const written: { record: BlockRecord; file: SegmentFile }[] = [];
    const before = new Set(this.#blocks.map(({ segment }) => segment));
    const target = this.#nextName();
    for (const { firstRow, passageIds, vectors } of this.batches()) {
      const kept = [...passageIds.keys()].filter((i) => isWanted(firstRow + i, passageIds[i]!));
      if (kept.length === 0) continue;
      const { dimensions } = this.#shape;
      const chosen = new Float32Array(kept.length * dimensions);
      kept.forEach((i, to) => chosen.set(vectors.subarray(i * dimensions, (i + 1) * dimensions), to * dimensions));
      const ids = Uint32Array.from(kept, (i) => passageIds[i]!);
      written.push(await this.#write(ids, chosen, written.at(-1)?.record.segment ?? target));
    }
    await this.#replace(written);
    for (const name of before) await this.#drop(name);
  }

  /** Takes everything out; vectors of another shape may follow. */
  async clear(shape: VectorShape, change: Change): Promise<void> {
    const before = new Set(this.#blocks.map(({ segment }) => segment));
    await this.#records.commit({ ...change, allBlocks: [] });
    this.#blocks = [];
    this.#rows = 0;
    this.#keptBytes = 0;
    this.#shape = shape;
    for (const name of before) await this.#drop(name);
  }

  /** Vectors that come from now on are of this shape; nothing happens once there are some. */
  reshape(shape: VectorShape): void {
    if (this.#rows === 0) this.#shape = shape;
  }

  close(): void {
    for (const file of this.#segments.values()) file.close();
    this.#segments.clear();
  }

  async #replace(written: readonly { readonly record: BlockRecord; readonly file: SegmentFile }[]): Promise<void> {
    await this.#records.commit({ allBlocks: written.map(({ record }) => record) });
    this.#blocks = [];
    this.#rows = 0;
    this.#keptBytes = 0;
    for (const { record, file } of written) this.#accept(record, file);
  }

  #accept(record: BlockRecord, file: SegmentFile): Block {
    const block = { ...record, firstRow: this.#rows, file, bytes: null };
    this.#blocks.push(block);
    this.#rows += record.rows;
    return block;
  }

  #keep(block: Block, bytes: Uint8Array<ArrayBuffer>): void {
    if (block.bytes !== null || this.#keptBytes + bytes.length > KEPT_BYTES) return;
    block.bytes = bytes;
    this.#keptBytes += bytes.length;
  }

  async #write(
    passageIds: Uint32Array,
    vectors: Float32Array,
    segment: string = this.#blocks.at(-1)?.segment ?? this.#nextName(),
  ): Promise<{ record: BlockRecord; file: SegmentFile; bytes: Uint8Array<ArrayBuffer> }> {
    const rows = passageIds.length;
    const bytes = new Uint8Array(this.#blockBytes(rows));
    new Uint32Array(bytes.buffer, 0, rows).set(passageIds);
    this.#encode(vectors, bytes.subarray(rows * ID_BYTES));
    let name = segment;
    let file = await this.#segment(name);
    if (file.sizeBytes > 0 && file.sizeBytes + bytes.length > SEGMENT_BYTES) {
      name = this.#nextName();
      file = await this.#segment(name);
    }
    const at = file.sizeBytes;
    try {
      file.write(bytes, at);
      file.flush();
    } catch (error) {
      file.truncate(at);
      throw error;
    }
    return { record: { segment: name, at, rows, checksum: checksumOf(bytes) }, file, bytes };
  }

  *#split(block: Block, bytes: Uint8Array<ArrayBuffer>): Generator<RowBatch> {
    const ids = new Uint32Array(bytes.buffer, 0, block.rows);
    for (let from = 0; from < block.rows; from += ROWS_AT_ONCE) {
      const passageIds = ids.subarray(from, from + ROWS_AT_ONCE);
      const vectors = new Float32Array(passageIds.length * this.#shape.dimensions);
      this.#decode(bytes.subarray(block.rows * ID_BYTES + from * this.#rowBytes), vectors);
      yield { firstRow: block.firstRow + from, passageIds, vectors };
    }
  }

  get #rowBytes(): number {
    return this.#shape.dimensions * (this.#shape.stored === "float16" ? 2 : 4);
  }

  /** A multiple of four, as ids and checksums are read in words. */
  #blockBytes(rows: number): number {
    return 4 * Math.ceil((rows * (ID_BYTES + this.#rowBytes)) / 4);
  }

  #encode(vectors: Float32Array, target: Uint8Array<ArrayBuffer>): void {
    if (this.#shape.stored === "float32")
      new Float32Array(target.buffer, target.byteOffset, vectors.length).set(vectors);
    else floatsToHalves(vectors, new Uint16Array(target.buffer, target.byteOffset, vectors.length));
  }

  #decode(bytes: Uint8Array<ArrayBuffer>, target: Float32Array): void {
    if (this.#shape.stored === "float32") target.set(new Float32Array(bytes.buffer, bytes.byteOffset, target.length));
    else halvesToFloats(new Uint16Array(bytes.buffer, bytes.byteOffset, target.length), target);
  }

  #blockOf(row: number): Block {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#blocks[middle]!.firstRow <= row) low = middle;
      else high = middle - 1;
    }
    return this.#blocks[low]!;
  }

  async #segment(name: string): Promise<SegmentFile> {
    const open = this.#segments.get(name) ?? (await this.#files.open(name));
    this.#segments.set(name, open);
    return open;
  }

  async #drop(name: string): Promise<void> {
    this.#segments.get(name)?.close();
    this.#segments.delete(name);
    // A file that stays is removed when the index is opened again.
    await this.#files.remove(name).catch((error: unknown) => {
      if (!(error instanceof EmbedError)) throw error;
    });
  }

  #nextName(): string {
    const numbers = [...this.#segments.keys()].map((name) => Number.parseInt(name, 10));
    return `${String(Math.max(0, ...numbers) + 1).padStart(6, "0")}${SUFFIX}`;
  }
}

/** FNV-1a over 32-bit words: finds a torn or changed block, not a forged one. */
export function checksumOf(bytes: Uint8Array<ArrayBuffer>): number {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  let hash = 0x811c9dc5;
  for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words[i]!, 0x01000193);
  return hash >>> 0;
}
