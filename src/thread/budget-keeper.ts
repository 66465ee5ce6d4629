/** @file The GPU memory budget from one worker to the next, and from one visit to the next. */
import type { LoadRequest, VramStatus } from "../types.ts";
import { readBudgets, writeBudget, type Recall } from "./recall.ts";

/** Keeps what workers learn about the budget. A number of the caller's is never remembered. */
export class BudgetKeeper {
  readonly #recall: Recall;
  readonly #callerBytes: number | undefined;
  /** The caller's number, or less after a crash. */
  #limitBytes: number | undefined;
  #last: { readonly key: string; readonly bytes: number; readonly isCallers: boolean } | null = null;

  /** @param callerBytes - As the caller of `createEmbedder` has it. */
  constructor(recall: Recall, callerBytes: number | undefined) {
    this.#recall = recall;
    this.#callerBytes = callerBytes;
    this.#limitBytes = callerBytes;
  }

  /** For the next load. */
  get request(): Pick<LoadRequest, "rememberedBudgets" | "vramBudgetBytes"> {
    return {
      rememberedBudgets: readBudgets(this.#recall),
      ...(this.#limitBytes !== undefined && { vramBudgetBytes: this.#limitBytes }),
    };
  }

  /** A worker has reported: a budget that it has changed is remembered. */
  see({ budgetKey: key, budgetBytes: bytes, budgetSource }: VramStatus): void {
    if (bytes === null) return;
    const isCallers = budgetSource === "caller";
    const isChanged = this.#last?.key === key && this.#last.bytes !== bytes;
    this.#last = { key, bytes, isCallers };
    if (isChanged && !isCallers) writeBudget(this.#recall, key, bytes);
  }

  /** After a crash of the GPU: the next worker takes half. */
  halve(): void {
    if (this.#last === null) return;
    const { key, isCallers } = this.#last;
    const bytes = Math.max(1, Math.floor(this.#last.bytes / 2));
    this.#last = { key, bytes, isCallers };
    if (isCallers) this.#limitBytes = bytes;
    else writeBudget(this.#recall, key, bytes);
  }

  /** @returns Whether the caller's own number had been halved; it holds again. */
  restore(): boolean {
    if (this.#limitBytes === this.#callerBytes) return false;
    this.#limitBytes = this.#callerBytes;
    return true;
  }
}
