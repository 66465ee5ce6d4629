/** @file The page's end of the search worker: starts one, and another when that is gone. */
import { proxy, transfer, type Remote } from "comlink";
import { EmbedError, throwIfAborted } from "../errors.ts";
import type { AddProgress, EngineStatus, NewVectors, OpenIndexRequest } from "../search-types.ts";
import type { CallHooks } from "../types.ts";
import type { CountOnPage, SearchEvent, SearchProtocolVersion, SearchService } from "./search-protocol.ts";
import { WorkerCalls, type WorkerPort } from "./worker-calls.ts";

export interface SearchClientOptions {
  readonly request: OpenIndexRequest;
  readonly countTokens: CountOnPage;
  /** Longest wait for the worker's script to be fetched and run, in milliseconds. */
  readonly readyTimeoutMs: number;
  readonly onStatus: (status: EngineStatus) => void;
}

interface Session {
  readonly calls: WorkerCalls<SearchService>;
  readonly opened: Promise<void>;
}

const PROTOCOL: SearchProtocolVersion = 1;

/** Calls of one worker after the other. */
export class SearchClient {
  readonly #startWorker: () => WorkerPort;
  readonly #options: SearchClientOptions;
  #session: Session;
  #isDisposed = false;

  /** @throws {EmbedError} `worker-crashed` when the browser refuses a worker. */
  constructor(startWorker: () => WorkerPort, options: SearchClientOptions) {
    this.#startWorker = startWorker;
    this.#options = options;
    this.#session = this.#start();
  }

  /**
   * Once the index is open. A worker that is gone is replaced, and the index opened again from storage.
   *
   * @throws {EmbedError} `worker-crashed` when the worker goes while the call waits, or does not start; what opening
   *   the index rejects with; `disposed`, `aborted`, or the call's own error.
   */
  async call<R>(
    send: (service: Remote<SearchService>, callId: number) => Promise<R>,
    hooks: CallHooks<AddProgress> = {},
  ): Promise<R> {
    if (this.#isDisposed) throw disposed();
    throwIfAborted(hooks.signal);
    if (this.#session.calls.loss !== null) this.#session = this.#start();
    const { calls, opened } = this.#session;
    return calls.call(async (callId) => {
      await opened;
      throwIfAborted(hooks.signal);
      return send(calls.service, callId);
    }, hooks);
  }

  /** Resolves when the index is open. @throws {EmbedError} As `call`. */
  async opened(signal?: AbortSignal): Promise<void> {
    await this.call(async () => undefined, signal ? { signal } : {});
  }

  /** The vectors are handed over: they are gone from the page afterwards. */
  async keepVectors(vectors: NewVectors): Promise<void> {
    await this.call((service, callId) => service.keepVectors(callId, transfer(vectors, [vectors.vectors.buffer])));
  }

  /** Terminates the worker; pending and later calls reject with `disposed`. A second call does nothing. */
  dispose(): void {
    this.#isDisposed = true;
    this.#session.calls.end(disposed());
  }

  #start(): Session {
    const onMessage = (message: { readonly kind?: string | undefined }): void => {
      const event = message as SearchEvent;
      if (event.kind === "status") this.#options.onStatus(event.status);
    };
    const calls = new WorkerCalls<SearchService>(this.#startWorker, { onMessage });
    const opened = this.#open(calls);
    // Whoever calls hears of it.
    opened.catch(() => undefined);
    return { calls, opened };
  }

  /** The worker is ended when this fails, so that the next call tries again. */
  async #open(calls: WorkerCalls<SearchService>): Promise<void> {
    const { request, countTokens, readyTimeoutMs, onStatus } = this.#options;
    try {
      await calls.greet({ protocol: PROTOCOL, readyTimeoutMs });
      onStatus(await calls.call((callId) => calls.service.open(callId, request, proxy(countTokens)), {}));
    } catch (error) {
      calls.end(
        error instanceof EmbedError ? error : new EmbedError("worker-crashed", String(error), { cause: error }),
      );
      throw error;
    }
  }
}

function disposed(): EmbedError {
  return new EmbedError("disposed", "the index was disposed");
}
