/** @file The page's end of one search worker. */
import { proxy, transfer, type Remote } from "comlink";
import { EmbedError } from "../errors.ts";
import type { AddProgress, EngineStatus, NewVectors, OpenIndexRequest } from "../search-types.ts";
import type { CallHooks } from "../types.ts";
import type { CountOnPage, SearchEvent, SearchProtocolVersion, SearchService } from "./search-protocol.ts";
import { WorkerCalls, type WorkerPort } from "./worker-calls.ts";

export interface SearchClientOptions {
  /** Longest wait for the worker's script to be fetched and run, in milliseconds. */
  readonly readyTimeoutMs: number;
  readonly onStatus: (status: EngineStatus) => void;
  /** Why no call can be made any more. */
  readonly onEnd?: (error: EmbedError) => void;
}

const PROTOCOL: SearchProtocolVersion = 1;

/** Calls of one worker. */
export class SearchClient {
  readonly #calls: WorkerCalls<SearchService>;
  readonly #options: SearchClientOptions;

  /** @throws {EmbedError} `worker-crashed` when the browser refuses a worker. */
  constructor(startWorker: () => WorkerPort, options: SearchClientOptions) {
    this.#options = options;
    const onMessage = (message: { readonly kind?: string | undefined }): void => {
      const event = message as SearchEvent;
      if (event.kind === "status") options.onStatus(event.status);
    };
    this.#calls = new WorkerCalls<SearchService>(startWorker, { onMessage });
    void this.#calls.ended.then((error) => options.onEnd?.(error));
  }

  /** @throws {EmbedError} `worker-crashed`, `storage-full`, `storage-busy`, `index-mismatch`, `aborted`; the worker is ended then. */
  async open(request: OpenIndexRequest, countTokens: CountOnPage, signal?: AbortSignal): Promise<EngineStatus> {
    const hooks = signal ? { signal } : {};
    try {
      await this.#calls.greet({ protocol: PROTOCOL, readyTimeoutMs: this.#options.readyTimeoutMs, signal });
      return await this.call((service, callId) => service.open(callId, request, proxy(countTokens)), hooks);
    } catch (error) {
      this.#calls.end(error instanceof EmbedError ? error : disposed());
      throw error;
    }
  }

  /** @throws {EmbedError} `worker-crashed`, `disposed`, `aborted`, or the call's own error. */
  async call<R>(
    send: (service: Remote<SearchService>, callId: number) => Promise<R>,
    hooks: CallHooks<AddProgress> = {},
  ): Promise<R> {
    return this.#calls.call((callId) => send(this.#calls.service, callId), hooks);
  }

  /** The vectors are handed over: they are gone from the page afterwards. */
  async keepVectors(vectors: NewVectors): Promise<void> {
    const sent = transfer(vectors, [vectors.vectors.buffer]);
    await this.call((service, callId) => service.keepVectors(callId, sent));
  }

  /** Terminates the worker; pending and later calls reject with `disposed`. A second call does nothing. */
  dispose(): void {
    this.#calls.end(disposed());
  }
}

function disposed(): EmbedError {
  return new EmbedError("disposed", "the index was disposed");
}
