/** @file How long runs take, learned as they go: milliseconds per FLOP, a cost per run, tokens per second. Pure. */

/** What a run is done by, as far as its speed goes. */
export type PaceKind = "gpu" | "software" | "wasm";

/**
 * FLOP/s until runs have been seen. GPU: what ONNX Runtime reaches on the slowest laptop GPUs (a published 110 tokens/s
 * of a 4B model is 0.9 TFLOP/s), halved, so that no first run hangs a submit. Software: SwiftShader runs a layer of the
 * 4B shape over 16 tokens in 8 s, 0.4 GFLOP/s. WASM: 22 GFLOP/s a thread at 256 rows, less for what is no matrix product.
 */
const ASSUMED_FLOPS: Readonly<Record<PaceKind, number>> = { gpu: 0.4e12, software: 0.5e9, wasm: 15e9 };

/** The finest clock of a browser ticks so often: a run that seems to have taken no time took some. */
const CLOCK_MS = 0.005;

/** Runs of one size that are remembered: their median stands for the size, so that four odd ones do not matter. */
const REMEMBERED_RUNS = 9;

/** The first run of a shape compiles its shader: a size is known only when it has been seen twice. */
const KNOWN_FROM_RUNS = 2;

/** From so many runs on, a size's own median is better than the line through all sizes. */
const TRUSTED_FROM_RUNS = 3;

/** A size that was not run for so long no longer shapes the line: clocks and rivals change. */
const STALE_AFTER_RUNS = 2000;

/** Beyond the largest size seen, at least this share of its time is taken to grow with size: the rest may be a cost per run. */
const GROWING_SHARE = 1 / 4;

/** So much slower than the same size once was, so often in a row, is no noise: memory spills, or the clock was cut. */
const CLIFF_FACTOR = 4;
const CLIFF_RUNS = 8;

/** Runs of a size before its best time counts as known. */
const BEST_FROM_RUNS = 5;

/** Weight that earlier passes keep in `tokensPerSecond` with each new one. */
const PASS_MEMORY = 0.9;

/** Runs of about the same size, half an octave of FLOPs wide. */
interface SizeClass {
  recent: { readonly flops: number; readonly ms: number }[];
  runs: number;
  lastRun: number;
  /** Lowest median ever, in ms per FLOP. */
  best: number;
}

interface Line {
  /** Milliseconds of any run. */
  readonly fixed: number;
  readonly msPerFlop: number;
  /** The largest size seen, and its time. */
  readonly most: { readonly flops: number; readonly ms: number };
}

/** Learns from `(flops, ms)` of runs. */
export class RunPace {
  readonly #assumed: number;
  readonly #classes = new Map<number, SizeClass>();
  #line: Line | null = null;
  #stale = false;
  #runs = 0;
  #slowRuns = 0;
  #passTokens = 0;
  #passMs = 0;

  constructor(kind: PaceKind) {
    this.#assumed = 1000 / ASSUMED_FLOPS[kind];
  }

  /** Takes in a run of one layer that did `flops` operations in `measuredMs` milliseconds. */
  observe(flops: number, measuredMs: number): void {
    if (!(flops > 0) || !(measuredMs >= 0)) return;
    const ms = Math.max(measuredMs, CLOCK_MS);
    const key = classOf(flops);
    const size = this.#classes.get(key) ?? { recent: [], runs: 0, lastRun: 0, best: Infinity };
    this.#classes.set(key, size);
    if (size.best < Infinity) this.#slowRuns = ms >= CLIFF_FACTOR * size.best * flops ? this.#slowRuns + 1 : 0;
    size.recent = [...size.recent, { flops, ms }].slice(-REMEMBERED_RUNS);
    size.runs++;
    size.lastRun = ++this.#runs;
    if (size.runs >= BEST_FROM_RUNS) size.best = Math.min(size.best, msPerFlop(size));
    this.#stale = true;
  }

