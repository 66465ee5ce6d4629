/** @file Token ids → hidden rows on the CPU: only the rows that a text uses are read and dequantised. */
import type { PackManifest, PackReader, RangeReader, ReadOptions, TokenTableLayout } from "../pack.ts";
import { widenFloat16 } from "../float16.ts";

/** Read unit. Frequent tokens have low ids and share pages, so a page serves many tokens of a text. */
const PAGE_BYTES = 64 * 1024;

/** Pages kept: the nano table fits whole (22 MB), the 4B one (413 MB in 8 bit) keeps its frequent tokens. */
const CACHE_PAGES = (32 * 1024 * 1024) / PAGE_BYTES;

/** Pages read and held at once beyond those kept. */
const BATCH_PAGES = 64;

/** Columns that share a scale. */
const BLOCK = 32;

/** The token-embedding table of a pack, read on demand. */
export class TokenTable {
  readonly #layout: TokenTableLayout;
  readonly #columns: number;
  readonly #files: readonly RangeReader[];
  readonly #rowsPerPage: number;
  readonly #vocabulary: number;
  /** In order of last use: a `Map` iterates in insertion order. */
  readonly #pages = new Map<number, Promise<Uint8Array>>();

  private constructor(manifest: PackManifest, files: readonly RangeReader[]) {
    this.#layout = manifest.tokenTable;
    this.#columns = manifest.architecture.hidden_size;
    this.#vocabulary = manifest.architecture.vocab_size;
    this.#files = files;
    this.#rowsPerPage = Math.max(1, Math.floor(PAGE_BYTES / manifest.tokenTable.rowBytes));
  }

  /** @throws {EmbedError} What opening the table's files throws. */
  static async open(pack: PackReader, options: ReadOptions = {}): Promise<TokenTable> {
    const files: RangeReader[] = [];
    for (const name of pack.manifest.tokenTable.files) files.push(await pack.openFile(name, options));
    return new TokenTable(pack.manifest, files);
  }

  /**
   * Embedding rows of some tokens.
   *
   * @param inputIds - Each in `[0, vocab_size)`; `[T]`.
   * @returns `[T, H]`, row-major.
   */
  async rows(inputIds: Int32Array): Promise<Float32Array> {
    const rows = new Float32Array(inputIds.length * this.#columns);
    const positions = new Map<number, number[]>();
    inputIds.forEach((id, t) => {
      const page = this.#pageOf(id);
      const known = positions.get(page);
      if (known) known.push(t);
      else positions.set(page, [t]);
    });
    const pages = [...positions];
    for (let start = 0; start < pages.length; start += BATCH_PAGES) {
      const batch = pages.slice(start, start + BATCH_PAGES);
      await Promise.all(batch.map(([page, at]) => this.#decode(page, { inputIds, at, rows })));
    }
    return rows;
  }

  /** The rows of the tokens that stand `at` these positions, all on one page. */
  async #decode(
    page: number,
    what: { readonly inputIds: Int32Array; readonly at: readonly number[]; readonly rows: Float32Array },
  ): Promise<void> {
    const bytes = await this.#page(page);
    const { rowBytes, bits } = this.#layout;
    for (const t of what.at) {
      const offset = (what.inputIds[t]! - this.#firstRow(page)) * rowBytes;
      const row = what.rows.subarray(t * this.#columns, (t + 1) * this.#columns);
      decodeRow(bytes.subarray(offset, offset + rowBytes), bits, row);
    }
  }

  /** Pages do not cross files: each file starts a new one. */
  get #pagesPerFile(): number {
    return Math.ceil(this.#layout.rowsPerFile / this.#rowsPerPage);
  }

  #pageOf(id: number): number {
    const file = Math.floor(id / this.#layout.rowsPerFile);
    return file * this.#pagesPerFile + Math.floor((id % this.#layout.rowsPerFile) / this.#rowsPerPage);
  }

  #firstRow(page: number): number {
    const file = Math.floor(page / this.#pagesPerFile);
    return file * this.#layout.rowsPerFile + (page % this.#pagesPerFile) * this.#rowsPerPage;
  }

  #page(page: number): Promise<Uint8Array> {
    const known = this.#pages.get(page);
    this.#pages.delete(page);
    const bytes = known ?? this.#readPage(page);
    this.#pages.set(page, bytes);
    // A read that failed must not be remembered as the page.
    if (!known) bytes.catch(() => this.#pages.delete(page));
    if (this.#pages.size > CACHE_PAGES) this.#pages.delete(this.#pages.keys().next().value!);
    return bytes;
  }

  async #readPage(page: number): Promise<Uint8Array> {
    const file = Math.floor(page / this.#pagesPerFile);
    const first = this.#firstRow(page);
    const end = Math.min(first + this.#rowsPerPage, (file + 1) * this.#layout.rowsPerFile, this.#vocabulary);
    const { rowBytes } = this.#layout;
    const offset = (first - file * this.#layout.rowsPerFile) * rowBytes;
    return new Uint8Array(await this.#files[file]!.read(offset, (end - first) * rowBytes));
  }
}

/** One row of the layout that `TokenTableLayout` describes. */
function decodeRow(bytes: Uint8Array, bits: 4 | 8 | 16, row: Float32Array): void {
  const columns = row.length;
  const halves = (offset: number): Float32Array =>
    widenFloat16(new Uint16Array(bytes.slice(offset).buffer as ArrayBuffer));
  if (bits === 16) {
    row.set(halves(0));
    return;
  }
  const scales = halves((columns * bits) / 8);
  for (let i = 0; i < columns; i++) {
    const code = bits === 8 ? bytes[i]! - 128 : (i & 1 ? bytes[i >> 1]! >> 4 : bytes[i >> 1]! & 15) - 8;
    row[i] = code * scales[Math.floor(i / BLOCK)]!;
  }
}
