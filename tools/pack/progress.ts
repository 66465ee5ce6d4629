/** @file Progress of the pack and export commands on a terminal or in a log. */
import type { ExportProgress } from "../export/export-model.ts";
import type { PackProgress } from "./pack-model.ts";

/** Of a model's files on their way from the hub; `cached`: those of an earlier run are hashed. In bytes. */
export interface DownloadStep {
  readonly phase: "cached" | "downloading";
  readonly done: number;
  readonly total: number;
}

/** How far the command is. */
export type CommandProgress = PackProgress | DownloadStep | ExportProgress;

/** Where lines go; `process.stderr` is one. */
export interface LineSink {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const PHASES = {
  cached: "hashing earlier downloads",
  downloading: "downloading",
  checking: "hashing the source",
  packing: "packing",
  exporting: "exporting",
  golden: "computing known answers",
} as const;
/** A terminal's line is redrawn at most this often, a log gets a line at most this often. */
const TERMINAL_INTERVAL_MS = 100;
const LOG_INTERVAL_MS = 5000;

/** One line a phase on a terminal, redrawn; a line now and then elsewhere. */
export class ProgressLine {
  readonly #sink: LineSink;
  readonly #now: () => number;
  #phase: CommandProgress["phase"] | null = null;
  #startedMs = 0;
  #startedAt = 0;
  #printedMs = -Infinity;
  #drawn = false;

  /** @param now - Milliseconds of a clock. */
  constructor(sink: LineSink, now: () => number = () => performance.now()) {
    this.#sink = sink;
    this.#now = now;
  }

  update(progress: CommandProgress): void {
    const nowMs = this.#now();
    if (progress.phase !== this.#phase) {
      this.end();
      this.#phase = progress.phase;
      this.#startedMs = nowMs;
      this.#startedAt = progress.done;
      this.#printedMs = -Infinity;
    }
    const intervalMs = this.#sink.isTTY ? TERMINAL_INTERVAL_MS : LOG_INTERVAL_MS;
    if (nowMs - this.#printedMs < intervalMs && progress.done < progress.total) return;
    this.#printedMs = nowMs;
    const line = describeProgress(progress, (progress.done - this.#startedAt) / ((nowMs - this.#startedMs) / 1000));
    this.#sink.write(this.#sink.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
    this.#drawn = true;
  }

  /** A line of its own for what a user should know. */
  note(text: string): void {
    this.end();
    this.#sink.write(`${text}\n`);
  }

  /** Leaves the terminal's line. */
  end(): void {
    if (this.#drawn && this.#sink.isTTY) this.#sink.write("\n");
    this.#drawn = false;
  }
}

/** @param perSecond - Rate so far, of `done`'s unit; not finite when it is not known. */
export function describeProgress({ phase, done, total }: CommandProgress, perSecond: number): string {
  const percent = `${Math.floor((100 * done) / Math.max(1, total))} %`;
  const amount = phase === "golden" ? `${done} of ${total} products` : `${megabytes(done)} of ${megabytes(total)} MB`;
  const isKnown = Number.isFinite(perSecond) && perSecond > 0;
  const rate = isKnown && phase !== "golden" ? `, ${megabytes(perSecond)} MB/s` : "";
  const left = isKnown && done < total ? `, ${duration((total - done) / perSecond)} left` : "";
  return `${PHASES[phase]}: ${percent}, ${amount}${rate}${left}`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}

function duration(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}
