/** @file Who is compared, behind one interface: each runs in a worker of its own, whose GPU is watched by the same probe. Types only. */
import type { AdapterFacts, Priority } from "../../src/types.ts";

export type ContenderName = "strata" | "transformers.js";

/** What to load. */
export interface ContenderModel {
  /** Absolute URL of the pack's folder (Strata) or of the export's folder (transformers.js), with a slash at its end. */
  readonly url: string;
  readonly device: "webgpu" | "wasm";
  /** Of the export: which of its files transformers.js loads. Strata goes by its pack, and by `activations`. */
  readonly dtype: "fp32" | "fp16" | "q8" | "q4" | "q4f16";
  readonly activations: "f32" | "f16";
  /**
   * Whether files stay in the browser, as each runtime does unless told otherwise: Strata in its private file system,
   * transformers.js in the Cache API. @default "none"
   */
  readonly storage?: "none" | "kept";
  /**
   * The GPU device of transformers.js: ONNX Runtime's own, or one without `subgroups`. Where these are narrower than 16
   * ONNX Runtime's own gives wrong vectors from 32 tokens on. @default "own"
   */
  readonly peerDevice?: PeerDevice;
}

export type PeerDevice = "own" | "no-subgroups";

/** Texts to embed. transformers.js pads what is in one call to its longest text, so its users split work in batches. */
export interface EmbedCall {
  readonly texts: readonly string[];
  /** Texts a call of transformers.js; Strata gets all at once and plans for itself. */
  readonly batchSize: number;
  /** Queries get Strata's prompt; for transformers.js the caller has put the same prompt before the text. */
  readonly role: "query" | "document";
  /** Of Strata; transformers.js runs its calls in turn. @default "interactive" for queries, else "normal" */
  readonly priority?: Priority;
}

export interface EmbedOutcome {
  /** `[texts, dimensions]`, row-major, unit vectors. Texts over the model's limit were cut. */
  readonly vectors: Float32Array;
  readonly dimensions: number;
  /** From the call to the vectors, in milliseconds, as the page sees it. */
  readonly totalMs: number;
}

/** What the probe in the worker counted since it was last asked, on all GPU devices of that worker. */
export interface GpuUsage {
  readonly liveBytes: number;
  readonly peakBytes: number;
  /** Bytes of buffers that were mapped for reading. */
  readonly readBackBytes: number;
  readonly dispatches: number;
  readonly submits: number;
  /** Of all WebAssembly memories, which never shrink. */
  readonly wasmBytes: number;
}

export interface OpenOutcome {
  /** From the call until the model can embed, in milliseconds. */
  readonly openMs: number;
  readonly adapter: AdapterFacts | null;
  /** Such as `webgpu f32 jspi`. */
  readonly execution: string;
  /** Where the time of opening went, in milliseconds by phase; phases may overlap. Empty where the runtime does not say. */
  readonly phases: Readonly<Record<string, number>>;
}

/** `"left-out"`: every buffer and pipeline is made, but nothing is computed. Vectors are meaningless then, or faulty. */
export type Dispatches = "run" | "left-out";

/** One runtime with one model. */
export interface Contender {
  readonly name: ContenderName;
  open(model: ContenderModel): Promise<OpenOutcome>;
  /** @throws What the runtime throws; benchmarks record it as how it failed. */
  embed(call: EmbedCall): Promise<EmbedOutcome>;
  /** Counters since the last call; the peak starts again from what is live. */
  usage(): Promise<GpuUsage>;
  /** From now on; `"run"` at first. For the memory of texts that software WebGPU would compute on for hours. */
  setDispatches(dispatches: Dispatches): Promise<void>;
  /** Ends the worker. */
  close(): void;
}
