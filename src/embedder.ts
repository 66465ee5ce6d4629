/** @file The embedder: createEmbedder and what it returns. Checks on the page, work in a worker. */
import {
  checkChoices,
  checkInputs,
  checkLimits,
  checkModelOptions,
  checkPositiveInteger,
  checkRequest,
  checkText,
  checkTexts,
  checkWarmUp,
} from "./embedder-input.ts";
import type { ModelOptions } from "./embedder-input.ts";
import { checkFetch } from "./model-input.ts";
import { embedStream, type EmbeddedRow, type StreamOptions } from "./embed-stream.ts";
import type { MetricsSnapshot } from "./metrics.ts";
import type { PageFetch } from "./thread/fetch-bridge.ts";
import { askToPersist } from "./thread/persist.ts";
import { openSupervisor, type RecoverOptions, type Supervisor, type SupervisorOptions } from "./thread/supervisor.ts";
import type { WatchdogLimits } from "./thread/watchdog.ts";
import type { WorkerPort } from "./thread/worker-calls.ts";
import type {
  CallHooks,
  EmbedderStatus,
  EmbeddingMatrix,
  EmbedInput,
  EmbedProgress,
  EmbedRequest,
  LoadProgress,
  OutputType,
  PaddedBatch,
  TokenizeOptions,
  WarmUpRequest,
  WarmUpResult,
  WhenLost,
} from "./types.ts";

/** How an embedder is made. */
export interface EmbedderOptions extends ModelOptions, CallHooks<LoadProgress> {
  /** What the pack is fetched through, on the page: for headers that expire, or another transport. @default the worker's own `fetch` */
  readonly fetch?: PageFetch;
  /** Of the first load, and of each load that replaces a lost device. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Called after each change of `status`; in state `gpu-blocked` the countdown is not one. */
  readonly onStatus?: (status: EmbedderStatus) => void;
  /** What becomes of requests while a lost device is being replaced; each can say otherwise. @default "wait" */
  readonly whenLost?: WhenLost;
  /** When a worker that is silent counts as frozen. @default right for a GPU, and for WebAssembly */
  readonly watchdog?: WatchdogLimits;
  /** Longest wait for the worker's script to be fetched and run, in milliseconds. @default 30000 */
  readonly readyTimeoutMs?: number;
}

/** How one request is embedded. */
export interface EmbedOptions<O extends OutputType = OutputType> extends EmbedRequest<O>, CallHooks<EmbedProgress> {}

/** A query is a query in float32; `priority` is "interactive" unless told. */
export type QueryOptions = Omit<EmbedOptions<"float32">, "role" | "output">;

/** A document takes no instruction. */
export type DocumentsOptions<O extends OutputType = OutputType> = Omit<EmbedOptions<O>, "role" | "instruction">;

/** How a text is tokenized. */
export interface TokenOptions extends TokenizeOptions {
  readonly signal?: AbortSignal;
}

/** What to warm up for. */
export interface WarmUpOptions extends WarmUpRequest, CallHooks<EmbedProgress> {}

/**
 * A model in a worker. Every call settles: with its result, its own error, `aborted` at once when its signal says so,
 * `disposed` after `dispose()`. When what ran the model is gone, a fresh worker takes over and is asked again, inputs
 * and options unchanged (progress starts over); only when there is no recovery, or with `whenLost: "fail"`, a call
 * rejects with `device-lost` or `worker-crashed`. An error that is not an `EmbedError` is a bug in Strata.
 */
export interface Embedder extends Disposable {
  /** The same object until something changes. */
  readonly status: EmbedderStatus;
  /**
   * @param inputs - One text, the token ids of one text, or an array of either; empty gives a matrix without rows.
   * @throws {EmbedError} `invalid-input` with `details.index`; see the README's table for what can happen later.
   */
  embed<O extends OutputType = "float32">(
    inputs: EmbedInput | readonly EmbedInput[],
    options?: EmbedOptions<O>,
  ): Promise<EmbeddingMatrix<O>>;
  /**
   * A search query, in the model's query format.
   *
   * @returns `[dimensions]`, L2-normalized.
   */
  embedQuery(text: string, options?: QueryOptions): Promise<Float32Array>;
  /** Texts to be found. */
  embedDocuments<O extends OutputType = "float32">(
    texts: readonly string[],
    options?: DocumentsOptions<O>,
  ): Promise<EmbeddingMatrix<O>>;
  /** Tokens of the text as it would be embedded, prompt and end token included; never cut. */
  countTokens(text: string, options?: TokenOptions): Promise<number>;
  /** What the model reads, padded on the left. */
  tokenize(texts: readonly string[], options?: TokenOptions): Promise<PaddedBatch>;
  /**
   * One row after the other of a source of any length, in order, in bounded memory.
   *
   * @throws {EmbedError} `invalid-input` for options, at once; the rest while rows are taken: see `embedStream`.
   */
  embedStream<O extends OutputType = "float32">(
    source: Iterable<EmbedInput> | AsyncIterable<EmbedInput>,
    options?: StreamOptions<O>,
  ): AsyncGenerator<EmbeddedRow<O>, void, undefined>;
  /** Compiles pipelines and allocates buffers for the usual shapes, so that the first requests need not. */
  warmUp(options?: WarmUpOptions): Promise<WarmUpResult>;
  /**
   * Starts again at once: out of `failed`, out of `gpu-blocked`, back from WebAssembly, or over to another device.
   *
   * @throws {EmbedError} What it ends in `failed` for.
   */
  recover(options?: RecoverOptions): Promise<void>;
  /** Everything counted so far; no counter goes back when a worker is replaced. See `toPrometheus`, `summarize`. */
  metrics(): MetricsSnapshot;
  /** Ends the worker and frees its memory; what is under way rejects with `disposed`. */
  dispose(): void;
}

