/** @file The page's end of one worker that runs the model: brings it up, asks it, and watches it while calls wait. */
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
import { unpackError } from "./error-transfer.ts";
import type { PageFetch } from "./fetch-bridge.ts";
import type { EmbedService, ProtocolVersion, ServiceEvent } from "./protocol.ts";
import { isLoss } from "./recovery-policy.ts";
import { Watchdog, type WatchdogLimits } from "./watchdog.ts";
import { WorkerCalls, type WorkerPort } from "./worker-calls.ts";

/** How a worker is brought up. */
export interface OpenOptions extends CallHooks<LoadProgress> {
  /** Longest wait for the worker's script to be fetched and run, in milliseconds. */
  readonly readyTimeoutMs: number;
  /** @default see `WatchdogLimits` */
  readonly watchdog?: WatchdogLimits;
  /** @default the real one */
  readonly clock?: Clock;
  /** What the worker's requests are to go through. @default they are its own */
  readonly fetch?: PageFetch;
  /** The worker has reported; its client's `status` and `metrics` are news. */
  readonly onReport?: () => void;
  /** An execution failed its self-check; the next worker is to be told in `LoadRequest.failedChecks`. */
  readonly onFailedCheck?: (result: SelfCheckResult) => void;
}

const PROTOCOL: ProtocolVersion = 3;

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

/** One worker that runs the model, and the watch over it while calls wait. */
export class EmbedClient {
  /** Resolves with why no call can be made any more: `worker-crashed`, `device-lost` or `disposed`. */
  readonly ended: Promise<EmbedError>;
  readonly #calls: WorkerCalls<EmbedService>;
  readonly #clock: Clock;
  readonly #watchdog: Watchdog;
  readonly #onReport: () => void;
  #status: EmbedderStatus | null = null;
  #metrics: MetricsSnapshot | null = null;
  #isReady = false;
  #isPinging = false;
  #stopWatching: (() => void) | null = null;

  /** @throws {EmbedError} `worker-crashed` when the browser refuses a worker (a content security policy). */
  constructor(startWorker: () => WorkerPort, options: Omit<OpenOptions, "readyTimeoutMs"> = {}) {
    const { clock = realClock, watchdog = {}, onReport = () => {}, fetch } = options;
    this.#clock = clock;
    this.#watchdog = new Watchdog(watchdog, clock.now);
    this.#onReport = onReport;
    const onMessage = (message: { readonly kind?: string | undefined }): void => this.#receive(message as ServiceEvent);
    this.#calls = new WorkerCalls(startWorker, { fetch, onMessage, onEnd: () => this.#stopWatching?.() });
    this.ended = this.#calls.ended;
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
    return this.#calls.loss;
  }

  /** @throws {EmbedError} `worker-crashed` without an answer in time, or from the worker of another build; `aborted`. */
  async ready({ readyTimeoutMs, signal }: OpenOptions): Promise<void> {
    await this.#calls.greet({ protocol: PROTOCOL, readyTimeoutMs, signal });
    this.#isReady = true;
  }

  /** @see Pipeline in types.ts, for this and the calls below; `hooks.onProgress` has seen the last progress when they settle. */
  async load(request: LoadRequest, hooks: CallHooks<LoadProgress>): Promise<void> {
    const { service, fetchPort } = this.#calls;
    this.#status = await this.#call((callId) => service.load(callId, request, fetchPort), hooks);
  }

  /** @param request - Plain values only. */
  embed(
    inputs: readonly EmbedInput[],
    request: SentEmbedRequest,
    hooks: CallHooks<EmbedProgress>,
  ): Promise<EmbeddingMatrix<OutputType>> {
    return this.#call((callId) => this.#calls.service.embed(callId, inputs, request), hooks);
  }

  /** @param options - Plain values only. */
  tokenize(texts: readonly string[], options: TokenizeOptions, hooks: CallHooks<never>): Promise<PaddedBatch> {
    return this.#call((callId) => this.#calls.service.tokenize(callId, texts, options), hooks);
  }

  /** @param options - Plain values only. */
  countTokens(text: string, options: TokenizeOptions, hooks: CallHooks<never>): Promise<number> {
    return this.#call((callId) => this.#calls.service.countTokens(callId, text, options), hooks);
  }

  /** @param request - Plain values only. */
  warmUp(request: WarmUpRequest, hooks: CallHooks<EmbedProgress>): Promise<WarmUpResult> {
    return this.#call((callId) => this.#calls.service.warmUp(callId, request), hooks);
  }

  /** Terminates the worker; pending and later calls reject with `disposed`. A second call does nothing. */
  dispose(): void {
    this.#calls.end(new EmbedError("disposed", "the embedder was disposed"));
  }

  #call<R, P>(send: (callId: number) => Promise<R>, hooks: CallHooks<P>): Promise<R> {
    const answer = this.#calls.call(send, hooks);
    if (this.#calls.loss === null && this.#calls.waiting > 0) this.#watch();
    return answer;
  }

  #receive(message: ServiceEvent | { readonly kind?: undefined }): void {
    this.#watchdog.heard();
    if (message.kind === "run") this.#watchdog.run(message.event);
    if (message.kind === "failed") this.#calls.end(unpackError(message.error));
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
      if (this.#calls.waiting > 0) this.#tick();
    });
  }

  #tick(): void {
    const device = this.#status?.device;
    // A software adapter computes on the cores that the worker needs.
    const blocking = device === undefined || device.kind === "wasm" || device.adapter?.software === true;
    const fault = this.#watchdog.tick({ loading: device === undefined, blocking });
    if (fault !== null) {
      this.#calls.end(
        new EmbedError("worker-crashed", `the worker is frozen: ${fault}`, { details: { frozen: true } }),
      );
      return;
    }
    if (!this.#isPinging) void this.#ping();
    this.#tickLater();
  }

  /** The answer is a message like any other, so it is heard in `#receive`. */
  async #ping(): Promise<void> {
    this.#isPinging = true;
    await this.#calls.service.ping();
    this.#isPinging = false;
  }
}
