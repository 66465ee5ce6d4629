/** @file The page's end of one worker: starts it, watches it, and settles every call. Owns the Worker. */
import { wrap, type Endpoint, type Remote } from "comlink";
import { assert, EmbedError, throwIfAborted } from "../errors.ts";
import type { MetricsSnapshot } from "../metrics.ts";
import type {
  CallHooks,
  EmbedderStatus,
  EmbeddingMatrix,
  EmbedInput,
  EmbedProgress,
  LoadProgress,
  LoadRequest,
  OutputType,
  PaddedBatch,
  SelfCheckResult,
  SentEmbedRequest,
  TokenizeOptions,
  WarmUpRequest,
  WarmUpResult,
} from "../types.ts";
import { realClock, type Clock } from "./clock.ts";
import { installErrorTransfer, unpackError } from "./error-transfer.ts";
import type { EmbedService, ProtocolVersion, ServiceEvent } from "./protocol.ts";
import { isLoss } from "./recovery-policy.ts";
import { Watchdog, type WatchdogLimits } from "./watchdog.ts";

/** A `Worker`, or what behaves like one. */
export type WorkerPort = Endpoint & Pick<Worker, "terminate">;

/** How a worker is brought up. */
export interface OpenOptions extends CallHooks<LoadProgress> {
  /** Longest wait for the worker's script to be fetched and run, in milliseconds. */
  readonly readyTimeoutMs: number;
  /** @default see `WatchdogLimits` */
  readonly watchdog?: WatchdogLimits;
  /** @default the real one */
  readonly clock?: Clock;
  /** The worker has reported; its client's `status` and `metrics` are news. */
  readonly onReport?: () => void;
  /** An execution failed its self-check; the next worker is to be told in `LoadRequest.failedChecks`. */
  readonly onFailedCheck?: (result: SelfCheckResult) => void;
}

interface PendingCall {
  readonly reject: (error: EmbedError) => void;
  readonly onProgress: ((progress: LoadProgress | EmbedProgress) => void) | undefined;
}

const PROTOCOL: ProtocolVersion = 2;

/** More workers than there are executions (WebGPU in f16 or f32, with subgroups or without, and WASM): no endless loop. */
const MAX_WORKERS = 5;

/**
 * Starts a worker and loads the model in it; where the pack's self-check fails and a safer execution is left, once
 * more in a fresh worker, as ONNX Runtime keeps process-wide state. On failure nothing is left running.
 *
 * @param startWorker - Makes one worker; called once per execution that is tried.
 * @throws {EmbedError} What the pipeline's load reports; `numeric-fault` with `details.selfChecks`, all results in the
 * order tried; `worker-crashed` when no script, or not ours, answers within `readyTimeoutMs`, or the worker freezes;
 * `aborted`.
 */
export async function openClient(
  startWorker: () => WorkerPort,
  request: LoadRequest,
  options: OpenOptions,
): Promise<EmbedClient> {
  const failedChecks: SelfCheckResult[] = [...(request.failedChecks ?? [])];
  for (let workers = 1; ; workers++) {
    throwIfAborted(options.signal);
    const client = new EmbedClient(startWorker, options);
    try {
      await client.ready(options);
      await client.load({ ...request, failedChecks }, options);
      return client;
    } catch (error) {
      client.dispose();
      if (!(error instanceof EmbedError) || error.code !== "numeric-fault" || !error.details["selfCheck"]) throw error;
      // A device that was lost in its check is not a wrong one: the supervisor says what is tried next.
      if (isLoss(error)) throw error;
      const { selfCheck, retry } = error.details;
      failedChecks.push(selfCheck as SelfCheckResult);
      options.onFailedCheck?.(selfCheck as SelfCheckResult);
      if (retry === true && workers < MAX_WORKERS) continue;
      const details = { ...error.details, selfChecks: failedChecks };
      throw new EmbedError("numeric-fault", error.message, { details, cause: error.cause });
    }
  }
}

