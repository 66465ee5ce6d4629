/** @file One view and what scans it: the CPU, or a copy of its vectors on the GPU where that was measured to be faster. */
import { EmbedError } from "../errors.ts";
import type { ViewStatus } from "../search-types.ts";
import { chooseScan } from "./scan/choose.ts";
import { openGpuScan, type GpuScan } from "./scan/gpu-scan.ts";
import type { Candidate, VectorView } from "./scan/views.ts";
import type { VectorStore } from "./store/vector-store.ts";

/** Below it a scan takes no time worth measuring; from here on it is measured each time the rows have doubled. */
const FIRST_MEASURED_ROWS = 4096;
/** Vectors of the index taken as queries. */
const TRIED_QUERIES = 5;
/** Rows that are sent to the GPU at a time. */
const SENT_ROWS = 4096;

/** What a scanner goes by; tests have their own. */
export interface ScannerOptions {
  /** Told when what scans, or why, has changed. */
  readonly onChoice: () => void;
  readonly openGpu?: (options: { readonly dimensions: number }) => Promise<GpuScan | null>;
  readonly choose?: typeof chooseScan;
}

export class Scanner {
  readonly view: VectorView;
  readonly #store: VectorStore;
  readonly #options: Required<ScannerOptions>;
  #gpu: GpuScan | null = null;
  #reason = "few vectors";
  #measuredRows = FIRST_MEASURED_ROWS / 2;
  #isClosed = false;

  constructor(view: VectorView, store: VectorStore, options: ScannerOptions) {
    this.view = view;
    this.#store = store;
    this.#options = { openGpu: openGpuScan, choose: chooseScan, ...options };
  }

  get status(): ViewStatus["scan"] {
    return { kind: this.#gpu === null ? "cpu" : "webgpu", reason: this.#reason };
  }

  /** As `VectorView.scan`. A GPU that fails is given up, and the CPU answers. */
  async scan(query: Float32Array, limit: number, accepted: Uint8Array | null): Promise<Candidate[]> {
    const gpu = this.#gpu;
    if (gpu === null) return this.view.scan(query, limit, accepted);
    try {
      await this.#send(gpu);
      return await gpu.scan(query, limit, accepted);
    } catch (error) {
      if (!(error instanceof EmbedError)) throw error;
      this.#giveUp(`WebGPU failed: ${error.message}`);
      return this.view.scan(query, limit, accepted);
    }
  }

  /** Measures both ways when there are twice as many rows as last time. Goes on in the background. */
  consider(): void {
    const { rows } = this.view;
    if (rows < 2 * this.#measuredRows || this.#gpu !== null) return;
    this.#measuredRows = rows;
    void this.#choose();
  }

  close(): void {
    this.#isClosed = true;
    this.#gpu?.dispose();
    this.#gpu = null;
  }

  async #choose(): Promise<void> {
    const { rows } = this.view;
    const { dimensions } = this.#store.shape;
    const picked = Array.from({ length: TRIED_QUERIES }, (_, i) => Math.floor((i * rows) / TRIED_QUERIES));
    const queries = picked.map((row) => this.#store.read([row])).filter((query) => query.some((value) => value !== 0));
    if (queries.length === 0 || dimensions === 0) return;
    const choice = await this.#options.choose(this.view, () => this.#open(), queries);
    if (this.#isClosed) return choice.gpu?.dispose();
    this.#gpu = choice.gpu;
    this.#reason = choice.reason;
    this.#options.onChoice();
  }

  async #open(): Promise<GpuScan | null> {
    const gpu = await this.#options.openGpu({ dimensions: this.view.dimensions });
    if (gpu) await this.#send(gpu);
    return gpu;
  }

  /** Rows that it has not got yet. */
  async #send(gpu: GpuScan): Promise<void> {
    const { dimensions } = this.#store.shape;
    while (gpu.rows < this.view.rows) {
      const from = gpu.rows;
      const rows = Math.min(SENT_ROWS, this.view.rows - from);
      await gpu.append(this.#store.read(Array.from({ length: rows }, (_, i) => from + i)), dimensions);
    }
  }

  #giveUp(reason: string): void {
    this.#gpu?.dispose();
    this.#gpu = null;
    this.#reason = reason;
    this.#options.onChoice();
  }
}
