/** @file The calls that wait for one worker: handshake, cancellation, progress, and why it ended. Owns the Worker. */
import { transfer, wrap, type Endpoint, type Remote } from "comlink";
import { EmbedError, throwIfAborted } from "../errors.ts";
import type { CallHooks } from "../types.ts";
import { installErrorTransfer } from "./error-transfer.ts";
import { openFetchBridge, type FetchBridge, type PageFetch } from "./fetch-bridge.ts";
import type { CallProgress } from "./protocol.ts";

/** A `Worker`, or what behaves like one. */
export type WorkerPort = Endpoint & Pick<Worker, "terminate">;

/** What each worker's service offers beside calls of its own. */
export interface CommonService {
  /** The handshake: a script that fails to start, or that is another one, never answers it. */
  ready(): number;
  /** Nothing happens when the call has settled. */
  cancel(callId: number): void;
}

/** What the owner of a worker wants to know of it. */
export interface WorkerHooks {
  /** What the worker's requests are to go through; left out, they are its own. */
  readonly fetch?: PageFetch | undefined;
  /** Each message of the worker, answers included. */
  readonly onMessage?: (message: { readonly kind?: string | undefined }) => void;
  /** Before anyone else hears of it. */
  readonly onEnd?: () => void;
}

/** How a worker is greeted. */
export interface Greeting {
  /** What the page speaks. */
  readonly protocol: number;
  /** Longest wait for the worker's script to be fetched and run, in milliseconds. */
  readonly readyTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

interface PendingCall {
  readonly reject: (error: EmbedError) => void;
  readonly onProgress: ((progress: never) => void) | undefined;
}

/** One worker and the calls that wait for it. Every call settles. */
export class WorkerCalls<Service extends CommonService> {
  /** Resolves with why no call can be made any more: `worker-crashed`, `device-lost` or `disposed`. */
  readonly ended: Promise<EmbedError>;
  readonly service: Remote<Service>;
  /** For `bridgedFetch` in the worker, to be sent there once; `null` when its requests are its own. */
  readonly fetchPort: MessagePort | null;
  readonly #worker: WorkerPort;
  readonly #common: Remote<CommonService>;
  readonly #bridge: FetchBridge | null;
  readonly #pending = new Map<number, PendingCall>();
  readonly #hooks: WorkerHooks;
  #resolveEnded: (error: EmbedError) => void = () => {};
  #callCount = 0;
  #loss: EmbedError | null = null;

  /** @throws {EmbedError} `worker-crashed` when the browser refuses a worker (a content security policy). */
  constructor(startWorker: () => WorkerPort, hooks: WorkerHooks = {}) {
    this.#hooks = hooks;
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    installErrorTransfer();
    this.#worker = start(startWorker);
    this.service = wrap<Service>(this.#worker);
    this.#common = this.service as unknown as Remote<CommonService>;
    this.#bridge = hooks.fetch ? openFetchBridge(hooks.fetch) : null;
    this.fetchPort = this.#bridge && transfer(this.#bridge.port, [this.#bridge.port]);
    this.#worker.addEventListener("message", (event) => this.#receive((event as MessageEvent).data));
    this.#worker.addEventListener("error", (event) => {
      // Told by every call from here on, so the browser need not report it a second time.
      event.preventDefault();
      this.end(crashError(event as ErrorEvent));
    });
    this.#worker.addEventListener("messageerror", () => {
      this.end(new EmbedError("worker-crashed", "a message from the worker could not be read"));
    });
  }

  /** Why no call can be made any more; `null` while calls can be made. */
  get loss(): EmbedError | null {
    return this.#loss;
  }

  /** How many calls wait for an answer. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** @throws {EmbedError} `worker-crashed` without an answer in time, or from the worker of another build; `aborted`. */
  async greet({ protocol, readyTimeoutMs, signal }: Greeting): Promise<void> {
    // A script that is empty, or that stops without an exception, fires no event: only a clock finds out.
    const timer = setTimeout(() => {
      const message = `the worker did not answer within ${readyTimeoutMs} ms`;
      this.end(new EmbedError("worker-crashed", message, { details: { readyTimeoutMs } }));
    }, readyTimeoutMs);
    try {
      const spoken = await this.call(() => this.#common.ready(), signal ? { signal } : {});
      if (spoken === protocol) return;
      const message = `the worker speaks protocol ${spoken}, the page ${protocol}: one of them is from an older build`;
      throw new EmbedError("worker-crashed", message, { details: { worker: spoken, page: protocol } });
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * @param send - Makes the call; its answer may never come.
   * @throws {EmbedError} `disposed`, `worker-crashed`, `aborted`, `invalid-input` for values that cannot be cloned, or
   * the call's own error.
   */
  async call<R, P>(send: (callId: number) => Promise<R>, { signal, onProgress }: CallHooks<P>): Promise<R> {
    if (this.#loss !== null) throw this.#loss;
    throwIfAborted(signal);
    const callId = ++this.#callCount;
    let onAbort = (): void => {};
    try {
      return await new Promise<R>((resolve, reject) => {
        onAbort = () => {
          reject(new EmbedError("aborted", "cancelled by the caller", { cause: signal?.reason }));
          void this.#common.cancel(callId);
        };
        signal?.addEventListener("abort", onAbort);
        this.#pending.set(callId, { reject, onProgress });
        send(callId).then(resolve, (error: unknown) => reject(sendError(error)));
      });
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#pending.delete(callId);
    }
  }

  /** Terminates the worker; pending and later calls reject with the error. The first reason stays, but for `disposed`. */
  end(error: EmbedError): void {
    if (this.#loss !== null && (error.code !== "disposed" || this.#loss.code === "disposed")) return;
    this.#loss = error;
    this.#hooks.onEnd?.();
    this.#worker.terminate();
    this.#bridge?.close();
    this.#resolveEnded(error);
    for (const { reject } of this.#pending.values()) reject(error);
  }

  #receive(message: CallProgress<never> | { readonly kind?: undefined }): void {
    // What was on its way when the worker was terminated is not news.
    if (this.#loss !== null) return;
    this.#hooks.onMessage?.(message);
    if (message.kind === "progress") this.#pending.get(message.callId)?.onProgress?.(message.progress);
  }
}

function start(startWorker: () => WorkerPort): WorkerPort {
  try {
    return startWorker();
  } catch (cause) {
    throw new EmbedError("worker-crashed", "the browser refused to start the worker", { cause });
  }
}

/** An event without a message is what a script that cannot be fetched or parsed leaves. */
function crashError(event: Partial<ErrorEvent>): EmbedError {
  const { message, filename, lineno } = event;
  const text = message ? `the worker crashed: ${message}` : "the worker's script could not be loaded";
  return new EmbedError("worker-crashed", text, { details: message ? { filename, lineno } : {}, cause: event.error });
}

function sendError(error: unknown): unknown {
  const uncloneable = error instanceof DOMException && error.name === "DataCloneError";
  if (!uncloneable) return error;
  return new EmbedError("invalid-input", `an option cannot be sent to the worker: ${error.message}`, { cause: error });
}
