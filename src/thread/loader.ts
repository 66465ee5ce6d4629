/** @file What the next worker is to load: the caller's wish, and what earlier workers taught. */
import type { EmbedError } from "../errors.ts";
import type { DeviceChoice, LoadRequest, SelfCheckResult, VramStatus } from "../types.ts";
import { BudgetKeeper } from "./budget-keeper.ts";
import { openClient, type EmbedClient, type OpenOptions } from "./client.ts";
import { realClock } from "./clock.ts";
import { CHECKS, readNumbers, writeNumber, type Recall } from "./recall.ts";
import type { WorkerPort } from "./worker-calls.ts";

/** What the caller wants the model to run on; and why WebAssembly is taken against that, `null` when it is not. */
export interface DeviceTaken {
  readonly wish: DeviceChoice;
  readonly fallback: string | null;
}

/** Opens one client after the other. */
export class Loader {
  readonly #startWorker: () => WorkerPort;
  readonly #request: LoadRequest;
  readonly #options: OpenOptions & { readonly recall: Recall };
  readonly #budget: BudgetKeeper;
  #taken: DeviceTaken;
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
    this.#taken = { wish: request.device ?? "auto", fallback: null };
  }

  get taken(): DeviceTaken {
    return this.#taken;
  }

  /** What the next worker is told. */
  get #device(): DeviceChoice {
    return this.#taken.fallback === null ? this.#taken.wish : "wasm";
  }

  /**
   * Brings up a worker; on failure nothing is left running.
   *
   * @param how - `afterCrash`: a GPU was lost and may be a moment away.
   * @throws {EmbedError} See `openClient`.
   */
  async open(how: { readonly signal: AbortSignal; readonly afterCrash: boolean }): Promise<EmbedClient> {
    const { signal, afterCrash } = how;
    const { recall, clock = realClock } = this.#options;
    const request = {
      ...this.#request,
      ...this.#budget.request,
      device: this.#device,
      failedChecks: this.#failedChecks,
      rememberedChecks: readNumbers(recall, CHECKS),
      afterCrash,
    };
    const onFailedCheck = (result: SelfCheckResult): void => this.#skip(result);
    const client = await openClient(this.#startWorker, request, { ...this.#options, signal, onFailedCheck });
    const passed = client.status.selfChecks.at(-1);
    if (passed?.scope === "full") writeNumber(recall, CHECKS, [passed.key, clock.now()]);
    return client;
  }

  /** A worker has reported. */
  see(vram: VramStatus): void {
    this.#budget.see(vram);
  }

  /** After a crash of the GPU, or when a load ran out of memory; WebAssembly's memory has no budget. */
  halveBudget(): void {
    if (this.#device !== "wasm") this.#budget.halve();
  }

  /** The user has decided. Devices that could not be opened or were lost get another chance, wrong ones do not. */
  takeDevice(wish: DeviceChoice): void {
    this.#taken = { wish, fallback: null };
    this.#failedChecks = this.#failedChecks.filter(({ failure }) => failure === undefined);
  }

  /** What the user has decided does not work. */
  goBack(taken: DeviceTaken): void {
    this.#taken = taken;
  }

  /** @returns Whether the caller's wish allows WebAssembly, and it is not what failed. */
  takeWasm(why: string): boolean {
    const { wish, fallback } = this.#taken;
    if (wish !== "auto" || fallback !== null) return false;
    this.#taken = { wish, fallback: `WebAssembly until recover() is called: ${why}` };
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
    writeNumber(this.#options.recall, CHECKS, [result.key, null]);
    this.#failedChecks = [...this.#failedChecks, result];
  }
}
