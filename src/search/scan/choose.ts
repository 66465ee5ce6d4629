/** @file Which of two scans to use, found out by trying both. */
import { EmbedError } from "../../errors.ts";
import type { Candidate } from "./coding.ts";
import type { GpuScan } from "./gpu-scan.ts";
import type { VectorView } from "./views.ts";

/** Below it nobody waits for the scan, and a copy of all vectors on the GPU would gain nothing that is felt. */
const FAST_ENOUGH_MS = 5;
/** WebGPU must win by this much: the model's own work may be before it on the GPU. */
const WORTHWHILE_FACTOR = 1.5;
/** As many as a query asks for with its rescoring. */
const TRIED_CANDIDATES = 50;
/** Both compute unit vectors' products, WebGPU in float32: more than this apart, something is wrong there. */
const SCORE_TOLERANCE = 1e-5;

export interface ScanChoice {
  readonly kind: "cpu" | "webgpu";
  /** Medians of a scan. */
  readonly cpuMs: number;
  /** `null`: not tried. */
  readonly gpuMs: number | null;
  /** For people. */
  readonly reason: string;
  /** The caller's from now on; `null` unless `kind` is "webgpu". */
  readonly gpu: GpuScan | null;
}

/**
 * Runs both scans in turn on the same queries. A GPU that is not chosen is disposed of.
 *
 * @param openGpu - Opens the scan and gives it all rows of `cpu`; `null` where there is no GPU. Called only if the
 *   scan here takes long enough, and what it throws decides for "cpu".
 * @param queries - `[storedDimensions]` each; one or more.
 */
export async function chooseScan(
  cpu: VectorView,
  openGpu: () => Promise<GpuScan | null>,
  queries: readonly Float32Array[],
): Promise<ScanChoice> {
  const cpuMs = median(queries.map((query) => timeHere(cpu, query).ms));
  const stay = (reason: string, gpuMs: number | null = null): ScanChoice => ({
    kind: "cpu",
    cpuMs,
    gpuMs,
    reason,
    gpu: null,
  });
  if (cpu.precision !== "float32") return stay(`only float32 is compared on WebGPU, this is ${cpu.precision}`);
  if (cpuMs < FAST_ENOUGH_MS) return stay(`${cpuMs.toFixed(1)} ms, WebGPU not tried: nothing to gain`);
  let gpu: GpuScan | null = null;
  try {
    gpu = await openGpu();
    if (gpu === null) return stay("no WebGPU, or only in software");
    const tried = await tryBoth(cpu, gpu, queries);
    if (tried.difference > SCORE_TOLERANCE) return stay(`scores on WebGPU differ by ${tried.difference}`, tried.gpuMs);
    const times = `${tried.gpuMs.toFixed(1)} ms on WebGPU, ${tried.cpuMs.toFixed(1)} ms on the CPU`;
    if (tried.gpuMs * WORTHWHILE_FACTOR > tried.cpuMs) return stay(times, tried.gpuMs);
    const chosen = gpu;
    gpu = null;
    return { kind: "webgpu", cpuMs: tried.cpuMs, gpuMs: tried.gpuMs, reason: times, gpu: chosen };
  } catch (error) {
    if (!(error instanceof EmbedError)) throw error;
    return stay(`WebGPU failed: ${error.message}`);
  } finally {
    gpu?.dispose();
  }
}

async function tryBoth(cpu: VectorView, gpu: GpuScan, queries: readonly Float32Array[]) {
  // The first scan on a GPU waits for its uploads.
  await gpu.scan(queries[0]!, TRIED_CANDIDATES, null);
  const cpuTimes: number[] = [];
  const gpuTimes: number[] = [];
  let difference = 0;
  for (const query of queries) {
    const here = timeHere(cpu, query);
    const startMs = performance.now();
    const there = await gpu.scan(query, TRIED_CANDIDATES, null);
    gpuTimes.push(performance.now() - startMs);
    cpuTimes.push(here.ms);
    difference = Math.max(difference, largestDifference(here.found, there));
  }
  return { cpuMs: median(cpuTimes), gpuMs: median(gpuTimes), difference };
}

function timeHere(cpu: VectorView, query: Float32Array): { readonly ms: number; readonly found: Candidate[] } {
  const startMs = performance.now();
  const found = cpu.scan(query, TRIED_CANDIDATES, null);
  return { ms: performance.now() - startMs, found };
}

/** Of scores rank by rank: rows of nearly the same score may change places. */
function largestDifference(here: readonly Candidate[], there: readonly Candidate[]): number {
  if (here.length !== there.length) return Infinity;
  return here.reduce((largest, { score }, rank) => Math.max(largest, Math.abs(score - there[rank]!.score)), 0);
}

/** The upper one of the two in the middle. @param values - One or more. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
