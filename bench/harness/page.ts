/** @file The page of benchmarks: an embedder whose worker can be looked into. */
import { openEmbedder, type Embedder } from "../../src/embedder.ts";
import type { EmbedderStatus, LoadRequest, Priority, WarmUpRequest, WarmUpResult } from "../../src/types.ts";
import { embedWithQueries, type BulkSample, type QueryLoad } from "./bulk-with-queries.ts";
import type { LoggedRun, ProbeAnswer, ProbeQuestion } from "./probe.ts";

export type LoadChoice = Pick<
  LoadRequest,
  "device" | "activations" | "chunkTokens" | "maxRunMs" | "vramBudgetBytes" | "queue"
>;

/** Token ids of texts, end token included. */
export type Texts = readonly (readonly number[])[];

/** One request. */
export interface Sample {
  /** Of the first text. */
  readonly vector: readonly number[];
  /** Token rows, layers and readback. */
  readonly milliseconds: number;
  /** From the call to the answer. */
  readonly totalMs: number;
  /** Chunks times layers. */
  readonly runs: number;
  /** Of all runs together. */
  readonly runSeconds: number;
  /** Streamed layers written to the GPU. */
  readonly uploads: number;
  /** After it. */
  readonly status: EmbedderStatus;
  /** Never shrinks. */
  readonly wasmBytes: number;
}

/** What a benchmark calls from outside. */
export interface BenchPage {
  /** @param model - URL of the pack, relative to the server. */
  open(model: string, choice: LoadChoice): Promise<EmbedderStatus>;
  embed(texts: Texts, priority?: Priority): Promise<Sample>;
  /** One request after the other; milliseconds of each, from call to answer. */
  embedEach(requests: readonly Texts[], priority?: Priority): Promise<number[]>;
  /** A bulk job, and queries while it runs. */
  embedWithQueries(passages: Texts, load: QueryLoad | null): Promise<BulkSample>;
  /** Runs since the log was started. */
  logRuns(log: "start" | "end"): Promise<readonly LoggedRun[]>;
  warmUp(request: WarmUpRequest): Promise<WarmUpResult>;
  /** Of the worker's WebAssembly memory, which never shrinks. */
  wasmBytes(): Promise<number>;
  status(): EmbedderStatus;
}

declare global {
  var bench: BenchPage;
}

/** A run of minutes is no fault here: machines are loaded, and slices are as long as the caller wants them. */
const WATCHDOG = { pingMs: 60_000, runMs: 900_000 };

/** The last one started: a replaced worker's memory is gone with it. */
let worker: Worker;
let embedder: Embedder;

globalThis.bench = {
  async open(model, choice) {
    const url = new URL(model, location.href).href;
    embedder = await openEmbedder({ model: url, storage: "none", ...choice, watchdog: WATCHDOG }, () => {
      worker = new Worker(new URL("./probed.worker.ts", import.meta.url), { type: "module" });
      return worker;
    });
    return embedder.status;
  },
  async embed(texts, priority = "normal") {
    const before = countWork();
    const { data, dimensions, timings } = await embedder.embed(texts, { priority });
    const after = countWork();
    return {
      vector: [...data.subarray(0, dimensions)],
      milliseconds: timings.runMs,
      totalMs: timings.totalMs,
      runs: after.runs - before.runs,
      runSeconds: after.runSeconds - before.runSeconds,
      uploads: after.uploads - before.uploads,
      status: embedder.status,
      wasmBytes: await bench.wasmBytes(),
    };
  },
  async embedEach(requests, priority = "normal") {
    const times: number[] = [];
    for (const texts of requests) {
      const started = performance.now();
      await embedder.embed(texts, { priority });
      times.push(performance.now() - started);
    }
    return times;
  },
  async embedWithQueries(passages, load) {
    await bench.logRuns("start");
    const sample = await embedWithQueries(embedder, passages, load);
    return { ...sample, runs: await bench.logRuns("end") };
  },
  async logRuns(log) {
    const answer = await ask({ kind: "probe-runs", log });
    return answer.kind === "probe-runs" ? answer.runs : [];
  },
  warmUp: (request) => embedder.warmUp(request),
  async wasmBytes() {
    const answer = await ask({ kind: "probe-wasm-bytes" });
    return answer.kind === "probe-wasm-bytes" ? answer.bytes : NaN;
  },
  status: () => embedder.status,
};

function countWork(): Pick<Sample, "runs" | "runSeconds" | "uploads"> {
  const { strata_run_duration_seconds: durations, strata_uploads_total: uploads } = embedder.metrics();
  const { count, sum } = durations[0]?.value ?? { count: 0, sum: 0 };
  return { runs: count, runSeconds: sum, uploads: uploads[0]?.value ?? 0 };
}

function ask(question: ProbeQuestion): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const receive = ({ data }: MessageEvent<Partial<ProbeAnswer>>): void => {
      if (data.kind !== question.kind) return;
      worker.removeEventListener("message", receive);
      resolve(data as ProbeAnswer);
    };
    worker.addEventListener("message", receive);
    worker.postMessage(question);
  });
}
