/** @file The k best of a stream of scores, in bounded memory. Pure. */

/** A row of an index and how well it fits. */
export interface Hit {
  /** In the order of adding, from 0. */
  readonly row: number;
  /** Cosine similarity, −1…1. */
  readonly score: number;
}

/** A binary heap of the k best hits so far, the worst of them at the root. */
export class TopK {
  readonly #limit: number;
  readonly #heap: Hit[] = [];

  /** @param limit - How many to keep; an integer ≥ 1. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  offer(row: number, score: number): void {
    const heap = this.#heap;
    const worst = heap[0];
    if (worst === undefined || heap.length < this.#limit) this.#rise({ row, score });
    // Compared before there is an object: nearly all are turned away here.
    else if (score > worst.score || (score === worst.score && row < worst.row)) this.#sink({ row, score });
  }

  /** Best first; equal scores by ascending row. */
  toSorted(): Hit[] {
    return this.#heap.toSorted((a, b) => (isBetter(a, b) ? -1 : 1));
  }

  /** Adds a hit at the end and swaps it up past better ones. */
  #rise(hit: Hit): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBetter(heap[parent]!, hit)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = hit;
  }

  /** Puts a hit in the root's place and swaps it down past worse ones. */
  #sink(hit: Hit): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBetter(heap[child]!, heap[child + 1]!)) child++;
      if (!isBetter(hit, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = hit;
  }
}

function isBetter(a: Hit, b: Hit): boolean {
  return a.score > b.score || (a.score === b.score && a.row < b.row);
}
