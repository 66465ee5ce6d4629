/** @file Views of synthetic vectors, measured one at a time against the exact scan. */
import type { Precision } from "../../src/search-types.ts";
import { openGpuScan } from "../../src/search/scan/gpu-scan.ts";
import { candidateCount, createView, rescore, type Candidate } from "../../src/search/scan/views.ts";
import type { ScanMeasurement, ScanOrder } from "./search-result.ts";
import { openVectors } from "./synthetic-vectors.ts";

const SEED = 7;
/** Rows that are appended at a time. */
const BATCH_ROWS = 1000;
/** Scans before the first that counts: the engine compiles its loops. */
const WARM_UPS = 3;

/** The vectors and what an exact scan finds in them. */
interface Library {
  readonly order: ScanOrder;
  /** `[BATCH_ROWS, storedDimensions]` each. */
  readonly batches: readonly Float32Array[];
  readonly queries: readonly Float32Array[];
  /** Rows, by query. */
  readonly exact: readonly ReadonlySet<number>[];
}

interface Scan {
  readonly bytes: number;
  scan(query: Float32Array, limit: number, accepted: null): Candidate[] | Promise<Candidate[]>;
}

/** @returns One measurement a precision and cut; then WebGPU, where the browser has a GPU. */
export async function measureScans(order: ScanOrder): Promise<ScanMeasurement[]> {
  const library = makeLibrary(order);
  const measurements: ScanMeasurement[] = [];
  for (const dimensions of order.cuts) {
    for (const precision of order.precisions) {
      const view = createView(precision, dimensions);
      for (const batch of library.batches) view.append(batch, order.storedDimensions);
      measurements.push(await measure(library, view, { scan: "cpu", precision, dimensions }));
    }
  }
  const onGpu = await measureGpu(library);
  return onGpu ? [...measurements, onGpu] : measurements;
}

function makeLibrary(order: ScanOrder): Library {
  const { rows, storedDimensions: width, topK } = order;
  const source = openVectors({ kind: order.vectors, rows, dimensions: width, seed: SEED });
  const batches = Array.from({ length: Math.ceil(rows / BATCH_ROWS) }, (_, index) => {
    const first = index * BATCH_ROWS;
    const batch = new Float32Array(Math.min(BATCH_ROWS, rows - first) * width);
    for (let at = 0; at < batch.length; at += width) source.passage(first + at / width, batch.subarray(at, at + width));
    return batch;
  });
  const queries = Array.from({ length: order.queries }, (_, index) => {
    const query = new Float32Array(width);
    source.query(Math.floor(((index + 0.5) * rows) / order.queries), query);
    return query;
  });
  const view = createView("float32", width);
  for (const batch of batches) view.append(batch, width);
  const exact = queries.map((query) => new Set(view.scan(query, topK, null).map(({ row }) => row)));
  return { order, batches, queries, exact };
}

async function measureGpu(library: Library): Promise<ScanMeasurement | null> {
  const dimensions = library.order.storedDimensions;
  using gpu = await openGpuScan({ dimensions });
  if (!gpu) return null;
  for (const batch of library.batches) await gpu.append(batch, dimensions);
  return measure(library, gpu, { scan: "webgpu", precision: "float32", dimensions });
}

async function measure(
  library: Library,
  view: Scan,
  what: { readonly scan: "cpu" | "webgpu"; readonly precision: Precision; readonly dimensions: number },
): Promise<ScanMeasurement> {
  const { order, queries, exact } = library;
  const { topK, storedDimensions, vectors, rows } = order;
  const candidates = candidateCount(what.precision, what.dimensions, { storedDimensions, topK });
  const scanTimes: number[] = [];
  const rescoreTimes: number[] = [];
  let [found, foundAsIs] = [0, 0];
  for (let i = 0; i < WARM_UPS; i++) await view.scan(queries[i % queries.length]!, candidates, null);
  for (const [index, query] of queries.entries()) {
    const startMs = performance.now();
    const proposed = await view.scan(query, candidates, null);
    scanTimes.push(performance.now() - startMs);
    const stored = read(library, proposed);
    const rescoreMs = performance.now();
    const hits = rescore(proposed, stored, query);
    rescoreTimes.push(performance.now() - rescoreMs);
    found += countIn(exact[index]!, hits.slice(0, topK));
    foundAsIs += countIn(exact[index]!, proposed.slice(0, topK));
  }
  const sought = exact.reduce((sum, { size }) => sum + size, 0);
  return {
    vectors,
    rows,
    ...what,
    bytes: view.bytes,
    scanMs: { median: quantile(scanTimes, 0.5), p95: quantile(scanTimes, 0.95) },
    candidates,
    rescoreMs: quantile(rescoreTimes, 0.5),
    recall: found / sought,
    recallAsIs: foundAsIs / sought,
    queries: queries.length,
  };
}

/** Stored vectors of candidates, in their order. */
function read({ batches, order }: Library, candidates: readonly Candidate[]): Float32Array {
  const width = order.storedDimensions;
  const stored = new Float32Array(candidates.length * width);
  for (const [index, { row }] of candidates.entries()) {
    const start = (row % BATCH_ROWS) * width;
    stored.set(batches[Math.floor(row / BATCH_ROWS)]!.subarray(start, start + width), index * width);
  }
  return stored;
}

function countIn(sought: ReadonlySet<number>, hits: readonly Candidate[]): number {
  return hits.filter(({ row }) => sought.has(row)).length;
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1]!;
}
