/** @file The worker's end: serves a pipeline to the page, with cancellation, progress and the failures of its device. */
import { expose, transfer, type Endpoint } from "comlink";
import { assert, EmbedError } from "../errors.ts";
import type {
  CallHooks,
  EmbedderStatus,
  EmbeddingMatrix,
  EmbedInput,
  EmbedProgress,
  EmbedRequest,
  LoadProgress,
  LoadRequest,
  OutputType,
  PaddedBatch,
  Pipeline,
  TokenizeOptions,
} from "../types.ts";
import { installErrorTransfer } from "./error-transfer.ts";
import type { EmbedService, ProtocolVersion, ServiceEvent } from "./protocol.ts";
import { throttleProgress } from "./throttle-progress.ts";

/** `pipeline.ts` has the one for the worker. */
export type OpenPipeline = (request: LoadRequest, hooks: CallHooks<LoadProgress>) => Promise<Pipeline>;

/**
 * Answers the page's calls from now on; to be called while the worker's script is first run, as a message
 * that finds no listener is lost.
 *
 * A call rejects with the pipeline's `EmbedError`; with `device-lost` once `pipeline.failed` has settled, whether
 * the pipeline still settles it or not; with `out-of-memory` where the JS heap refused an array. Any other error is a
 * bug (a broken invariant, a `TypeError`): nothing that a caller could branch on, so it arrives as the plain `Error`
 * it is, with the worker's message and stack.
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

interface RunningCall {
  readonly controller: AbortController;
  readonly reject: (error: EmbedError) => void;
}

class PipelineService implements EmbedService {
  readonly #openPipeline: OpenPipeline;
  readonly #post: (event: ServiceEvent) => void;
  readonly #calls = new Map<number, RunningCall>();
  #loads = 0;
  #pipeline: Pipeline | null = null;
  #failure: EmbedError | null = null;

  constructor(openPipeline: OpenPipeline, post: (event: ServiceEvent) => void) {
    this.#openPipeline = openPipeline;
    this.#post = post;
  }

  ready(): ProtocolVersion {
    return 1;
  }

  load(callId: number, request: LoadRequest): Promise<EmbedderStatus> {
    return this.#run(callId, async (hooks: CallHooks<LoadProgress>) => {
      assert(++this.#loads === 1, "a worker loads once");
      const pipeline = await this.#openPipeline(request, hooks);
      this.#pipeline = pipeline;
      const fail = (cause: unknown): void => this.#fail(cause);
      pipeline.failed.then(fail, fail);
      return pipeline.status;
    });
  }

  embed(callId: number, inputs: readonly EmbedInput[], request: EmbedRequest): Promise<EmbeddingMatrix<OutputType>> {
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

  cancel(callId: number): void {
    this.#calls.get(callId)?.controller.abort();
  }

  #loaded(): Pipeline {
    assert(this.#pipeline !== null, "the page calls a loaded worker");
    return this.#pipeline;
  }

  /** Runs one call so that it settles even if the pipeline, its device gone, never settles it. */
  async #run<R, P extends LoadProgress | EmbedProgress>(
    callId: number,
    work: (hooks: CallHooks<P>) => Promise<R>,
  ): Promise<R> {
    if (this.#failure !== null) throw this.#failure;
    const controller = new AbortController();
    const { signal } = controller;
    const throttle = throttleProgress((progress: P) => this.#post({ kind: "progress", callId, progress }));
    try {
      return await new Promise<R>((resolve, reject) => {
        this.#calls.set(callId, { controller, reject });
        work({ signal, onProgress: throttle.report }).then(resolve, reject);
      });
    } catch (error) {
      throw typedError(error, signal);
    } finally {
      this.#calls.delete(callId);
      throttle.flush();
      this.#postStatus();
    }
  }

  #fail(cause: unknown): void {
    const typed = cause instanceof EmbedError;
    this.#failure = typed ? cause : new EmbedError("device-lost", "the device that ran the model was lost", { cause });
    this.#postStatus();
    for (const { controller, reject } of this.#calls.values()) {
      reject(this.#failure);
      controller.abort();
    }
  }

  #postStatus(): void {
    if (this.#pipeline === null) return;
    const { status } = this.#pipeline;
    this.#post({ kind: "status", status: this.#failure === null ? status : { ...status, state: "failed" } });
  }
}

function typedError(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof EmbedError) return error;
  if (signal.aborted) return new EmbedError("aborted", "cancelled by the caller", { cause: error });
  // A heap that is full can show in any line that makes an array, so it is told apart here, once.
  if (error instanceof RangeError && /alloc|out of memory/i.test(error.message)) {
    return new EmbedError("out-of-memory", `the worker's JS heap is full: ${error.message}`, { cause: error });
  }
  return error;
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
