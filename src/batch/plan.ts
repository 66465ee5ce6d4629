/** @file Ids → work: which tokens run together, within bytes and milliseconds. Pure. */
import type { Chunk, Execution, Pass, Slice } from "../types.ts";
import { FLASH_TOKENS, type CostModel } from "./cost.ts";

type ByKind = Readonly<Record<Execution["kind"], number>>;

/**
 * Most tokens in one run of a layer unless the caller says otherwise. GPU: kernels are at their speed from about 512
 * rows on, and 4,096 rows of the 4B shape hold 0.5 GB of scratch in f32; the time of a run usually binds first. WASM:
 * kernels are at their speed from 256 rows on, but texts that are sliced are much slower than whole ones.
 */
export const DEFAULT_CHUNK_TOKENS: ByKind = { webgpu: 4096, wasm: 4096 };

/**
 * Longest that a run should take unless the caller says otherwise, in milliseconds. GPU: no operating system's watchdog
 * minds, and a query cuts in. WASM: a query waits for no more, and shorter runs are as fast (with 100 here, nano's bulk
 * job goes 3 % slower and a query amid it waits 125 instead of 45 ms: `npm run bench -- --size cpu`).
 */
export const MAX_RUN_MS: ByKind = { webgpu: 250, wasm: 30 };

/**
 * Time makes no chunk smaller than this. GPU: fewer new tokens take another attention kernel, whose scratch grows with
 * the past (31 tokens at 32,768 of the 4B shape in f32: 260 MB, 32 tokens: 9 MB). WASM: weights are dequantized anew in
 * every run (10 ms for 1024 × 3072), which rules at fewer than 64 rows.
 */
export const MIN_CHUNK_TOKENS: ByKind = { webgpu: FLASH_TOKENS, wasm: 64 };

/**
 * A sequence may take so many times `maxRunMs` before it is sliced. WASM: with the keys and values of other slices
 * ONNX Runtime 1.30.0 takes an attention kernel that makes a layer of nano 5.2 times as slow at 2,048 tokens, so that
 * slices are no shorter runs (`npm run bench:profile -- --device wasm`).
 */
const WHOLE_RUN_FACTOR: ByKind = { webgpu: 1, wasm: 33 };

/** More chunks and sliced sequences than this are not gathered into one pass: so many runs a layer hide any upload. */
const MAX_GATHERED = 64;

/** Attention alone works on padded rows; a chunk's rectangle may hold this many cells per token. */
const MAX_PADDED_RATIO = 2;

/** More slices of one sequence than this are not tried: a plan of single tokens would run for days. */
const MAX_SLICES = 4096;

/** A chunk of fewer tokens may pad as if it had so many: one run more would cost more than the padding. */
const PADDED_FREELY_TOKENS = 512;

/** What planning asks of the cost model. */
export type PassCost = Pick<CostModel, "shape" | "pass" | "runtime">;

/** Bounds of a plan. */
export interface PlanLimits {
  readonly cost: PassCost;
  /** Most tokens in one run, at least 1. */
  readonly chunkTokens: number;
  /** `maxRunMs` makes no chunk smaller than this, and no rest of fewer than `FLASH_TOKENS` beside it. */
  readonly minChunkTokens: number;
  /** Longest that a run should take; `Infinity` for no bound. */
  readonly maxRunMs: number;
  /** How long a run of one layer over this chunk will take. */
  readonly runMs: (chunk: Chunk) => number;
  /**
   * Bytes that a pass over this many positions may take, preferred first: a sequence that does not fit the first is
   * planned within the next. At least one.
   */
  readonly rooms: (positions: number) => readonly number[];
  /** Scratch that runs of other passes take in any case; runs take turns, so it is shared. */
  readonly scratchBytes: number;
  /** Chunks are gathered into one pass up to this many tokens; 0 makes each chunk, or sliced sequence, a pass. */
  readonly passTokens: number;
  /** Planning ends with this many passes: who plans anew after each one need not plan them all. @default Infinity */
  readonly maxPasses?: number | undefined;
}