/** The worker's script is about 200 kB: 20 s on a 10 kB/s link, and then it must be compiled. */
const READY_TIMEOUT_MS = 30_000;

/**
 * Loads a pack into a worker of its own.
 *
 * @throws {EmbedError} `invalid-input`, `model-not-found`, `model-fetch-failed`, `model-corrupt`, `storage-full`,
 * `storage-busy`, `webgpu-unavailable`, `out-of-memory`, `device-lost`, `worker-crashed`, `aborted`; `numeric-fault` with
 * `details.selfChecks` when no execution gives the pack's known answers.
 */
export function createEmbedder(options: EmbedderOptions): Promise<Embedder> {
  // One literal expression: bundlers find the worker's entry by it.
  return openEmbedder(
    options,
    () => new Worker(new URL("../workers/embed.worker.ts", import.meta.url), { type: "module" }),
  );
}

/** `createEmbedder` with a worker of the caller's making, and with the caller's clock and memory. */
export async function openEmbedder(
  options: EmbedderOptions,
  startWorker: () => WorkerPort,
  surroundings: Pick<SupervisorOptions, "clock" | "recall"> = {},
): Promise<Embedder> {
  const request = checkModelOptions(options, globalThis.document?.baseURI);
  const readyTimeoutMs = checkPositiveInteger("readyTimeoutMs", options.readyTimeoutMs ?? READY_TIMEOUT_MS);
  const watchdog = checkLimits(options.watchdog ?? {}, { option: "watchdog", names: ["pingMs", "runMs"] });
  checkFetch(options.fetch);
  const onProgress = askingToPersist(options.onProgress);
  const all = { ...options, ...surroundings, readyTimeoutMs, watchdog, onProgress };
  return new WorkerEmbedder(await openSupervisor(startWorker, request, all));
}

/** What is worth a download is worth keeping. */
function askingToPersist(report: EmbedderOptions["onProgress"]): (progress: LoadProgress) => void {
  let hasAsked = false;
  return (progress) => {
    if (progress.phase === "download" && !hasAsked) askToPersist();
    hasAsked ||= progress.phase === "download";
    report?.(progress);
  };
}

class WorkerEmbedder implements Embedder {
  readonly #supervisor: Supervisor;

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  get status(): EmbedderStatus {
    return this.#supervisor.status;
  }

  async embed<O extends OutputType = "float32">(
    inputs: EmbedInput | readonly EmbedInput[],
    options: EmbedOptions<O> = {},
  ): Promise<EmbeddingMatrix<O>> {
    const matrix = await this.#supervisor.embed(checkInputs(inputs), checkRequest(options), options);
    return matrix as EmbeddingMatrix<O>;
  }

  async embedQuery(text: string, options: QueryOptions = {}): Promise<Float32Array> {
    const request = { priority: "interactive", ...options, role: "query", output: "float32" } as const;
    const { data } = await this.embed<"float32">([checkText(text)], request);
    return data;
  }

  async embedDocuments<O extends OutputType = "float32">(
    texts: readonly string[],
    options: DocumentsOptions<O> = {},
  ): Promise<EmbeddingMatrix<O>> {
    return this.embed<O>(checkTexts(texts), { ...options, role: "document" } as EmbedOptions<O>);
  }

  async countTokens(text: string, options: TokenOptions = {}): Promise<number> {
    return this.#supervisor.countTokens(checkText(text), checkRequest(options), options);
  }

  async tokenize(texts: readonly string[], options: TokenOptions = {}): Promise<PaddedBatch> {
    return this.#supervisor.tokenize(checkTexts(texts), checkRequest(options), options);
  }

  embedStream<O extends OutputType = "float32">(
    source: Iterable<EmbedInput> | AsyncIterable<EmbedInput>,
    options: StreamOptions<O> = {},
  ): AsyncGenerator<EmbeddedRow<O>, void, undefined> {
    return embedStream<O>((inputs, batchOptions) => this.embed<O>(inputs, batchOptions), source, options);
  }

  async warmUp(options: WarmUpOptions = {}): Promise<WarmUpResult> {
    return this.#supervisor.warmUp(checkWarmUp(options), options);
  }

  async recover(options: RecoverOptions = {}): Promise<void> {
    checkChoices(options);
    return this.#supervisor.recover(options);
  }

  metrics(): MetricsSnapshot {
    return this.#supervisor.metrics;
  }

  dispose(): void {
    this.#supervisor.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
