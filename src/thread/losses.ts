/** @file What was lost so far, and what that means for the next load: at once, later, on the processor, or never. */
import { EmbedError } from "../errors.ts";
import type { Metrics } from "../metrics.ts";
import type { DeviceStatus } from "../types.ts";
import type { Loader } from "./loader.ts";
import { isGpuCrash, isLoss, type RecoveryPolicy, type Verdict } from "./recovery-policy.ts";

/** What is done next about a loss. */
export type Step = Verdict | { readonly kind: "back-off"; readonly ms: number } | { readonly kind: "load-failed" };

/** Waits before another load: a network that is gone comes back within half a minute, or not soon; memory likewise. */
export const RETRY_MS: readonly number[] = [1_000, 5_000, 25_000];

export interface LossesParts {
  readonly policy: RecoveryPolicy;
  readonly loader: Loader;
  readonly metrics: Metrics;
}

/** Applies the policy's verdicts to the loader. */
export class Losses {
  readonly #policy: RecoveryPolicy;
  readonly #loader: Loader;
  readonly #metrics: Metrics;
  #last: EmbedError | null = null;
  #gpuIsLost = false;

  constructor({ policy, loader, metrics }: LossesParts) {
    this.#policy = policy;
    this.#loader = loader;
    this.#metrics = metrics;
  }

  /** What was lost last; `null` when nothing was. */
  get last(): EmbedError | null {
    return this.#last;
  }

  /** Whether a GPU was lost, and none runs the model since. */
  get gpuIsLost(): boolean {
    return this.#gpuIsLost;
  }

  /** @param kind - Of the device that runs the model now. */
  replaced(kind: DeviceStatus["kind"] | undefined): void {
    if (kind === "webgpu") this.#gpuIsLost = false;
  }

  /**
   * Before a load: leaves a GPU alone that crashes, or that the browser does not give.
   *
   * @param loss - What led to the verdict. @default crashes of an earlier page
   * @throws {EmbedError} The loss, or `webgpu-unavailable`, with `retryAfterMs`, where WebAssembly is not wanted.
   */
  heedCrashes({ kind }: Verdict, loss?: EmbedError): void {
    if (kind === "recover" || kind === "give-up") return;
    this.#gpuIsLost = true;
    const text = `the GPU crashed ${this.#policy.crashes} times within 10 minutes`;
    if (this.#loader.takeWasm(loss ? `${text}; at last: ${loss.message}` : text)) return;
    throw this.withRetryTime(loss ?? new EmbedError("webgpu-unavailable", text));
  }

  /**
   * @param error - What ended a worker, while it served or while it loaded.
   * @param kind - Of the device that it served with.
   */
  note(error: EmbedError, kind?: DeviceStatus["kind"]): Verdict {
    this.#last = error;
    // In a load only a GPU is lost without its worker; what dies on the processor says nothing about a GPU.
    this.#gpuIsLost ||= kind === undefined ? error.code !== "worker-crashed" : kind === "webgpu";
    if (error.details["frozen"] === true) this.#metrics.add("strata_watchdog_misses_total", 1);
    if (isGpuCrash(error)) this.#loader.halveBudget();
    return this.#policy.lost(error);
  }

  /**
   * What to do after a worker that was to replace the lost one did not come up.
   *
   * @param backOff - Of this recovery: `RETRY_MS`, one after the other.
   */
  judge(error: unknown, backOff: Iterator<number>): Step {
    if (!(error instanceof EmbedError)) return { kind: "load-failed" };
    if (isLoss(error)) return this.note(error);
    // Where no GPU ever crashed none will come back.
    const mayComeBack = this.#gpuIsLost || this.#policy.crashes > 0;
    if (error.code === "webgpu-unavailable" && mayComeBack) return this.#policy.refused();
    if (error.code !== "out-of-memory" && error.code !== "model-fetch-failed") return { kind: "load-failed" };
    const { value, done } = backOff.next();
    if (done) return { kind: "load-failed" };
    if (error.code === "out-of-memory") this.#loader.halveBudget();
    return { kind: "back-off", ms: value };
  }

  /** Why there is no further try; `null` when there is one, if only in WebAssembly. */
  refusal({ kind }: Step, cause: unknown): EmbedError | null {
    if (kind === "load-failed") return cause as EmbedError;
    if (kind !== "no-gpu" && kind !== "give-up") return null;
    const { code, message, details } = cause as EmbedError;
    if (kind === "give-up") {
      const text = `lost again and again, with no request answered in between; at last: ${message}`;
      return new EmbedError(code === "numeric-fault" ? "device-lost" : code, text, { details, cause });
    }
    const { crashes, retryAfterMs } = this.#policy;
    const text = `no GPU after ${crashes} crashes within 10 minutes; at last: ${message}`;
    if (this.#loader.takeWasm(text)) return null;
    const facts = { crashes, ...(retryAfterMs > 0 && { retryAfterMs }) };
    return new EmbedError("device-lost", text, { details: { ...details, ...facts }, cause });
  }

  /** After a scripted reload the browser may refuse GPUs for what happened before it. */
  withRetryTime(error: EmbedError): EmbedError {
    const { retryAfterMs } = this.#policy;
    if (retryAfterMs === 0 || (error.code !== "webgpu-unavailable" && !isLoss(error))) return error;
    const code = error.code === "numeric-fault" ? "device-lost" : error.code;
    return new EmbedError(code, error.message, { details: { ...error.details, retryAfterMs }, cause: error });
  }
}
