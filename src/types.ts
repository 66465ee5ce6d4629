/** @file Hand-over types in pipeline order: pack → text → ids → plan → vectors. Types only. */
import type { DownloadProgress, ModelSource, StorageChoice, StorageStatus } from "./delivery.ts";
import type { DeviceChoice, DeviceStatus, SelfCheckResult } from "./execution.ts";
import type { MetricsSnapshot } from "./metrics.ts";
import type { Activations, Role, WeightBits } from "./pack.ts";

export type * from "./execution.ts";

// ── Text in, ids, plan ───────────────────────────────────────────────────────────────────────

/** A text, or its token ids as the OpenAI API allows (the end token is appended when it is missing). */
export type EmbedInput = string | readonly number[];

/** What happens to a text of more than `maxTokens` tokens. */
export type Overflow = "error" | "truncate";

export type OutputType = "float32" | "int8" | "binary";

export interface CleanOptions {
  /** Drop HTML/XML tags, keep their text, decode entities. @default false */
  readonly stripHtml?: boolean;
  /** Runs of white space become one space, ends are trimmed. @default false */
  readonly collapseWhitespace?: boolean;
  /** Control characters (but tab, line feed, carriage return) become spaces. @default false */
  readonly stripControls?: boolean;
}

/** One text as token ids, the end token last. */
export interface Sequence {
  /** `[tokenCount]`. */
  readonly inputIds: Int32Array;
  /** Whether `overflow: "truncate"` cut it. */
  readonly truncated: boolean;
}

/** Sequences as a rectangle, padded on the left as Qwen3-Embedding's reference does. */
export interface PaddedBatch {
  /** `[rows, columns]`, row-major. */
  readonly inputIds: Int32Array;
  /** `[rows, columns]`, 1 for a token, 0 for padding. */
  readonly attentionMask: Uint8Array;
  readonly rows: number;
  readonly columns: number;
}

/** A run of tokens of one sequence. */
export interface Slice {
  /** Index into the sequences of the request. */
  readonly sequence: number;
  /** First token, counted from the sequence's start. */
  readonly start: number;
  /** Tokens. */
  readonly length: number;
}

/**
 * Tokens that go through a layer in one run: either whole sequences (no slice has a `start` above 0 nor a
 * successor), or exactly one slice of a sequence that is longer than a chunk.
 */
export interface Chunk {
  readonly slices: readonly Slice[];
  readonly tokenCount: number;
  /** Whether the sequence's KV must be kept for its next slice, or is needed from its last. */
  readonly sliced: boolean;
}

/** All layers once over some chunks; slices of a sequence stand next to each other, in order. */
export interface Pass {
  readonly chunks: readonly Chunk[];
  readonly tokenCount: number;
}

// ── Vectors out ────────────────────────────────────────────────────────────────────────────────────────

export interface OutputArrays {
  float32: Float32Array;
  /** Codes of each row's own scale. */
  int8: Int8Array;
  /** Sign bits, first dimension in the highest bit; `ceil(dimensions / 8)` bytes a row. */
  binary: Uint8Array;
}

/** Where the time of a request went. */
export interface EmbedTimings {
  readonly tokenizeMs: number;
  /** Waiting for other requests. */
  readonly queueMs: number;
  /** Token rows, layers and readback. */
  readonly runMs: number;
  /** Final norm, cut, L2, quantization. */
  readonly poolMs: number;
  readonly totalMs: number;
}

/** Embeddings of one request, rows in input order. */
export interface EmbeddingMatrix<O extends OutputType = "float32"> {
  readonly output: O;
  /** `[rows, dimensions]`, row-major; binary: `[rows, ceil(dimensions / 8)]`. */
  readonly data: OutputArrays[O];
  /** int8 only: value ≈ code · scale, `[rows]`. */
  readonly scales: Float32Array | null;
  readonly rows: number;
  readonly dimensions: number;
  /** Tokens that were run, end token included; `[rows]`. */
  readonly tokenCounts: Int32Array;
  /** 1 where the text was cut; `[rows]`. */
  readonly truncated: Uint8Array;
  /** Rows of zeros, which have no vector (`faultyRows: "zero"`). */
  readonly faulty: Int32Array;
  /** Embedding-space id: vectors are comparable when these are equal. */
  readonly space: string;
  readonly timings: EmbedTimings;
}

// ── Options, progress, status ──────────────────────────────────────────────────────────────────────────

export interface TokenizeOptions {
  /** @default "document" */
  readonly role?: Role;
  /** Task of a query. @default the pack's default instruction */
  readonly instruction?: string;
  /** Read `<|endoftext|>` and its like inside a text as the special token. @default false */
  readonly allowSpecialTokens?: boolean;
  /** @default nothing is cleaned */
  readonly clean?: CleanOptions;
  /** @default "error" */
  readonly overflow?: Overflow;
}

