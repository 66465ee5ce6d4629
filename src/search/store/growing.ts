/** @file A typed array that grows as it is written to. */

/** Room of a new array; it doubles from there. */
const FIRST_LENGTH = 1024;

/** Whole numbers by index; what was never written is `empty`. */
export class GrowingInts {
  readonly #empty: number;
  #values: Int32Array;

  constructor(empty: number) {
    this.#empty = empty;
    this.#values = new Int32Array(FIRST_LENGTH).fill(empty);
  }

  get(index: number): number {
    return index < this.#values.length ? this.#values[index]! : this.#empty;
  }

  set(index: number, value: number): void {
    if (index >= this.#values.length) {
      const larger = new Int32Array(Math.max(index + 1, 2 * this.#values.length)).fill(this.#empty);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[index] = value;
  }

  /** Every value is `empty` again. */
  clear(): void {
    this.#values = new Int32Array(FIRST_LENGTH).fill(this.#empty);
  }
}
