/** @file The embedder's requests above the workers that answer them: replaces a lost worker and asks the next one. */
import { assert, EmbedError, throwIfAborted } from "../errors.ts";
import { mergeMetrics, Metrics, type MetricsSnapshot } from "../metrics.ts";
import type {
  CallHooks,
  DeviceChoice,
  EmbedderState,
  EmbedderStatus,
  EmbeddingMatrix,
  EmbedInput,
  EmbedProgress,
  EmbedRequest,
  LoadRequest,
  OutputType,
  PaddedBatch,
  TokenizeOptions,
  WarmUpRequest,
  WarmUpResult,
  WhenLost,
} from "../types.ts";
import type { EmbedClient, OpenOptions, WorkerPort } from "./client.ts";
import { pause, realClock, type Clock } from "./clock.ts";
import { Loader } from "./loader.ts";
import { pageRecall, type Recall } from "./recall.ts";
import { isGpuCrash, isLoss, RecoveryPolicy, type Verdict } from "./recovery-policy.ts";
import { RequestBook } from "./request-book.ts";

export interface SupervisorOptions extends Omit<OpenOptions, "onReport" | "onFailedCheck"> {
  /** Of requests that do not say. @default "wait" */
  readonly whenLost?: WhenLost;
  /** Called after each change of `status`, but for the countdown in `gpu-blocked`. */
  readonly onStatus?: (status: EmbedderStatus) => void;
  /** @default the page's */
  readonly recall?: Recall;
}

/** What the user decides when a device is lost for good. */
export interface RecoverOptions {
  /** From now on. @default as `createEmbedder` was told */
  readonly device?: DeviceChoice;
  /** Ends the wait; the recovery goes on. */
  readonly signal?: AbortSignal;
}

/** What is done next about a loss. */
type Step = Verdict | { readonly kind: "back-off"; readonly ms: number } | { readonly kind: "load-failed" };

/** A network that is gone comes back within half a minute, or not soon. */
const FETCH_RETRY_MS = [1_000, 5_000, 25_000];

/**
 * Loads the model in a first worker.
 *
 * @throws {EmbedError} What `openClient` reports; a device lost in the load is tried once more before that.
 */
export async function openSupervisor(
  startWorker: () => WorkerPort,
  request: LoadRequest,
  options: SupervisorOptions,
): Promise<Supervisor> {
  const supervisor = new Supervisor(startWorker, request, options);
  await supervisor.start(options.signal);
  return supervisor;
}