/** What crosses to the worker with `embed`. */
export interface EmbedRequest<O extends OutputType = OutputType> extends TokenizeOptions {
  /** Matryoshka cut, then L2 again. @default hidden_size */
  readonly dimensions?: number;
  /** @default "float32" */
  readonly output?: O;
  /** Work of a higher priority overtakes between two runs. @default "normal" */
  readonly priority?: Priority;
  /** What becomes of the request when a row has no finite direction, in f32 either. @default "reject" */
  readonly faultyRows?: FaultyRows;
  /** What becomes of the request while a lost device is being replaced. @default what `createEmbedder` was told */
  readonly whenLost?: WhenLost;
}

/** `EmbedRequest` as the page sends it. */
export interface SentEmbedRequest extends EmbedRequest {
  /** An earlier worker, now lost, had it already: the queue's limit no longer applies. @default false */
  readonly readmitted?: boolean;
}

/** `"reject"`: `numeric-fault` with `details.index`. `"zero"`: the row is zeros and listed in `faulty`. */
export type FaultyRows = "reject" | "zero";

/** `"wait"`: run again when a new device is there. `"fail"`: reject with `device-lost` or `worker-crashed`. */
export type WhenLost = "wait" | "fail";

/** How much of one priority is let in and served; what is left out is unlimited. */
export interface QueueLimits {
  /** Tokens that may wait before `queue-full`; a request that finds nothing waiting is always let in. @default 2000000 */
  readonly maxQueuedTokens?: number;
  /** Requests served at once; the others wait their turn. @default Infinity */
  readonly maxConcurrentRequests?: number;
  /** @default Infinity */
  readonly maxTokensPerSecond?: number;
}

/** What crosses to the worker with `warmUp`. */
export interface WarmUpRequest {
  /** Token counts of the batches to prepare for: each inner array is one batch. @default usual shapes of a query, of short texts and of long ones */
  readonly batches?: readonly (readonly number[])[];
}

export interface WarmUpResult {
  /** Of each batch: its first time and its second, in milliseconds; the difference is what a first request is spared. */
  readonly batches: readonly {
    readonly lengths: readonly number[];
    readonly coldMs: number;
    readonly warmMs: number;
  }[];
  readonly totalMs: number;
}

export type Priority = "interactive" | "normal" | "bulk";

/** What crosses to the worker with `load`. */
export interface LoadRequest {
  readonly model: ModelSource;
  /** `"none"`: read from the source each time, nothing is kept. @default "auto": kept in the browser's storage */
  readonly storage?: StorageChoice;
  /** @default "auto" */
  readonly device?: DeviceChoice;
  /** f16 only where the device has `shader-f16`. @default "f32" */
  readonly activations?: Activations;
  /** Most tokens in one run of a layer. @default DEFAULT_CHUNK_TOKENS */
  readonly chunkTokens?: number;
  /** Longest a run should take, in milliseconds: chunks shrink to fit. `Infinity` leaves them at `chunkTokens`. @default 250; 30 on WebAssembly */
  readonly maxRunMs?: number;
  /** Most GPU memory to use, in bytes; weights that do not fit are streamed. @default remembered, else from the adapter */
  readonly vramBudgetBytes?: number;
  /** Of the budget to start with, after a crash of the GPU; the whole stays its ceiling. @default 1 */
  readonly budgetShare?: number;
  /** What this adapter bore with this pack before, by `VramStatus.budgetKey`. @default {} */
  readonly rememberedBudgets?: Readonly<Record<string, number>>;
  /** By priority. @default QUEUE_LIMITS */
  readonly queue?: Readonly<Partial<Record<Priority, QueueLimits>>>;
  /** After a GPU crash the first answer may be that there is no adapter: ask once more. @default false */
  readonly afterCrash?: boolean;
  /**
   * `"auto"`: brief where the same pack passed a full one within a week, on the same device, browser and runtime.
   *
   * @default "auto"
   */
  readonly selfCheck?: "auto" | "full";
  /** When full self-checks were passed, in milliseconds since 1970, by `SelfCheckResult.key`. @default {} */
  readonly rememberedChecks?: Readonly<Record<string, number>>;
  /** Executions that failed their self-check in an earlier worker; not tried again. @default [] */
  readonly failedChecks?: readonly SelfCheckResult[];
}

/** In order. `download` and `verify` only when something has to be fetched into the browser's storage. */
export type LoadPhase = "device" | "download" | "verify" | "weights" | "session" | "self-check";

export interface LoadProgress {
  readonly phase: LoadPhase;
  /** Of the whole pack, anew in the phases `download`, `verify` and `weights`; 0 in `device`, before the manifest is read. */
  readonly loadedBytes: number;
  readonly totalBytes: number;
  /** How the download goes; `null` in other phases. */
  readonly download: DownloadProgress | null;
}

export interface EmbedProgress {
  readonly doneTexts: number;
  readonly totalTexts: number;
  /** Moves with every run of a layer. */
  readonly doneTokens: number;
  readonly totalTokens: number;
}

