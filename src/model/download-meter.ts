/** @file What a download tells of itself: bytes, speed, time left, trouble. Pure: the caller has the clock. */
import type { DownloadPhase, DownloadProgress } from "../delivery.ts";
import { Throughput } from "./throughput.ts";

/** One download, of several files at once. */
export class DownloadMeter {
  readonly #totalBytes: number;
  readonly #report: (progress: DownloadProgress) => void;
  readonly #now: () => number;
  readonly #troubles = new Map<string, string>();
  #phase: DownloadPhase = "manifest";
  #loadedBytes = 0;
  /** The most that was reported: a block that came broken is not seen as going back, but as standing still. */
  #shownBytes = 0;
  #throughput: Throughput;

  /** @param now - Milliseconds of a monotonic clock. */
  constructor(totalBytes: number, report: (progress: DownloadProgress) => void, now: () => number) {
    this.#totalBytes = totalBytes;
    this.#report = report;
    this.#now = now;
    this.#throughput = new Throughput(now());
  }

  /** @param presentBytes - Of the phase's bytes, those that were there before; they are no speed. */
  enter(phase: DownloadPhase, presentBytes = 0): void {
    this.#phase = phase;
    this.#loadedBytes = presentBytes;
    this.#shownBytes = presentBytes;
    this.#throughput = new Throughput(this.#now());
    this.#tell();
  }

  /** @param delta - Negative for bytes that turned out to be broken. */
  add(delta: number): void {
    this.#loadedBytes += delta;
    this.#shownBytes = Math.max(this.#shownBytes, this.#loadedBytes);
    this.#throughput.add(delta, this.#now());
    this.#tell();
  }

  /**
   * Until then the speed is that of the other files alone.
   *
   * @param why - `null` when the file's bytes flow again.
   */
  trouble(file: string, why: string | null): void {
    if (why === null) this.#troubles.delete(file);
    else this.#troubles.set(file, why);
    // What flowed before says nothing of what flows now.
    this.#throughput = new Throughput(this.#now());
    this.#tell();
  }

  #tell(): void {
    const measured = this.#throughput.bytesPerSecond(this.#now());
    const bytesPerSecond = measured ?? (this.#troubles.size > 0 ? 0 : null);
    const left = this.#totalBytes - this.#shownBytes;
    this.#report({
      phase: this.#phase,
      loadedBytes: this.#shownBytes,
      totalBytes: this.#phase === "manifest" ? 0 : this.#totalBytes,
      bytesPerSecond,
      remainingMs: bytesPerSecond ? (left * 1000) / bytesPerSecond : null,
      by: "here",
      trouble: [...this.#troubles.values()].at(-1) ?? null,
    });
  }
}
