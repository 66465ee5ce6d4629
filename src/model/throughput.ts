/** @file How fast bytes come, over the last seconds. Pure: the caller has the clock. */

/** Long enough to even out the gaps between blocks, short enough to show what the line does now. */
export const WINDOW_MS = 5_000;

/** Before that, the first bytes (out of some buffer) say nothing about the line. */
const MIN_SPAN_MS = 250;

/** Parts that come closer together count as one, so that the window holds some dozens. */
const GRAIN_MS = 100;

/** Bytes over a sliding window of `WINDOW_MS`. Times are milliseconds of one monotonic clock. */
export class Throughput {
  readonly #startedAt: number;
  readonly #parts: { readonly at: number; bytes: number }[] = [];

  constructor(now: number) {
    this.#startedAt = now;
  }

  /** @param bytes - Negative for bytes that turned out to be worthless. */
  add(bytes: number, now: number): void {
    const last = this.#parts.at(-1);
    if (last && now - last.at < GRAIN_MS) last.bytes += bytes;
    else this.#parts.push({ at: now, bytes });
    while ((this.#parts[0]?.at ?? now) < now - WINDOW_MS) this.#parts.shift();
  }

  /** @returns `null` before there is something to go by; 0 when nothing has come for the whole window. */
  bytesPerSecond(now: number): number | null {
    const spanMs = Math.min(now - this.#startedAt, WINDOW_MS);
    if (spanMs < MIN_SPAN_MS) return null;
    const recent = this.#parts.filter(({ at }) => at >= now - WINDOW_MS);
    const bytes = recent.reduce((sum, part) => sum + part.bytes, 0);
    return (Math.max(0, bytes) * 1000) / spanMs;
  }
}