/** Phases overlap, so they add up to more than the total. */
export interface LoadTimings {
  readonly manifestMs: number;
  /** Fetching into the browser's storage and reading it back; 0 for what is there already. */
  readonly downloadMs: number;
  readonly deviceMs: number;
  /** Fetching, compiling and starting ONNX Runtime. */
  readonly runtimeMs: number;
  /** Creating the layer session. */
  readonly sessionMs: number;
  /** Reading, checking and uploading layers and token table. */
  readonly weightsMs: number;
  readonly tokenizerMs: number;
  readonly selfCheckMs: number;
  readonly totalMs: number;
}

export interface ModelStatus {
  readonly name: string;
  readonly revision: string;
  readonly bits: WeightBits;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly maxTokens: number;
  readonly minDimensions: number;
  readonly hasTokenizer: boolean;
}

/** Bytes of GPU memory by what they hold. A buffer's label says which; what has none of these is `runtime`. */
export interface VramBytes {
  readonly weights: number;
  /** RoPE tables. */
  readonly tables: number;
  readonly hidden: number;
  /** Index inputs of the chunks. */
  readonly indices: number;
  readonly kv: number;
  readonly readback: number;
  /** ONNX Runtime's own: activations inside a layer, uniforms. */
  readonly runtime: number;
}

export type VramUse = keyof VramBytes;

/** GPU memory on our device, ONNX Runtime's included; zeros on WASM. */
export interface VramStatus {
  /** `null` on WASM. */
  readonly budgetBytes: number | null;
  readonly budgetSource: "caller" | "remembered" | "adapter" | null;
  /** Name under which `budgetBytes` is worth remembering: adapter and pack. */
  readonly budgetKey: string;
  /** By the cost model: the most that any plan so far was to take. */
  readonly predictedBytes: number;
  readonly liveBytes: number;
  readonly peakBytes: number;
  readonly live: VramBytes;
  /** Largest of each use, at moments of their own: they add up to more than `peakBytes`. */
  readonly peak: VramBytes;
  readonly residentLayers: number;
  /** Layers that are uploaded anew in each pass. */
  readonly streamedLayers: number;
}

/** `recovering`: a new worker is loading. `gpu-blocked`: it waits until the browser gives GPUs again. */
export type EmbedderState = "ready" | "recovering" | "gpu-blocked" | "failed" | "disposed";

/** How often, and when again. */
export interface RecoveryStatus {
  /** Devices and workers lost and replaced so far. */
  readonly recoveries: number;
  /** What happened last, in words; `null` when nothing has. */
  readonly lastLoss: string | null;
  /** In state `gpu-blocked`: milliseconds until the next try, as of now. */
  readonly retryAfterMs: number | null;
}

/** Requests and tokens that wait or run. */
export type QueueStatus = Readonly<Record<Priority, { readonly requests: number; readonly tokens: number }>>;

/** What an embedder is and how it came to be. */
export interface EmbedderStatus {
  readonly state: EmbedderState;
  readonly model: ModelStatus;
  readonly device: DeviceStatus;
  /** In the order tried; the last one passed. */
  readonly selfChecks: readonly SelfCheckResult[];
  readonly load: LoadTimings;
  readonly storage: StorageStatus;
  readonly vram: VramStatus;
  readonly queue: QueueStatus;
  readonly recovery: RecoveryStatus;
}

// ── The pipeline, as the worker sees it ────────────────────────────────────────────────────────────────

export interface CallHooks<Progress> {
  /** Honoured between two runs at the latest. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** A run of a layer has been handed to the device, or has ended there: what a watchdog goes by. */
export type RunEvent =
  { readonly kind: "run-start"; readonly expectedMs: number | null } | { readonly kind: "run-end" };

export interface LoadHooks extends CallHooks<LoadProgress> {
  readonly onRun?: (event: RunEvent) => void;
  /** What requests go through. @default the worker's own */ readonly fetch?: typeof fetch;
}

/** A loaded model: `pipeline.ts` makes one, `thread/serve` serves it to the page. */
export interface Pipeline {
  readonly status: EmbedderStatus;
  /** Settles when the GPU device is lost or the runtime is condemned; the pipeline is of no use after it. */
  readonly failed: Promise<unknown>;
  embed(
    inputs: readonly EmbedInput[],
    request: SentEmbedRequest,
    hooks: CallHooks<EmbedProgress>,
  ): Promise<EmbeddingMatrix<OutputType>>;
  tokenize(texts: readonly string[], options: TokenizeOptions, hooks?: CallHooks<never>): Promise<PaddedBatch>;
  /** Of the text as it would be embedded, prompt and end token included; never cut. */
  countTokens(text: string, options: TokenizeOptions, hooks?: CallHooks<never>): Promise<number>;
  /** Compiles pipelines and allocates buffers for the usual shapes, so that the first requests need not. */
  warmUp(request: WarmUpRequest, hooks: CallHooks<EmbedProgress>): Promise<WarmUpResult>;
  /** Counted since the load; see `metrics.ts`. */
  metrics(): MetricsSnapshot;
  dispose(): void;
}
