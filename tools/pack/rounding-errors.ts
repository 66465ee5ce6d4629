/** @file What rounding did to each tensor, and a line about it for the terminal. Pure. */
import type { Deviation } from "./quantize.ts";

/** A tensor, by its name in the source, and how far it is from the source's values. */
export interface TensorError {
  readonly tensor: string;
  /** Root of the squared error over the squared weights; 0 where nothing was rounded. */
  readonly relative: number;
}

/** Puts the pieces of tensors together. */
export class RoundingErrors {
  readonly #sums = new Map<string, Deviation>();

  add(tensor: string, { squaredError, energy }: Deviation): void {
    const sum = this.#sums.get(tensor) ?? { squaredError: 0, energy: 0 };
    this.#sums.set(tensor, { squaredError: sum.squaredError + squaredError, energy: sum.energy + energy });
  }

  /** Sorted by name. */
  list(): TensorError[] {
    const errors = [...this.#sums].map(([tensor, { squaredError, energy }]) => {
      return { tensor, relative: squaredError === 0 ? 0 : Math.sqrt(squaredError / energy) };
    });
    return errors.sort((a, b) => (a.tensor < b.tensor ? -1 : 1));
  }
}

/** @returns null where no tensor was written. */
export function describeErrors(errors: readonly TensorError[]): string | null {
  if (errors.length === 0) return null;
  const rounded = errors.filter(({ relative }) => relative > 0);
  const exact = `${errors.length - rounded.length} of ${errors.length} tensors exactly as in the source`;
  if (rounded.length === 0) return exact;
  const mean = rounded.reduce((sum, { relative }) => sum + relative, 0) / rounded.length;
  const worst = rounded.reduce((a, b) => (b.relative > a.relative ? b : a));
  const percent = (relative: number) => `${(relative * 100).toPrecision(3)} %`;
  return `${exact}; the others rounded, relative RMS error: mean ${percent(mean)}, worst ${percent(worst.relative)} (${worst.tensor})`;
}
