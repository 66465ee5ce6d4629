/** @file Waiting for the next time that something happens. */

/** Wakes all who wait for it, each time it rings. */
export class Bell {
  #resolve: () => void = () => undefined;
  #next = this.#hang();

  /** Resolves when it rings next. */
  get next(): Promise<void> {
    return this.#next;
  }

  ring(): void {
    const resolve = this.#resolve;
    this.#next = this.#hang();
    resolve();
  }

  #hang(): Promise<void> {
    return new Promise((resolve) => (this.#resolve = resolve));
  }
}