  /** Milliseconds that a run will take; `null` until runs of any size have been seen twice. */
  expectedMs(flops: number): number | null {
    const size = this.#classes.get(classOf(flops));
    if (size && size.runs >= TRUSTED_FROM_RUNS) return msPerFlop(size) * flops;
    if (this.#stale) this.#line = this.#fit();
    this.#stale = false;
    return this.#line && along(this.#line, flops);
  }

  /** Like `expectedMs`, by an assumption for this kind of device until there is something to go by. */
  plannedMs(flops: number): number {
    return this.expectedMs(flops) ?? flops * this.#assumed;
  }

  /**
   * Whether the last runs were all many times slower than runs of their size once were. Says so once: from then on the
   * slower pace is the normal one.
   */
  takeCliff(): boolean {
    if (this.#slowRuns < CLIFF_RUNS) return false;
    this.#slowRuns = 0;
    for (const size of this.#classes.values()) Object.assign(size, { best: Infinity, runs: 0, recent: [] });
    this.#stale = true;
    return true;
  }

  /** Takes in a whole pass, waiting apart. */
  observePass(tokens: number, ms: number): void {
    this.#passTokens = this.#passTokens * PASS_MEMORY + tokens;
    this.#passMs = this.#passMs * PASS_MEMORY + ms;
  }

  /** Tokens through all layers, over the last passes; `null` before the first. */
  get tokensPerSecond(): number | null {
    return this.#passMs > 0 ? (1000 * this.#passTokens) / this.#passMs : null;
  }

  /** Fixed cost and slope that fit the known sizes best, each size's error relative to its time. */
  #fit(): Line | null {
    const known = [...this.#classes.values()]
      .filter(({ runs, lastRun }) => runs >= KNOWN_FROM_RUNS && this.#runs - lastRun < STALE_AFTER_RUNS)
      .map((size) => {
        const flops = size.recent.reduce((sum, run) => sum + run.flops, 0) / size.recent.length;
        return { flops, ms: Math.max(msPerFlop(size) * flops, Number.MIN_VALUE) };
      });
    if (known.length === 0) return null;
    const most = known.reduce((a, b) => (a.flops >= b.flops ? a : b));
    return { ...leastSquares(known), most };
  }
}

/** Minimises `Σ ((fixed + msPerFlop · flops) / ms − 1)²` with neither below 0. */
function leastSquares(points: readonly { readonly flops: number; readonly ms: number }[]): Omit<Line, "most"> {
  let [uu, uv, vv, u, v] = [0, 0, 0, 0, 0];
  for (const { flops, ms } of points) {
    const one = 1 / ms;
    const rate = flops / ms;
    uu += one * one;
    uv += one * rate;
    vv += rate * rate;
    u += one;
    v += rate;
  }
  const determinant = uu * vv - uv * uv;
  const fixed = (u * vv - v * uv) / determinant;
  const slope = (v * uu - u * uv) / determinant;
  // One size, or sizes too close to tell the two apart: all of it grows.
  if (points.length < 2 || !(determinant > 1e-9 * uu * vv) || fixed <= 0) return { fixed: 0, msPerFlop: v / vv };
  return slope > 0 ? { fixed, msPerFlop: slope } : { fixed: u / uu, msPerFlop: 0 };
}

function along({ fixed, msPerFlop: slope, most }: Line, flops: number): number {
  if (flops <= most.flops) return fixed + slope * flops;
  const growing = Math.max(slope, (GROWING_SHARE * most.ms) / most.flops);
  return Math.max(fixed + slope * most.flops, most.ms) + growing * (flops - most.flops);
}

/** Lower median: of two runs the faster one. */
function msPerFlop({ recent }: SizeClass): number {
  const rates = recent.map(({ flops, ms }) => ms / flops).sort((a, b) => a - b);
  return rates[Math.floor((rates.length - 1) / 2)]!;
}

function classOf(flops: number): number {
  return Math.round(2 * Math.log2(flops));
}
