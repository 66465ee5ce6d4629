/** @file Rows of one width in memory that grows by chunks: growth neither copies what is there nor needs room for it twice. */
import { assert, EmbedError } from "../../errors.ts";

/** Bytes of a whole chunk: small against what 100,000 rows need, large enough that 1 GB is 256 of them. */
export const CHUNK_BYTES = 4 * 1024 * 1024;
/** Rows that the first chunk begins with; it doubles until it is whole, since most indexes are small. */
const FIRST_ROWS = 64;

type Numbers = Float32Array | Uint16Array | Int8Array | Uint8Array;

export interface RowShape<T extends Numbers> {
  readonly type: { new (length: number): T; readonly BYTES_PER_ELEMENT: number };
  /** Elements of a row. */
  readonly width: number;
  /** Parallel rows of different widths are given the same. */
  readonly rowsPerChunk: number;
}

/** How many rows of this size make a chunk; at least one. */
export function rowsInChunk(rowBytes: number): number {
  return Math.max(1, Math.floor(CHUNK_BYTES / rowBytes));
}

/** Append-only `[rows, width]`, row-major within each chunk. */
export class RowChunks<T extends Numbers> {
  readonly #shape: RowShape<T>;
  readonly #chunks: T[] = [];
  #rows = 0;

  constructor(shape: RowShape<T>) {
    this.#shape = shape;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Bytes that are held, filled or not. */
  get bytes(): number {
    return this.#chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Chunk `index` holds the rows from `index * rowsPerChunk`. */
  chunk(index: number): T {
    const chunk = this.#chunks[index];
    assert(chunk, `chunk ${index} of ${this.#chunks.length}`);
    return chunk;
  }

  /**
   * Makes room for rows to come, so that `next` cannot fail for them.
   *
   * @throws {EmbedError} `out-of-memory`; the rows that are there stay.
   */
  reserve(rows: number): void {
    const { type, width, rowsPerChunk } = this.#shape;
    const needed = this.#rows + rows;
    try {
      for (let first = 0, index = 0; first < needed; first += rowsPerChunk, index++) {
        const held = (this.#chunks[index]?.length ?? 0) / width;
        const wanted = Math.min(rowsPerChunk, needed - first);
        if (held >= wanted) continue;
        const larger = new type(width * (index > 0 ? rowsPerChunk : doubled(held, wanted, rowsPerChunk)));
        if (held > 0) larger.set(this.#chunks[index]!);
        this.#chunks[index] = larger;
      }
    } catch (cause) {
      const sizeBytes = needed * width * type.BYTES_PER_ELEMENT;
      throw new EmbedError("out-of-memory", `no memory for ${sizeBytes} bytes of vectors`, {
        cause,
        details: { rows: needed, sizeBytes },
      });
    }
  }

  /** The next reserved row, to be written: `[width]`. */
  next(): T {
    return this.row(this.#rows++);
  }

  /** A row that `next` has given before. */
  row(index: number): T {
    const { width, rowsPerChunk } = this.#shape;
    const start = (index % rowsPerChunk) * width;
    return this.chunk(Math.floor(index / rowsPerChunk)).subarray(start, start + width) as T;
  }
}

function doubled(held: number, wanted: number, limit: number): number {
  return Math.min(limit, Math.max(wanted, 2 * held, FIRST_ROWS));
}
