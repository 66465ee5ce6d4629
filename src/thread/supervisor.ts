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
import type { EmbedClient, OpenOptions } from "./client.ts";
import { pause, realClock, type Clock } from "./clock.ts";
import { Loader, type DeviceTaken } from "./loader.ts";
import { Losses, RETRY_MS, type Step } from "./losses.ts";
import { pageRecall, type Recall } from "./recall.ts";
import { isLoss, RecoveryPolicy } from "./recovery-policy.ts";
import { RequestBook } from "./request-book.ts";
import type { WorkerPort } from "./worker-calls.ts";

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

interface Recovery {
  /** What made it necessary; `null` when nothing did but the user. */
  readonly loss: EmbedError | null;
  readonly step: Step;
  /** What the user left for another device, to go back to; `null` when there is no going back. */
  readonly before: DeviceTaken | null;
}

/**
 * Loads the model in a first worker.
 *
 * @throws {EmbedError} What `openClient` reports; a device lost in the load is tried once more before that. With
 * `details.retryAfterMs` where the GPU has crashed and is worth no try before that.
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
  readonly #losses: Losses;
  readonly #book = new RequestBook(() => this.#policy.served());
  readonly #metrics = new Metrics();
  /** What the workers before this one counted. */
  #pastMetrics: MetricsSnapshot = new Metrics().snapshot();
  #client: EmbedClient | null = null;
  #state: EmbedderState = "recovering";
  /** What the last worker reported. */
  #reported: EmbedderStatus | null = null;
  #merged: EmbedderStatus | null = null;
  #recovery = new AbortController();
  /** Resolves with why it is not what the user asked for, `null` when it is. */
  #recovering: Promise<EmbedError | null> = Promise.resolve(null);
  #recoveries = 0;
  /** End of the state `gpu-blocked`. */
  #retryAt = 0;
  #failure: EmbedError | null = null;

  constructor(startWorker: () => WorkerPort, request: LoadRequest, options: SupervisorOptions) {
    const { clock = realClock, recall = pageRecall() } = options;
    this.#options = options;
    this.#clock = clock;
    this.#policy = new RecoveryPolicy({ recall, now: clock.now });
    this.#loader = new Loader(startWorker, request, { ...options, recall, onReport: () => this.#report() });
    this.#losses = new Losses({ policy: this.#policy, loader: this.#loader, metrics: this.#metrics });
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
    if (this.#loader.taken.wish !== "wasm") this.#losses.heedCrashes(this.#policy.standing);
    for (let losses = 0; ;) {
      try {
        this.#adopt(await this.#load(signal));
        return;
      } catch (error) {
        if (!(error instanceof EmbedError)) throw error;
        const isLost = isLoss(error) && error.code !== "worker-crashed";
        if (isLost) this.#losses.heedCrashes(this.#losses.note(error), error);
        if (isLost && losses++ === 0) continue;
        if (losses === 0 || !this.#loader.takeSafer(error)) throw this.#losses.withRetryTime(error);
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
      // What is refused at once, or given up, says nothing about how long an answer takes.
      if (outcome !== "ok") return;
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
   * WebGPU, or over to another device. Nothing happens when the model runs as wished, or is loading already. Where the
   * other device does not come up, the model runs on what it ran on before.
   *
   * @throws {EmbedError} Why the device did not come up; what the state `failed` that it ends in is due to; `aborted`,
   * `disposed`.
   */
  async recover({ device = this.#loader.taken.wish, signal }: RecoverOptions = {}): Promise<void> {
    throwIfAborted(signal);
    if (this.#state === "disposed") throw disposed();
    const stuck = this.#state === "failed" || this.#state === "gpu-blocked";
    if (stuck || !this.#isAsWished(device)) this.#restart(device);
    const aborted = new AbortController();
    const waits = [this.#settled(), whenAborted(signal, aborted.signal)];
    const refusal = await Promise.race(waits).finally(() => aborted.abort());
    throwIfAborted(signal);
    const error = this.#failure ?? refusal;
    if (error !== null) throw error;
  }

  #isAsWished(device: DeviceChoice): boolean {
    const { wish, fallback } = this.#loader.taken;
    if (device !== wish || fallback !== null) return false;
    // Without a GPU "auto" gets WebAssembly, which is not what it wished for when there was one.
    return !(this.#state === "ready" && wish === "auto" && this.#losses.gpuIsLost && this.#kind === "wasm");
  }

  /** Of the device that the last worker reported. */
  get #kind(): "webgpu" | "wasm" | undefined {
    return this.#reported?.device.kind;
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

  async #load(signal: AbortSignal): Promise<EmbedClient> {
    let outcome = "ok";
    try {
      return await this.#loader.open({ signal, afterCrash: this.#losses.gpuIsLost });
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
    this.#losses.replaced(this.#kind);
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
    this.#book.lose(error);
    this.#startRecovery({ loss: error, step: this.#losses.note(error, this.#kind), before: null });
  }

  /** Keeps what the worker counted, and lets go of it. */
  #retire(): void {
    const client = this.#client;
    this.#client = null;
    if (client?.metrics) this.#pastMetrics = mergeMetrics(this.#pastMetrics, client.metrics);
    client?.dispose();
  }

  #restart(device: DeviceChoice): void {
    const isRunning = this.#client !== null;
    // Between two wishes for a GPU there is no going back: it is the same one.
    const before = isRunning && (device === "wasm" || this.#kind === "wasm") ? this.#loader.taken : null;
    this.#loader.takeDevice(device);
    this.#policy.asked();
    this.#retire();
    this.#book.suspend(new EmbedError("device-lost", `device ${device} is being started`));
    this.#startRecovery({ loss: isRunning ? null : this.#losses.last, step: { kind: "recover" }, before });
  }

  #startRecovery(recovery: Recovery): void {
    this.#recovery.abort();
    this.#recovery = new AbortController();
    this.#failure = null;
    this.#recovering = this.#recover(recovery, this.#recovery.signal);
  }

  async #recover({ loss, step: first, before }: Recovery, signal: AbortSignal): Promise<EmbedError | null> {
    const backOff = RETRY_MS.values();
    let [cause, refusal]: [unknown, EmbedError | null] = [loss, null];
    for (let step = first; ; step = this.#losses.judge(cause, backOff)) {
      if (before !== null && step.kind !== "recover" && step.kind !== "back-off") {
        refusal = this.#losses.withRetryTime(cause as EmbedError);
        this.#loader.goBack(before);
        [step, before] = [{ kind: "recover" }, null];
      }
      const failure = this.#losses.refusal(step, cause);
      if (failure !== null) return this.#fail(failure);
      try {
        await this.#waitFor(step, signal);
        const client = await this.#load(signal);
        if (signal.aborted) client.dispose();
        else this.#replace(client, loss);
        return refusal;
      } catch (error) {
        // Disposed, or a recovery of the user's took over.
        if (signal.aborted) return refusal;
        cause = error;
      }
    }
  }

  #replace(client: EmbedClient, loss: EmbedError | null): void {
    if (loss !== null) {
      this.#recoveries++;
      this.#metrics.add("strata_recoveries_total", 1, { cause: loss.code });
    }
    this.#adopt(client);
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

  #fail(error: EmbedError): EmbedError {
    this.#failure = error;
    this.#book.close(error);
    this.#setState("failed");
    return error;
  }

  /** Waits for the recovery under way, and for one that takes over from it. */
  async #settled(): Promise<EmbedError | null> {
    let refusal: EmbedError | null = null;
    while (this.#state === "recovering" || this.#state === "gpu-blocked") refusal = await this.#recovering;
    return refusal;
  }

  #mergeStatus(): EmbedderStatus {
    const status = this.#reported;
    assert(status !== null, "status is read after load");
    const retryAfterMs = this.#state === "gpu-blocked" ? Math.max(0, this.#retryAt - this.#clock.now()) : null;
    const { fallback } = this.#loader.taken;
    const lastLoss = this.#losses.last?.message ?? null;
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
function whenAborted(signal: AbortSignal | undefined, done: AbortSignal): Promise<null> {
  return new Promise((resolve) => signal?.addEventListener("abort", () => resolve(null), { once: true, signal: done }));
}
