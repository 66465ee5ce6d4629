import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { makeTinyPack } from "../model/fixtures/tiny-pack.ts";
import type { PackManifest, PackReader, RangeReader } from "../pack.ts";
import { narrowFloat16 } from "../float16.ts";
import { TokenTable } from "./token-table.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const COLUMNS = 4096;
const ROWS_PER_FILE = 4001;
const VOCABULARY = 8002;
/** 8 rows of 4,096 float16 are a page of 64 KiB. */
const ROWS_PER_PAGE = 8;

/** A 16-bit table of two files whose row `id` holds `id % 2048` everywhere, and which watches its reads. */
class WatchedTable implements PackReader {
  readonly manifest: PackManifest;
  readonly buffers: WeakRef<ArrayBuffer>[] = [];
  mostAtOnce = 0;
  beforeRead: () => void = () => undefined;
  #now = 0;

  constructor() {
    const { manifest } = makeTinyPack(16);
    this.manifest = {
      ...manifest,
      architecture: { ...manifest.architecture, hidden_size: COLUMNS, vocab_size: VOCABULARY },
      tokenTable: { bits: 16, rowBytes: 2 * COLUMNS, rowsPerFile: ROWS_PER_FILE, files: ["0", "1"] },
    };
  }

  readFile(): Promise<ArrayBuffer> {
    throw new Error("the table is read in ranges");
  }

  openFile(name: string): Promise<RangeReader> {
    const first = Number(name) * ROWS_PER_FILE;
    const read = async (offset: number, bytes: number): Promise<ArrayBuffer> => {
      this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#now);
      try {
        await new Promise((resolve) => setImmediate(resolve));
        this.beforeRead();
        const ids = new Float32Array(bytes / 2).map((_, i) => (first + Math.floor((offset / 2 + i) / COLUMNS)) % 2048);
        const { buffer } = narrowFloat16(ids);
        this.buffers.push(new WeakRef(buffer as ArrayBuffer));
        return buffer as ArrayBuffer;
      } finally {
        this.#now--;
      }
    };
    return Promise.resolve({ read });
  }

  get heldPages(): number {
    collectGarbage();
    return this.buffers.filter((buffer) => buffer.deref()).length;
  }
}

function expectRows(ids: Int32Array, rows: Float32Array): void {
  expect(rows).toHaveLength(ids.length * COLUMNS);
  const wrong = ids.findIndex((id, t) => rows.subarray(t * COLUMNS, (t + 1) * COLUMNS).some((x) => x !== id % 2048));
  expect(wrong).toBe(-1);
}

describe("TokenTable", () => {
  it("gives each token its row, across pages and files, and reads a page once", async () => {
    const pack = new WatchedTable();
    const table = await TokenTable.open(pack);
    const ids = Int32Array.of(0, 4000, 4001, 7, 8, 8001, 0, 4008, 4009, 4001);
    expectRows(ids, await table.rows(ids));
    // 0 and 7; 8; 4000, the last of its file; 4001 and 4008; 4009; 8001.
    expect(pack.buffers).toHaveLength(6);
    expectRows(ids, await table.rows(ids));
    expect(pack.buffers).toHaveLength(6);
  });

  it("reads 64 pages at once and holds no more than those and the cache", async () => {
    const pack = new WatchedTable();
    const table = await TokenTable.open(pack);
    const ids = Int32Array.from({ length: 1000 }, (_, i) => ((i * 617) % 1000) * ROWS_PER_PAGE);
    let mostHeld = 0;
    let reads = 0;
    pack.beforeRead = () => {
      if (++reads % 100 === 0) mostHeld = Math.max(mostHeld, pack.heldPages);
    };
    expectRows(ids, await table.rows(ids));
    expect(reads).toBe(1000);
    expect(pack.mostAtOnce).toBe(64);
    // 512 are kept.
    expect(mostHeld).toBeGreaterThan(400);
    expect(mostHeld).toBeLessThanOrEqual(512 + 64);
  });

  it("does not take a read that failed for the page", async () => {
    const pack = new WatchedTable();
    const table = await TokenTable.open(pack);
    const ids = Int32Array.of(3, 100);
    pack.beforeRead = () => {
      throw new Error("gone");
    };
    await expect(table.rows(ids)).rejects.toThrow("gone");
    pack.beforeRead = () => undefined;
    expectRows(ids, await table.rows(ids));
  });
});
