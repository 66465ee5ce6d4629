/** @file What the next worker is to load: the caller's wish, and what earlier workers taught. */
import type { EmbedError } from "../errors.ts";
import type { DeviceChoice, LoadRequest, SelfCheckResult, VramStatus } from "../types.ts";
import { BudgetKeeper } from "./budget-keeper.ts";
import { openClient, type EmbedClient, type OpenOptions, type WorkerPort } from "./client.ts";
import type { Recall } from "./recall.ts";

/** Opens one client after the other. */
export class Loader {
  readonly #startWorker: () => WorkerPort;
  readonly #request: LoadRequest;
  readonly #options: OpenOptions;
  readonly #budget: BudgetKeeper;
  #wish: DeviceChoice;
  #fallback: string | null = null;
  #failedChecks: readonly SelfCheckResult[] = [];

  /**
   * @param request - As the caller wishes.
   * @param options - Of every client.
   */
  constructor(startWorker: () => WorkerPort, request: LoadRequest, options: OpenOptions & { readonly recall: Recall }) {
    this.#startWorker = startWorker;
    this.#request = request;
    this.#options = options;
    this.#budget = new BudgetKeeper(options.recall, request.vramBudgetBytes);
    this.#wish = request.device ?? "auto";
  }

  /** What the caller wants the model to run on. */
  get wish(): DeviceChoice {
    return this.#wish;
  }

  /** Why WebAssembly is taken against the wish; `null` when it is not. */
  get fallback(): string | null {
    return this.#fallback;
  }

  /**
   * Brings up a worker; on failure nothing is left running.
   *
   * @param how - `afterCrash`: a GPU was lost and may be a moment away.
   * @throws {EmbedError} See `openClient`.
   */
  open(how: { readonly signal: AbortSignal; readonly afterCrash: boolean }): Promise<EmbedClient> {
    const { signal, afterCrash } = how;
    const device = this.#fallback === null ? this.#wish : "wasm";
    const failedChecks = this.#failedChecks;
    const request = { ...this.#request, ...this.#budget.request, device, failedChecks, afterCrash };
    const onFailedCheck = (result: SelfCheckResult): void => this.#skip(result);
    return openClient(this.#startWorker, request, { ...this.#options, signal, onFailedCheck });
  }

  /** A worker has reported. */
  see(vram: VramStatus): void {
    this.#budget.see(vram);
  }

  /** After a crash of the GPU. */
  halveBudget(): void {
    this.#budget.halve();
  }

  /** @returns Whether the caller's own budget had been halved; it holds again. */
  restoreBudget(): boolean {
    return this.#budget.restore();
  }

  /** The user has decided. */
  takeDevice(device: DeviceChoice): void {
    this.#wish = device;
    this.#fallback = null;
  }

  /** @returns Whether the caller's wish allows WebAssembly, and it is not what failed. */
  takeWasm(why: string): boolean {
    if (this.#wish !== "auto" || this.#fallback !== null) return false;
    this.#fallback = `WebAssembly until recover() is called: ${why}`;
    return true;
  }

  /**
   * @param error - A device was lost while it was checked, or is refused after that.
   * @returns Whether a safer execution is left.
   */
  takeSafer({ code, message, details }: EmbedError): boolean {
    if (code === "webgpu-unavailable") return this.takeWasm(message);
    if (code !== "numeric-fault" || details["retry"] !== true) return false;
    this.#skip(details["selfCheck"] as SelfCheckResult);
    return true;
  }

  #skip(result: SelfCheckResult): void {
    this.#failedChecks = [...this.#failedChecks, result];
  }
}
