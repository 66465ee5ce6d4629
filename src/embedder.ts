/** @file The embedder: createEmbedder and what it returns. Checks on the page, work in a worker. */
import {
  checkInputs,
  checkModelOptions,
  checkPositiveInteger,
  checkRequest,
  checkText,
  checkTexts,
} from "./embedder-input.ts";
import type { ModelOptions } from "./embedder-input.ts";
import { openClient, type EmbedClient, type WorkerPort } from "./thread/client.ts";
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
} from "./types.ts";

/** How an embedder is made. */
export interface EmbedderOptions extends ModelOptions, CallHooks<LoadProgress> {
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

/**
 * A model in a worker. Every call settles: with its result, its own error, `aborted` at once when its signal says so,
 * `disposed` after `dispose()`, `device-lost` or `worker-crashed` when what ran the model is gone (make a new embedder
 * then). An error that is not an `EmbedError` is a bug in Strata.
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
  /** Ends the worker and frees its memory; what is under way rejects with `disposed`. */
  dispose(): void;
}

/** The worker's script is about 200 kB: 20 s on a 10 kB/s link, and then it must be compiled. */
const READY_TIMEOUT_MS = 30_000;

/**
 * Loads a pack into a worker of its own.
 *
 * @throws {EmbedError} `invalid-input`, `model-not-found`, `model-fetch-failed`, `model-corrupt`,
 * `webgpu-unavailable`, `out-of-memory`, `device-lost`, `worker-crashed`, `aborted`; `numeric-fault` with
 * `details.selfChecks` when no execution gives the pack's known answers.
 */
export function createEmbedder(options: EmbedderOptions): Promise<Embedder> {
  // One literal expression: bundlers find the worker's entry by it.
  return openEmbedder(
    options,
    () => new Worker(new URL("../workers/embed.worker.ts", import.meta.url), { type: "module" }),
  );
}

/** `createEmbedder` with a worker of the caller's making. */
export async function openEmbedder(options: EmbedderOptions, startWorker: () => WorkerPort): Promise<Embedder> {
  const request = checkModelOptions(options, globalThis.document?.baseURI);
  const readyTimeoutMs = checkPositiveInteger("readyTimeoutMs", options.readyTimeoutMs ?? READY_TIMEOUT_MS);
  return new WorkerEmbedder(await openClient(startWorker, request, { ...options, readyTimeoutMs }));
}

class WorkerEmbedder implements Embedder {
  readonly #client: EmbedClient;

  constructor(client: EmbedClient) {
    this.#client = client;
  }

  get status(): EmbedderStatus {
    return this.#client.status;
  }

  async embed<O extends OutputType = "float32">(
    inputs: EmbedInput | readonly EmbedInput[],
    options: EmbedOptions<O> = {},
  ): Promise<EmbeddingMatrix<O>> {
    const matrix = await this.#client.embed(checkInputs(inputs), checkRequest(options), options);
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
    return this.#client.countTokens(checkText(text), checkRequest(options), options);
  }

  async tokenize(texts: readonly string[], options: TokenOptions = {}): Promise<PaddedBatch> {
    return this.#client.tokenize(checkTexts(texts), checkRequest(options), options);
  }

  dispose(): void {
    this.#client.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
