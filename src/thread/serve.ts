/** @file The worker's end: serves a pipeline to the page, with cancellation, progress and the failures of its device. */
import { expose, transfer, type Endpoint } from "comlink";
import { assert, EmbedError } from "../errors.ts";
import type {
  CallHooks,
  EmbedderStatus,
  EmbeddingMatrix,
  EmbedInput,
  EmbedProgress,
  LoadHooks,
  LoadProgress,
  LoadRequest,
  OutputType,
  PaddedBatch,
  Pipeline,
  RunEvent,
  SentEmbedRequest,
  TokenizeOptions,
  WarmUpRequest,
  WarmUpResult,
} from "../types.ts";
import { installErrorTransfer, packError } from "./error-transfer.ts";
import { bridgedFetch } from "./fetch-bridge.ts";
import type { EmbedService, ProtocolVersion, ServiceEvent } from "./protocol.ts";
import { ServedCalls } from "./served-calls.ts";

/** `pipeline.ts` has the one for the worker. */
export type OpenPipeline = (request: LoadRequest, hooks: LoadHooks) => Promise<Pipeline>;

/**
 * Answers the page's calls from now on; to be called while the worker's script is first run, as a message
 * that finds no listener is lost.
 *
 * A call rejects with the pipeline's `EmbedError`; with `out-of-memory` where the JS heap refused an array. Any other
 * error is a bug (a broken invariant, a `TypeError`): nothing that a caller could branch on, so it arrives as the plain
 * `Error` it is, with the worker's message and stack. When `pipeline.failed` settles, or a call rejects with
 * `device-lost` or `worker-crashed`, the page is told that the worker has failed, and ends it.
 *
 * @param endpoint - @default the worker's own port
 */
export function serveEmbedder(
  openPipeline: OpenPipeline,
  endpoint: Endpoint = globalThis as unknown as Endpoint,
): void {
  installErrorTransfer();
  const post = (event: ServiceEvent): void => endpoint.postMessage(event);
  expose(new PipelineService(openPipeline, post), endpoint);
}

/** How long the GPU may take to say why it went, after the first call failed of it. */
const LOSS_REPORT_MS = 1_000;

/** The status of a long job moves too: twice a second is more than anyone reads. */
const STATUS_INTERVAL_MS = 500;

class PipelineService implements EmbedService {
  readonly #openPipeline: OpenPipeline;
  readonly #post: (event: ServiceEvent) => void;
  readonly #calls = new ServedCalls<LoadProgress | EmbedProgress>((callId, progress) => {
    this.#post({ kind: "progress", callId, progress });
    if (performance.now() - this.#statusAt >= STATUS_INTERVAL_MS) this.#postStatus();
  });
  #loads = 0;
  #pipeline: Pipeline | null = null;
  #hasFailed = false;
  #statusAt = 0;

  constructor(openPipeline: OpenPipeline, post: (event: ServiceEvent) => void) {
    this.#openPipeline = openPipeline;
    this.#post = post;
  }

  ready(): ProtocolVersion {
    return 3;
  }

  load(callId: number, request: LoadRequest, fetchPort: MessagePort | null): Promise<EmbedderStatus> {
    return this.#run(callId, async (hooks: CallHooks<LoadProgress>) => {
      assert(++this.#loads === 1, "a worker loads once");
      const onRun = (event: RunEvent): void => this.#post({ kind: "run", event });
      const pageFetch = fetchPort && { fetch: bridgedFetch(fetchPort) };
      const pipeline = await this.#openPipeline(request, { ...hooks, onRun, ...pageFetch });
      this.#pipeline = pipeline;
      const fail = (cause: unknown): void => this.#fail(cause);
      pipeline.failed.then(fail, fail);
      return pipeline.status;
    });
  }

  embed(
    callId: number,
    inputs: readonly EmbedInput[],
    request: SentEmbedRequest,
  ): Promise<EmbeddingMatrix<OutputType>> {
    return this.#run(callId, async (hooks: CallHooks<EmbedProgress>) =>
      transferArrays(await this.#loaded().embed(inputs, request, hooks)),
    );
  }

  tokenize(callId: number, texts: readonly string[], options: TokenizeOptions): Promise<PaddedBatch> {
    return this.#run(callId, async (hooks: CallHooks<never>) =>
      transferArrays(await this.#loaded().tokenize(texts, options, hooks)),
    );
  }

  countTokens(callId: number, text: string, options: TokenizeOptions): Promise<number> {
    return this.#run(callId, async (hooks: CallHooks<never>) => this.#loaded().countTokens(text, options, hooks));
  }

  warmUp(callId: number, request: WarmUpRequest): Promise<WarmUpResult> {
    return this.#run(callId, async (hooks: CallHooks<EmbedProgress>) => this.#loaded().warmUp(request, hooks));
  }

  ping(): void {}

  cancel(callId: number): void {
    this.#calls.cancel(callId);
  }

  #loaded(): Pipeline {
    assert(this.#pipeline !== null, "the page calls a loaded worker");
    return this.#pipeline;
  }

  async #run<R, P extends LoadProgress | EmbedProgress>(
    callId: number,
    work: (hooks: CallHooks<P>) => Promise<R>,
  ): Promise<R> {
    try {
      return await this.#calls.run(callId, work);
    } catch (error) {
      if (this.#pipeline !== null && isFatal(error)) this.#fail(await this.#causeOf(error, this.#pipeline));
      throw error;
    } finally {
      this.#postStatus();
    }
  }

  /** A readback rejects before the browser says why the device is gone, and the page must know that. */
  async #causeOf(error: EmbedError, { failed }: Pipeline): Promise<unknown> {
    if (error.code !== "device-lost" || "reason" in error.details) return error;
    const timeout = new Promise((resolve) => setTimeout(resolve, LOSS_REPORT_MS, error));
    return Promise.race([failed, timeout]);
  }

  /** Posted before any answer, so that no call is answered by a pipeline that is of no use. */
  #fail(cause: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#postStatus();
    const typed = cause instanceof EmbedError;
    const error = typed ? cause : new EmbedError("device-lost", "the device that ran the model was lost", { cause });
    this.#post({ kind: "failed", error: packError(error) });
  }

  #postStatus(): void {
    if (this.#pipeline === null) return;
    this.#statusAt = performance.now();
    this.#post({ kind: "status", status: this.#pipeline.status, metrics: this.#pipeline.metrics() });
  }
}

/** Whether the pipeline is of no use after this. */
function isFatal(error: unknown): error is EmbedError {
  return error instanceof EmbedError && (error.code === "device-lost" || error.code === "worker-crashed");
}

/** The same fields, their typed arrays ready to be moved instead of copied. */
function transferArrays<R extends object>(result: R): R {
  const buffers: Transferable[] = [];
  const fields = Object.entries(result).map(([key, value]) => {
    if (!ArrayBuffer.isView(value)) return [key, value];
    const array = exactSize(value as Uint8Array);
    buffers.push(array.buffer);
    return [key, array];
  });
  return transfer(Object.fromEntries(fields) as R, buffers);
}

/** A view into a larger buffer would take that whole buffer along, and a shared one cannot be moved. */
function exactSize(array: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = array.buffer instanceof ArrayBuffer && array.byteLength === array.buffer.byteLength;
  return whole ? (array as Uint8Array<ArrayBuffer>) : array.slice();
}
