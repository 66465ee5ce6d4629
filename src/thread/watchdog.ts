/** @file Tells a worker that is busy from one that is frozen. No timers: somebody calls `tick`. */
import type { RunEvent } from "../types.ts";

/** How long a worker may be silent; `Infinity` for ever. */
export interface WatchdogLimits {
  /**
   * Longest time without an answer while nothing blocks the worker's thread; six times that while it loads.
   *
   * @default 5000, 25 times the longest turn of the worker's own work
   */
  readonly pingMs?: number;
  /**
   * Shortest deadline of a run that has been handed to the device, four times that while no pace is known. Raise it
   * for a software GPU with a large model.
   *
   * @default 30000, 120 times what a run is planned to take
   */
  readonly runMs?: number;
}

export const PING_MS = 5_000;
export const RUN_MS = 30_000;

/** Reading and compiling ONNX Runtime, creating a session and building a tokenizer each keep the thread for seconds. */
const LOADING_FACTOR = 6;

/** The first runs compile shaders, on an unknown device. */
const UNKNOWN_PACE_FACTOR = 4;

/** Other tabs, a hot device and a shader that is compiled anew slow a run down; not twentyfold. */
const EXPECTED_FACTOR = 20;

/** Ticks within the shortest silence that counts, which is found a tenth too early at worst and never too late. */
const TICKS_PER_PING = 10;

/** What the worker is at, as far as the page knows. */
export interface WorkerActivity {
  readonly loading: boolean;
  /** Whether the thread that answers is the one that computes, or competes with it. */
  readonly blocking: boolean;
}

/**
 * Counts active time only: a tick that comes late, because the page was frozen, throttled or busy itself, counts for
 * two intervals at most, as what the worker said meanwhile may not have been heard yet.
 */
export class Watchdog {
  /** How often to call `tick`, in milliseconds. */
  readonly intervalMs: number;
  readonly #pingMs: number;
  readonly #runMs: number;
  readonly #now: () => number;
  #tickedAt: number;
  #silentMs = 0;
  /** Deadlines of the runs under way in the order in which they will end; the device works on the first. */
  readonly #runs: number[] = [];
  #runningMs = 0;

  constructor(limits: WatchdogLimits, now: () => number) {
    this.#pingMs = limits.pingMs ?? PING_MS;
    this.#runMs = limits.runMs ?? RUN_MS;
    this.intervalMs = Math.min(this.#pingMs, this.#runMs, PING_MS) / TICKS_PER_PING;
    this.#now = now;
    this.#tickedAt = now();
  }

  /** Watching begins, after a time in which nobody ticked. */
  start(): void {
    this.#tickedAt = this.#now();
    this.#silentMs = 0;
  }

  /** Anything came from the worker. */
  heard(): void {
    this.#silentMs = 0;
  }

  run(event: RunEvent): void {
    if (event.kind === "run-start") this.#runs.push(this.#deadlineOf(event.expectedMs));
    else this.#runs.shift();
    if (event.kind === "run-end" || this.#runs.length === 1) this.#runningMs = 0;
  }

  /** @returns What is wrong, `null` while nothing is. */
  tick({ loading, blocking }: WorkerActivity): string | null {
    const elapsed = Math.max(0, this.#now() - this.#tickedAt);
    const activeMs = Math.min(elapsed, 2 * this.intervalMs);
    this.#tickedAt = this.#now();
    const [deadline] = this.#runs;
    if (deadline !== undefined) {
      this.#runningMs += activeMs;
      if (this.#runningMs >= deadline) return `a run has not ended within ${deadline} ms`;
      if (blocking) return null;
    }
    this.#silentMs += activeMs;
    const limit = loading ? LOADING_FACTOR * this.#pingMs : this.#pingMs;
    return this.#silentMs >= limit ? `the worker has not answered for ${limit} ms` : null;
  }

  #deadlineOf(expectedMs: number | null): number {
    if (expectedMs === null) return UNKNOWN_PACE_FACTOR * this.#runMs;
    return Math.max(this.#runMs, EXPECTED_FACTOR * expectedMs);
  }
}
