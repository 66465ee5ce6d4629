/** @file Several files at once: each lane takes one after another and has one block of memory for all of them. */
import { EmbedError } from "../errors.ts";
import { BLOCK_BYTES } from "./manifest.ts";

export interface LaneOptions {
  readonly signal?: AbortSignal | undefined;
  /** How many at a time. */
  readonly lanes: number;
}

/** What one file at a time has to itself. */
export class Lane {
  /** Aborts when the caller calls everything off, or another lane has failed. */
  readonly signal: AbortSignal;
  #buffer: ArrayBuffer | undefined;

  constructor(signal: AbortSignal) {
    this.signal = signal;
  }

  /**
   * @returns The lane's memory, with whatever is in it; new memory where the last was lost in a read that broke off.
   * @throws {EmbedError} `out-of-memory`.
   */
  memory(bytes: number): Uint8Array<ArrayBuffer> {
    if (!this.#buffer || this.#buffer.byteLength < bytes) this.#buffer = allocate(bytes);
    return new Uint8Array(this.#buffer, 0, bytes);
  }

  /** @param bytes - What a read made of the memory: its buffer is the lane's from now on. */
  reuse(bytes: Uint8Array<ArrayBuffer>): void {
    this.#buffer = bytes.buffer;
  }

  /** At once: the collector would take its time, and what follows has memory of its own. */
  release(): void {
    const buffer: (ArrayBuffer & { transfer?(bytes: number): ArrayBuffer }) | undefined = this.#buffer;
    if (buffer?.byteLength) buffer.transfer?.(0);
    this.#buffer = undefined;
  }
}

/** Whole blocks at once, so that a lane that began with a small file need not allocate again for a large one. */
function allocate(bytes: number): ArrayBuffer {
  try {
    return new ArrayBuffer(Math.max(bytes, BLOCK_BYTES));
  } catch (cause) {
    throw new EmbedError("out-of-memory", `no memory for a block of ${bytes} bytes`, { cause, details: { bytes } });
  }
}

/**
 * Runs `work` over all items, one a lane at a time, in their order. The first failure calls the others off; this rejects
 * with it once they have all ended.
 */
export async function runLanes<T>(
  items: readonly T[],
  { signal, lanes }: LaneOptions,
  work: (item: T, lane: Lane) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const both = signal ? AbortSignal.any([signal, controller.signal]) : controller.signal;
  const queue = items.values();
  const failures: unknown[] = [];
  const runLane = async (lane: Lane): Promise<void> => {
    try {
      // All lanes take from one iterator: each item is taken once.
      for (const item of queue) {
        if (both.aborted) return;
        await work(item, lane);
      }
    } catch (error) {
      failures.push(error);
      controller.abort(error);
    } finally {
      lane.release();
    }
  };
  const count = Math.min(lanes, items.length);
  await Promise.all(Array.from({ length: count }, () => runLane(new Lane(both))));
  // What the others end with, called off, says nothing.
  if (failures.length > 0) throw failures[0];
  if (signal?.aborted) throw new EmbedError("aborted", "cancelled by the caller", { cause: signal.reason });
}
