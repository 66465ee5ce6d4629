/** @file The GPU memory budget from one worker to the next, and from one visit to the next. */
import type { LoadRequest, VramStatus } from "../types.ts";
import { BUDGETS, readNumbers, writeNumber, type Recall } from "./recall.ts";

/** Keeps what workers learn about the budget. A number of the caller's is never remembered. */
export class BudgetKeeper {
  readonly #recall: Recall;
  readonly #callerBytes: number | undefined;
  /** Of the budget, to start with: halved where no number can be, since it is the caller's or not known yet. */
  #share = 1;
  #last: { readonly key: string; readonly bytes: number; readonly isCallers: boolean } | null = null;

  /** @param callerBytes - As the caller of `createEmbedder` has it. */
  constructor(recall: Recall, callerBytes: number | undefined) {
    this.#recall = recall;
    this.#callerBytes = callerBytes;
  }

  /** For the next load. */
  get request(): Pick<LoadRequest, "rememberedBudgets" | "vramBudgetBytes" | "budgetShare"> {
    return {
      rememberedBudgets: readNumbers(this.#recall, BUDGETS),
      ...(this.#callerBytes !== undefined && { vramBudgetBytes: this.#callerBytes }),
      ...(this.#share < 1 && { budgetShare: this.#share }),
    };
  }

  /** A worker has reported: a budget that it has changed is remembered. */
  see({ budgetKey: key, budgetBytes: bytes, budgetSource }: VramStatus): void {
    if (bytes === null) return;
    const isCallers = budgetSource === "caller";
    const isChanged = this.#last?.key === key && this.#last.bytes !== bytes;
    this.#last = { key, bytes, isCallers };
    if (isCallers || (!isChanged && this.#share === 1)) return;
    writeNumber(this.#recall, BUDGETS, [key, bytes]);
    // From here on the number says it.
    this.#share = 1;
  }

  /** After a crash of the GPU, or when a load ran out of memory: the next worker starts with half. */
  halve(): void {
    if (this.#last === null || this.#last.isCallers) {
      this.#share /= 2;
      return;
    }
    const bytes = Math.max(1, Math.floor(this.#last.bytes / 2));
    this.#last = { ...this.#last, bytes };
    writeNumber(this.#recall, BUDGETS, [this.#last.key, bytes]);
  }
}