/**
 * Answers requests through one worker after the other. Nothing is left to do when a worker is lost: what waits for an
 * answer is asked again, inputs and options unchanged, and what is asked meanwhile waits too.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #clock: Clock;
  readonly #policy: RecoveryPolicy;
  readonly #loader: Loader;
  readonly #book = new RequestBook(() => this.#policy.pardon());
  readonly #metrics = new Metrics();
  /** What the workers before this one counted. */
  #pastMetrics: MetricsSnapshot = new Metrics().snapshot();
  #client: EmbedClient | null = null;
  #state: EmbedderState = "recovering";
  /** What the last worker reported. */
  #reported: EmbedderStatus | null = null;
  #merged: EmbedderStatus | null = null;
  #recovery = new AbortController();
  #recovering: Promise<void> = Promise.resolve();
  #recoveries = 0;
  #lastLoss: EmbedError | null = null;
  /** End of the state `gpu-blocked`. */
  #retryAt = 0;
  #failure: EmbedError | null = null;

  constructor(startWorker: () => WorkerPort, request: LoadRequest, options: SupervisorOptions) {
    const { clock = realClock, recall = pageRecall() } = options;
    this.#options = options;
    this.#clock = clock;
    this.#policy = new RecoveryPolicy({ recall, now: clock.now });
    this.#loader = new Loader(startWorker, request, { ...options, recall, onReport: () => this.#report() });
  }

  /** The same object until something changes; in `gpu-blocked` a new one each time, since it counts down. */
  get status(): EmbedderStatus {
    if (this.#state === "gpu-blocked") this.#merged = null;
    return (this.#merged ??= this.#mergeStatus());
  }

  /** Everything counted so far, by all workers and on the page; a worker's share is as of its last report. */
  get metrics(): MetricsSnapshot {
    const current = this.#client?.metrics;
    return mergeMetrics(this.#metrics.snapshot(), this.#pastMetrics, ...(current ? [current] : []));
  }

  async start(signal = new AbortController().signal): Promise<void> {
    for (let losses = 0; ;) {
      try {
        this.#adopt(await this.#load(signal, losses > 0));
        return;
      } catch (error) {
        if (!(error instanceof EmbedError)) throw error;
        const isLost = isLoss(error) && error.code !== "worker-crashed";
        if (isLost) this.#note(error);
        if (isLost && losses++ === 0) continue;
        if (losses === 0 || !this.#loader.takeSafer(error)) throw this.#withRetryTime(error);
      }
    }
  }

  /** @see Pipeline in types.ts, for this and the calls below. */
  async embed(
    inputs: readonly EmbedInput[],
    request: EmbedRequest,
    hooks: CallHooks<EmbedProgress>,
  ): Promise<EmbeddingMatrix<OutputType>> {
    const { whenLost, ...rest } = request;
    const { priority = "normal" } = rest;
    const started = performance.now();
    const count = (outcome: string): void => {
      this.#metrics.add("strata_requests_total", 1, { priority, outcome });
      this.#metrics.observe("strata_request_duration_seconds", (performance.now() - started) / 1000, { priority });
    };
    try {
      const send = (client: EmbedClient, readmitted: boolean) =>
        client.embed(inputs, readmitted ? { ...rest, readmitted } : rest, hooks);
      const matrix = await this.#take(send, hooks, whenLost);
      count("ok");
      return matrix;
    } catch (error) {
      count(error instanceof EmbedError ? error.code : "error");
      throw error;
    }
  }

  tokenize(texts: readonly string[], options: TokenizeOptions, hooks: CallHooks<never>): Promise<PaddedBatch> {
    return this.#take((client) => client.tokenize(texts, options, hooks), hooks);
  }

  countTokens(text: string, options: TokenizeOptions, hooks: CallHooks<never>): Promise<number> {
    return this.#take((client) => client.countTokens(text, options, hooks), hooks);
  }

  warmUp(request: WarmUpRequest, hooks: CallHooks<EmbedProgress>): Promise<WarmUpResult> {
    return this.#take((client) => client.warmUp(request, hooks), hooks);
  }

  /**
   * Starts again at once, whatever the policy says: out of `failed`, out of `gpu-blocked`, back from WebAssembly to
   * WebGPU, or over to another device. Nothing happens when the model runs as wished, or is loading already.
   *
   * @throws {EmbedError} What the state `failed` that it ends in is due to; `aborted`, `disposed`.
   */
  async recover({ device = this.#loader.wish, signal }: RecoverOptions = {}): Promise<void> {
    throwIfAborted(signal);
    if (this.#state === "disposed") throw disposed();
    const asWished = device === this.#loader.wish && this.#loader.fallback === null;
    if (!asWished || this.#state === "failed" || this.#state === "gpu-blocked") this.#restart(device);
    const aborted = new AbortController();
    await Promise.race([this.#settled(), whenAborted(signal, aborted.signal)]).finally(() => aborted.abort());
    throwIfAborted(signal);
    if (this.#failure !== null) throw this.#failure;
  }

  /** Ends the worker; open and later requests reject with `disposed`. A second call does nothing. */
  dispose(): void {
    if (this.#state === "disposed") return;
    this.#failure = disposed();
    this.#setState("disposed");
    this.#recovery.abort();
    this.#book.close(this.#failure);
    this.#retire();
  }

  #take<R>(
    send: (client: EmbedClient, readmitted: boolean) => Promise<R>,
    { signal }: CallHooks<never>,
    whenLost = this.#options.whenLost ?? "wait",
  ): Promise<R> {
    return this.#book.take({ send, whenLost, signal });
  }

  async #load(signal: AbortSignal, afterCrash: boolean): Promise<EmbedClient> {
    let outcome = "ok";
    try {
      return await this.#loader.open({ signal, afterCrash });
    } catch (error) {
      outcome = error instanceof EmbedError ? error.code : "error";
      throw error;
    } finally {
      this.#metrics.add("strata_loads_total", 1, { outcome });
    }
  }

  #adopt(client: EmbedClient): void {
    this.#client = client;
    this.#failure = null;
    void client.ended.then((error) => this.#lose(client, error));
    this.#report();
    this.#setState("ready");
    this.#book.resume(client);
  }

  #report(): void {
    if (this.#client === null) return;
    this.#reported = this.#client.status;
    this.#loader.see(this.#reported.vram);
    if (this.#state === "ready") this.#changed();
  }

  #lose(client: EmbedClient, error: EmbedError): void {
    if (client !== this.#client) return;
    this.#retire();
    this.#book.suspend(error);
    this.#startRecovery(error, this.#note(error));
  }

  /** Keeps what the worker counted, and lets go of it. */
  #retire(): void {
    const client = this.#client;
    this.#client = null;
    if (client?.metrics) this.#pastMetrics = mergeMetrics(this.#pastMetrics, client.metrics);
    client?.dispose();
  }

  #note(error: EmbedError): Verdict {
    this.#lastLoss = error;
    if (error.details["frozen"] === true) this.#metrics.add("strata_watchdog_misses_total", 1);
    if (isGpuCrash(error)) this.#loader.halveBudget();
    return this.#policy.lost(error);
  }

  #restart(device: DeviceChoice): void {
    const error = new EmbedError("device-lost", `device ${device} is being started`);
    this.#loader.takeDevice(device);
    this.#policy.pardon();
    this.#retire();
    this.#book.suspend(error);
    this.#startRecovery(this.#lastLoss ?? error, { kind: "recover" });
  }

  #startRecovery(loss: EmbedError, step: Verdict): void {
    this.#recovery.abort();
    this.#recovery = new AbortController();
    this.#failure = null;
    this.#recovering = this.#recover({ loss, step }, this.#recovery.signal);
  }

  async #recover(first: { readonly loss: EmbedError; readonly step: Verdict }, signal: AbortSignal): Promise<void> {
    const backOff = FETCH_RETRY_MS.values();
    let cause: unknown = first.loss;
    for (let step: Step = first.step; ; step = this.#judge(cause, backOff)) {
      const refusal = this.#refusal(step, cause);
      if (refusal !== null) return this.#fail(refusal);
      try {
        await this.#waitFor(step, signal);
        // A worker that died on the processor says nothing about a GPU.
        const client = await this.#load(signal, this.#reported?.device.kind === "webgpu");
        if (signal.aborted) return client.dispose();
        this.#recoveries++;
        this.#metrics.add("strata_recoveries_total", 1, { cause: first.loss.code });
        return this.#adopt(client);
      } catch (error) {
        // Disposed, or a recovery of the user's took over.
        if (signal.aborted) return;
        cause = error;
      }
    }
  }

  async #waitFor(step: Step, signal: AbortSignal): Promise<void> {
    if (step.kind === "wait") {
      this.#retryAt = this.#clock.now() + step.retryAfterMs;
      this.#setState("gpu-blocked");
      await pause(this.#clock, step.retryAfterMs, signal);
    }
    this.#setState("recovering");
    if (step.kind === "back-off") await pause(this.#clock, step.ms, signal);
  }

  /** What to do after a worker that was to replace the lost one did not come up. */
  #judge(error: unknown, backOff: Iterator<number>): Step {
    if (!(error instanceof EmbedError)) return { kind: "load-failed" };
    if (isLoss(error)) return this.#note(error);
    if (error.code === "webgpu-unavailable") return this.#policy.refused();
    if (error.code === "out-of-memory" && this.#loader.restoreBudget()) return { kind: "recover" };
    const { value, done } = backOff.next();
    if (error.code !== "model-fetch-failed" || done) return { kind: "load-failed" };
    return { kind: "back-off", ms: value };
  }

  /** Why there is no further try; `null` when there is one, if only in WebAssembly. */
  #refusal({ kind }: Step, cause: unknown): EmbedError | null {
    if (kind === "load-failed") return cause as EmbedError;
    if (kind !== "no-gpu" && kind !== "give-up") return null;
    const { code, message, details } = cause as EmbedError;
    if (kind === "give-up") {
      const text = `lost again and again, with no request answered in between; at last: ${message}`;
      return new EmbedError(code === "numeric-fault" ? "device-lost" : code, text, { details, cause });
    }
    const { crashes, blockedMs } = this.#policy;
    const text = `no GPU after ${crashes} crashes within 10 minutes; at last: ${message}`;
    if (this.#loader.takeWasm(text)) return null;
    const facts = { crashes, ...(blockedMs > 0 && { retryAfterMs: blockedMs }) };
    return new EmbedError("device-lost", text, { details: { ...details, ...facts }, cause });
  }

  #fail(error: EmbedError): void {
    this.#failure = error;
    this.#book.close(error);
    this.#setState("failed");
  }

  /** After a scripted reload the browser may refuse GPUs for what happened before it. */
  #withRetryTime(error: EmbedError): EmbedError {
    const retryAfterMs = this.#policy.blockedMs;
    if (error.code !== "webgpu-unavailable" || retryAfterMs === 0) return error;
    return new EmbedError(error.code, error.message, { details: { ...error.details, retryAfterMs }, cause: error });
  }

  /** Waits for the recovery under way, and for one that takes over from it. */
  async #settled(): Promise<void> {
    while (this.#state === "recovering" || this.#state === "gpu-blocked") await this.#recovering;
  }

  #mergeStatus(): EmbedderStatus {
    const status = this.#reported;
    assert(status !== null, "status is read after load");
    const retryAfterMs = this.#state === "gpu-blocked" ? Math.max(0, this.#retryAt - this.#clock.now()) : null;
    const { fallback } = this.#loader;
    const lastLoss = this.#lastLoss?.message ?? null;
    return {
      ...status,
      state: this.#state,
      device: fallback === null ? status.device : { ...status.device, reason: fallback },
      recovery: { recoveries: this.#recoveries, lastLoss, retryAfterMs },
    };
  }

  #setState(state: EmbedderState): void {
    if (this.#state === "disposed" || this.#state === state) return;
    this.#state = state;
    this.#changed();
  }

  #changed(): void {
    this.#merged = null;
    const { onStatus } = this.#options;
    if (!onStatus || this.#reported === null) return;
    const { status } = this;
    // Apart: what it throws must not end a recovery.
    queueMicrotask(() => onStatus(status));
  }
}

function disposed(): EmbedError {
  return new EmbedError("disposed", "the embedder was disposed");
}

/** @param done - Takes the listener back. */
function whenAborted(signal: AbortSignal | undefined, done: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true, signal: done }));
}