export interface Plan {
  /** Shortest sequences first; each token of a planned sequence stands in exactly one slice. */
  readonly passes: readonly Pass[];
  /** Where planning got stuck: the first one fits no room, the others are at least as long and were not tried. */
  readonly unfit: readonly number[];
}

/**
 * Splits sequences into passes: short ones of similar length share chunks; one that does not fit a chunk, by tokens,
 * time or bytes, is sliced. Sizes of slices are powers of two, so that few distinct shapes occur, and fall as the past
 * grows, since attention to it costs time and memory. Only the last two are of any size: neither is a short rest.
 *
 * @param lengths - Tokens of each sequence, each at least 1; `[N]`.
 */
export function planPasses(lengths: readonly number[], limits: PlanLimits): Plan {
  const sorted = lengths.map((length, sequence) => ({ sequence, length }));
  sorted.sort((a, b) => a.length - b.length || a.sequence - b.sequence);
  const passes = new PassCollector(limits);
  const { maxPasses = Infinity } = limits;
  let stuck = false;
  let next = 0;
  while (next < sorted.length && !stuck && passes.count < maxPasses) {
    const count = wholeCount(sorted, next, limits);
    if (count > 0) {
      passes.add([wholeChunk(sorted.slice(next, next + count))], { preferred: true });
    } else {
      const placed = placeAlone(sorted[next]!, limits);
      if (placed) passes.add(placed.chunks, placed);
      else stuck = true;
    }
    next += stuck ? 0 : Math.max(1, count);
  }
  const unfit = stuck ? sorted.slice(next).map(({ sequence }) => sequence) : [];
  return { passes: passes.finish().slice(0, maxPasses), unfit };
}

/**
 * The smallest room in which a sequence can be run, however slowly.
 *
 * @returns Bytes of the pass, weights and tables apart.
 */
export function smallestPassBytes(length: number, limits: Pick<PlanLimits, "cost" | "chunkTokens">): number {
  const plans = [...plainPlans({ sequence: 0, length }, limits)];
  return Math.min(...plans.map((chunks) => peakBytes(passBytes(limits.cost, chunks))));
}

/** Bytes of a pass; weights and tables apart. */
export interface PassBytes {
  /** From its beginning to its end. */
  readonly heldBytes: number;
  /** What its largest run adds. */
  readonly runtimeBytes: number;
  /** What reading its rows back adds, when its runs are over. */
  readonly readbackBytes: number;
}

/** Bytes of these chunks as one pass. On WASM only what a run takes of the heap: all else is JS memory. */
export function passBytes(cost: PassCost, chunks: readonly Chunk[]): PassBytes {
  const { hidden, indices, kv, readback, runtime } = cost.pass(chunks);
  if (cost.shape.kind === "wasm") return { heldBytes: 0, runtimeBytes: runtime, readbackBytes: 0 };
  return { heldBytes: hidden + indices + kv, runtimeBytes: runtime, readbackBytes: readback };
}

/** @param scratchBytes - What runs of other passes take, meanwhile or in between. @default 0, there are none */
export function peakBytes({ heldBytes, runtimeBytes, readbackBytes }: PassBytes, scratchBytes = 0): number {
  if (scratchBytes === 0) return heldBytes + Math.max(runtimeBytes, readbackBytes);
  return heldBytes + readbackBytes + Math.max(runtimeBytes, scratchBytes);
}

interface SizedSequence {
  readonly sequence: number;
  readonly length: number;
}

/** Gathers chunks into passes. */
class PassCollector {
  readonly #limits: PlanLimits;
  readonly #passes: Pass[] = [];
  #open: Chunk[] = [];
  #openTokens = 0;
  #gathered = 0;

  constructor(limits: PlanLimits) {
    this.#limits = limits;
  }