/** One worker and the calls that wait for it. */
export class EmbedClient {
  /** Resolves with why no call can be made any more: `worker-crashed`, `device-lost` or `disposed`. */
  readonly ended: Promise<EmbedError>;
  readonly #worker: WorkerPort;
  readonly #service: Remote<EmbedService>;
  readonly #pending = new Map<number, PendingCall>();
  readonly #clock: Clock;
  readonly #watchdog: Watchdog;
  readonly #onReport: () => void;
  #resolveEnded: (error: EmbedError) => void = () => {};
  #callCount = 0;
  #status: EmbedderStatus | null = null;
  #metrics: MetricsSnapshot | null = null;
  #isReady = false;
  #isPinging = false;
  #stopWatching: (() => void) | null = null;
  /** Why no call can be made any more. */
  #ended: EmbedError | null = null;

  /** @throws {EmbedError} `worker-crashed` when the browser refuses a worker (a content security policy). */
  constructor(startWorker: () => WorkerPort, options: Omit<OpenOptions, "readyTimeoutMs"> = {}) {
    const { clock = realClock, watchdog = {}, onReport = () => {} } = options;
    this.#clock = clock;
    this.#watchdog = new Watchdog(watchdog, clock.now);
    this.#onReport = onReport;
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    installErrorTransfer();
    this.#worker = start(startWorker);
    this.#service = wrap<EmbedService>(this.#worker);
    this.#worker.addEventListener("message", (event) => this.#receive((event as MessageEvent).data));
    this.#worker.addEventListener("error", (event) => {
      // Told by every call from here on, so the browser need not report it a second time.
      event.preventDefault();
      this.#end(crashError(event as ErrorEvent));
    });
    this.#worker.addEventListener("messageerror", () => {
      this.#end(new EmbedError("worker-crashed", "a message from the worker could not be read"));
    });
  }

  /** As the worker reported it last; the same object until something changes. */
  get status(): EmbedderStatus {
    assert(this.#status !== null, "status is read after load");
    return this.#status;
  }

  /** As the worker reported them last; `null` before its first report. */
  get metrics(): MetricsSnapshot | null {
    return this.#metrics;
  }

  /** Why no call can be made any more; `null` while calls can be made. */
  get loss(): EmbedError | null {
    return this.#ended;
  }

  /** @throws {EmbedError} `worker-crashed` without an answer in time, or from the worker of another build; `aborted`. */
  async ready(options: OpenOptions): Promise<void> {
    const { readyTimeoutMs } = options;
    // A script that is empty, or that stops without an exception, fires no event: only a clock finds out.
    const timer = setTimeout(() => {
      const message = `the worker did not answer within ${readyTimeoutMs} ms`;
      this.#end(new EmbedError("worker-crashed", message, { details: { readyTimeoutMs } }));
    }, readyTimeoutMs);
    try {
      const protocol = await this.#call(() => this.#service.ready(), options);
      this.#isReady = protocol === PROTOCOL;
      if (this.#isReady) return;
      const message = `the worker speaks protocol ${protocol}, the page ${PROTOCOL}: one of them is from an older build`;
      throw new EmbedError("worker-crashed", message, { details: { worker: protocol, page: PROTOCOL } });
    } finally {
      clearTimeout(timer);
    }
  }

  /** @see Pipeline in types.ts, for this and the calls below; `hooks.onProgress` has seen the last progress when they settle. */
  async load(request: LoadRequest, hooks: CallHooks<LoadProgress>): Promise<void> {
    this.#status = await this.#call((callId) => this.#service.load(callId, request), hooks);
  }

  /** @param request - Plain values only. */
  embed(
    inputs: readonly EmbedInput[],
    request: SentEmbedRequest,
    hooks: CallHooks<EmbedProgress>,
  ): Promise<EmbeddingMatrix<OutputType>> {
    return this.#call((callId) => this.#service.embed(callId, inputs, request), hooks);
  }

  /** @param options - Plain values only. */
  tokenize(texts: readonly string[], options: TokenizeOptions, hooks: CallHooks<never>): Promise<PaddedBatch> {
    return this.#call((callId) => this.#service.tokenize(callId, texts, options), hooks);
  }

  /** @param options - Plain values only. */
  countTokens(text: string, options: TokenizeOptions, hooks: CallHooks<never>): Promise<number> {
    return this.#call((callId) => this.#service.countTokens(callId, text, options), hooks);
  }

  /** @param request - Plain values only. */
  warmUp(request: WarmUpRequest, hooks: CallHooks<EmbedProgress>): Promise<WarmUpResult> {
    return this.#call((callId) => this.#service.warmUp(callId, request), hooks);
  }

  /** Terminates the worker; pending and later calls reject with `disposed`. A second call does nothing. */
  dispose(): void {
    if (this.#ended?.code !== "disposed") this.#end(new EmbedError("disposed", "the embedder was disposed"));
  }

  /**
   * @param send - Makes the call; its answer may never come.
   * @throws {EmbedError} `disposed`, `worker-crashed`, `aborted`, `invalid-input` for values that cannot be cloned, or
   * the call's own error.
   */
  async #call<R, P>(send: (callId: number) => Promise<R>, hooks: CallHooks<P>): Promise<R> {
    if (this.#ended !== null) throw this.#ended;
    const { signal } = hooks;
    throwIfAborted(signal);
    const callId = ++this.#callCount;
    let onAbort = (): void => {};
    try {
      return await new Promise<R>((resolve, reject) => {
        onAbort = () => {
          reject(new EmbedError("aborted", "cancelled by the caller", { cause: signal?.reason }));
          void this.#service.cancel(callId);
        };
        signal?.addEventListener("abort", onAbort);
        this.#pending.set(callId, { reject, onProgress: hooks.onProgress as PendingCall["onProgress"] });
        this.#watch();
        send(callId).then(resolve, (error: unknown) => reject(sendError(error)));
      });
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#pending.delete(callId);
    }
  }

  #receive(message: ServiceEvent | { readonly kind?: undefined }): void {
    // What was on its way when the worker was terminated is not news.
    if (this.#ended !== null) return;
    this.#watchdog.heard();
    if (message.kind === "progress") this.#pending.get(message.callId)?.onProgress?.(message.progress);
    if (message.kind === "run") this.#watchdog.run(message.event);
    if (message.kind === "failed") this.#end(unpackError(message.error));
    if (message.kind === "status") {
      this.#status = message.status;
      this.#metrics = message.metrics;
      this.#onReport();
    }
  }

  /** Ticks while calls wait, so that an idle page is left asleep; `ready` has a clock of its own. */
  #watch(): void {
    if (!this.#isReady || this.#stopWatching !== null) return;
    this.#watchdog.start();
    this.#tickLater();
  }

  #tickLater(): void {
    this.#stopWatching = this.#clock.after(this.#watchdog.intervalMs, () => {
      this.#stopWatching = null;
      if (this.#pending.size > 0) this.#tick();
    });
  }

  #tick(): void {
    const device = this.#status?.device;
    // A software adapter computes on the cores that the worker needs.
    const blocking = device === undefined || device.kind === "wasm" || device.adapter?.software === true;
    const fault = this.#watchdog.tick({ loading: device === undefined, blocking });
    if (fault !== null) {
      this.#end(new EmbedError("worker-crashed", `the worker is frozen: ${fault}`, { details: { frozen: true } }));
      return;
    }
    if (!this.#isPinging) void this.#ping();
    this.#tickLater();
  }

  /** The answer is a message like any other, so it is heard in `#receive`. */
  async #ping(): Promise<void> {
    this.#isPinging = true;
    await this.#service.ping();
    this.#isPinging = false;
  }

  /** The first reason stays, but for the caller's own. */
  #end(error: EmbedError): void {
    if (this.#ended !== null && error.code !== "disposed") return;
    this.#ended = error;
    this.#stopWatching?.();
    this.#worker.terminate();
    this.#resolveEnded(error);
    for (const { reject } of this.#pending.values()) reject(error);
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
