/** @file The page's end of the store's worker: starts one when it is needed, and another when that is gone. */
import type { Remote } from "comlink";
import { EmbedError, throwIfAborted } from "../errors.ts";
import type { CallHooks } from "../types.ts";
import type { PageFetch } from "./fetch-bridge.ts";
import type { StoreProtocolVersion, StoreService } from "./store-protocol.ts";
import { WorkerCalls, type WorkerPort } from "./worker-calls.ts";

export interface StoreClientOptions {
  /** Longest wait for the worker's script to be fetched and run, in milliseconds. */
  readonly readyTimeoutMs: number;
  /** What the worker's requests are to go through. @default they are its own */
  readonly fetch?: PageFetch | undefined;
}

interface Session {
  readonly calls: WorkerCalls<StoreService>;
  readonly greeted: Promise<void>;
}

const PROTOCOL: StoreProtocolVersion = 1;

/** Calls of one worker after the other; there is none before the first call. */
export class StoreClient {
  readonly #startWorker: () => WorkerPort;
  readonly #options: StoreClientOptions;
  #session: Session | null = null;
  #isDisposed = false;

  constructor(startWorker: () => WorkerPort, options: StoreClientOptions) {
    this.#startWorker = startWorker;
    this.#options = options;
  }

  /**
   * @throws {EmbedError} `worker-crashed` when no script, or not ours, answers in time, or the worker goes while the
   * call waits; `disposed`, `aborted`, or the call's own error.
   */
  async call<R, P>(
    send: (service: Remote<StoreService>, callId: number) => Promise<R>,
    hooks: CallHooks<P> = {},
  ): Promise<R> {
    if (this.#isDisposed) throw disposed();
    throwIfAborted(hooks.signal);
    if (this.#session === null || this.#session.calls.loss !== null) this.#session = this.#start();
    const { calls, greeted } = this.#session;
    return calls.call(async (callId) => {
      await greeted;
      // The worker has been told already, when it knew no such call.
      throwIfAborted(hooks.signal);
      return send(calls.service, callId);
    }, hooks);
  }

  /** Terminates the worker; pending and later calls reject with `disposed`. A second call does nothing. */
  dispose(): void {
    this.#isDisposed = true;
    this.#session?.calls.end(disposed());
  }

  #start(): Session {
    const { readyTimeoutMs, fetch } = this.#options;
    const calls = new WorkerCalls<StoreService>(this.#startWorker, { fetch });
    return { calls, greeted: greet(calls, readyTimeoutMs) };
  }
}

/** @throws {EmbedError} `worker-crashed`; the worker is ended then. */
async function greet(calls: WorkerCalls<StoreService>, readyTimeoutMs: number): Promise<void> {
  try {
    await calls.greet({ protocol: PROTOCOL, readyTimeoutMs });
    await calls.call(() => calls.service.open(calls.fetchPort), {});
  } catch (error) {
    if (error instanceof EmbedError) calls.end(error);
    throw error;
  }
}

function disposed(): EmbedError {
  return new EmbedError("disposed", "the store was disposed");
}