  /** @param how - `preferred` is false for what fits the first room not even alone: it is a pass of its own. */
  add(chunks: readonly Chunk[], how: { readonly preferred: boolean }): void {
    const tokens = sum(chunks.map(({ tokenCount }) => tokenCount));
    const joined = [...this.#open, ...chunks];
    const tooMany = this.#openTokens + tokens > this.#limits.passTokens || this.#gathered === MAX_GATHERED;
    const fits = how.preferred && !tooMany && fitsRoom(joined, this.#limits, this.#limits.rooms(longestOf(joined))[0]!);
    if (!fits) this.#close();
    this.#open.push(...chunks);
    this.#openTokens += tokens;
    this.#gathered++;
    if (!how.preferred) this.#close();
  }

  /** Passes that nothing can be added to any more. */
  get count(): number {
    return this.#passes.length;
  }

  finish(): Pass[] {
    this.#close();
    return this.#passes;
  }

  #close(): void {
    if (this.#open.length > 0) this.#passes.push({ chunks: this.#open, tokenCount: this.#openTokens });
    this.#open = [];
    this.#openTokens = 0;
    this.#gathered = 0;
  }
}

/** How many sequences from `first` on can be run whole in one chunk; 0 when not even the first can. */
function wholeCount(sorted: readonly SizedSequence[], first: number, limits: PlanLimits): number {
  let tokens = 0;
  let most = 0;
  for (const { length } of sorted.slice(first, first + limits.chunkTokens)) {
    tokens += length;
    // Sorted: the newcomer is the longest, and sets the rectangle's width.
    const cells = (most + 1) * length;
    const cellsAllowed = MAX_PADDED_RATIO * Math.max(tokens, Math.min(PADDED_FREELY_TOKENS, limits.chunkTokens));
    if (tokens > limits.chunkTokens || cells > cellsAllowed) break;
    most++;
  }
  const fits = (count: number): boolean => {
    const chunk = wholeChunk(sorted.slice(first, first + count));
    const room = limits.rooms(sorted[first + count - 1]!.length)[0]!;
    return inTime(chunk, limits) && fitsRoom([chunk], limits, room);
  };
  // Bytes and time grow with the count, so the largest that fits is found by halving.
  let fitting = 0;
  while (fitting < most) {
    const middle = Math.ceil((fitting + most) / 2);
    if (fits(middle)) fitting = middle;
    else most = middle - 1;
  }
  return fitting;
}

/** Chunks of one sequence in the first room that holds it; `null` when none does. */
function placeAlone(
  one: SizedSequence,
  limits: PlanLimits,
): { readonly chunks: readonly Chunk[]; readonly preferred: boolean } | null {
  const rooms = limits.rooms(one.length);
  for (const [index, room] of rooms.entries()) {
    const whole = wholeChunk([one]);
    const chunks = isBetterWhole(whole, limits) ? [whole] : sliceInTime(one, limits, room);
    if (chunks && fitsRoom(chunks, limits, room)) return { chunks, preferred: index === 0 };
  }
  // Time never makes a plan impossible, and bytes only when no size of slice is small enough.
  const room = rooms.at(-1)!;
  for (const chunks of plainPlans(one, limits)) {
    if (fitsRoom(chunks, limits, room)) return { chunks, preferred: rooms.length === 1 };
  }
  return null;
}

/** Slices as large as time and room allow, none below the floor; `null` when the room is too small for that. */
function sliceInTime(one: SizedSequence, limits: PlanLimits, room: number): Chunk[] | null {
  const smallest = 2 ** Math.floor(Math.log2(Math.min(limits.minChunkTokens, limits.chunkTokens)));
  // The more chunks, the more they hold: what is left for scratch is reckoned with the smallest ones.
  const { heldBytes, readbackBytes } = passBytes(limits.cost, slices(one, smallest, limits.chunkTokens));
  const scratch = room - heldBytes - readbackBytes;
  if (scratch < limits.scratchBytes) return null;
  const sizes = ladder(limits.chunkTokens).filter((size) => size >= smallest);
  const chunks: Chunk[] = [];
  for (let start = 0; start < one.length; start += chunks.at(-1)!.tokenCount) {
    const left = one.length - start;
    // Too few for a slice and a rest: time does not part them.
    const isRest = start > 0 && left < smallest + Math.min(FLASH_TOKENS, smallest);
    const chunk = [...(left <= limits.chunkTokens ? [left] : []), ...lengthsBefore(left, sizes, limits.chunkTokens)]
      .map((length) => sliceChunk({ sequence: one.sequence, start, length }))
      .find((candidate) => {
        const allowed = inTime(candidate, limits) || (isRest && candidate.tokenCount === left);
        return allowed && limits.cost.runtime(candidate, one.length) <= scratch;
      });
    if (!chunk) return null;
    chunks.push(chunk);
  }
  return chunks;
}

/**
 * How many of the tokens left the next slice may take, for slices of these sizes: a rest of fewer than `FLASH_TOKENS`
 * gets some of the slice before it, or joins it.
 */
function lengthsBefore(left: number, sizes: readonly number[], chunkTokens: number): number[] {
  const least = Math.min(FLASH_TOKENS, ...sizes);
  return sizes
    .filter((size) => size < left)
    .map((size) => {
      if (left - size >= least) return size;
      if (size >= 2 * least) return left - least;
      return left <= chunkTokens ? left : size;
    });
}

/** Ways to run a sequence by its tokens alone, largest chunks first: whole, and in slices of each size. */
function* plainPlans(one: SizedSequence, limits: Pick<PlanLimits, "chunkTokens">): Generator<Chunk[]> {
  if (one.length <= limits.chunkTokens) yield [wholeChunk([one])];
  for (const [rank, size] of ladder(limits.chunkTokens).entries()) {
    const isWorthIt = rank === 0 || one.length <= size * MAX_SLICES;
    if (size < one.length && isWorthIt) yield slices(one, size, limits.chunkTokens);
  }
}

/** Sizes of slices, largest first: `most` itself and the powers of two below it. */
function ladder(most: number): number[] {
  const powers = Array.from({ length: Math.ceil(Math.log2(most)) }, (_, i) => 2 ** i);
  return [most, ...powers.reverse()];
}

function slices({ sequence, length }: SizedSequence, size: number, chunkTokens: number): Chunk[] {
  const chunks: Chunk[] = [];
  for (let start = 0; start < length; start += chunks.at(-1)!.tokenCount) {
    const left = length - start;
    const [next = left] = lengthsBefore(left, [size], chunkTokens);
    chunks.push(sliceChunk({ sequence, start, length: next }));
  }
  return chunks;
}

function sliceChunk(slice: Slice): Chunk {
  return { slices: [slice], tokenCount: slice.length, sliced: true };
}

function wholeChunk(sequences: readonly SizedSequence[]): Chunk {
  return {
    slices: sequences.map(({ sequence, length }) => ({ sequence, start: 0, length })),
    tokenCount: sum(sequences.map(({ length }) => length)),
    sliced: false,
  };
}

/** @param whole - One sequence. */
function isBetterWhole(whole: Chunk, limits: PlanLimits): boolean {
  const { chunkTokens, maxRunMs, runMs, cost } = limits;
  if (whole.tokenCount > chunkTokens) return false;
  return inTime(whole, limits) || runMs(whole) <= WHOLE_RUN_FACTOR[cost.shape.kind] * maxRunMs;
}

function inTime(chunk: Chunk, { minChunkTokens, maxRunMs, runMs }: PlanLimits): boolean {
  return chunk.tokenCount <= minChunkTokens || runMs(chunk) <= maxRunMs;
}

function fitsRoom(chunks: readonly Chunk[], { cost, scratchBytes }: PlanLimits, room: number): boolean {
  return peakBytes(passBytes(cost, chunks), scratchBytes) <= room;
}

/** Positions that the chunks reach. */
export function longestOf(chunks: readonly Chunk[]): number {
  let longest = 0;
  for (const { slices: parts } of chunks) {
    for (const { start, length } of parts) longest = Math.max(longest, start + length);
  }
  return longest;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
