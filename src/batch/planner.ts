/** @file What runs next and what stays on the GPU meanwhile: cost, budget and pace put together. No I/O, no clock. */
import { EmbedError } from "../errors.ts";
import type { Chunk, Pass, Priority } from "../types.ts";
import type { VramBudget } from "./budget.ts";
import { runFlops, type CostModel } from "./cost.ts";
import type { RunPace } from "./pace.ts";
import {
  MIN_CHUNK_TOKENS,
  longestOf,
  passBytes,
  peakBytes,
  planPasses,
  smallestPassBytes,
  type PassBytes,
  type PlanLimits,
} from "./plan.ts";
import { PRIORITIES } from "./queue.ts";

/**
 * Tokens that must find room beside whatever a lower class runs: a query with its instruction is well below. Also the
 * least that a pass must find room for with all layers resident; else some are streamed.
 */
const READY_TOKENS = 512;

/**
 * A pass that streams gathers chunks up to here. One layer of the 4B shape is 55 MB, 0.1 s to read and upload; 8,192
 * tokens keep a GPU of 10 TFLOP/s busy for longer, and a slower one all the more. More would only make others wait.
 */
const STREAMED_PASS_TOKENS = 8192;

/** Longest that a pass that streams should take, if one chunk does not take longer: others of its class wait for it. */
const STREAMED_PASS_MS = 10_000;

/** Chunks of a pass that streams: kernels are at their speed, and the scratch of more is better spent on resident layers. */
const STREAMED_CHUNK_TOKENS = 1024;

/** Requests share a window of about so much work: long enough to fill chunks, short enough for who comes next. */
const WINDOW_MS = 5000;

/** Bounds of a window in chunks: room to sort by length at least, and no endless wait on a device whose pace is unknown. */
const WINDOW_CHUNKS = { least: 2, most: 16 };

/** Slow runs mean that memory spills only when this share of the budget is in use. */
const CLIFF_SHARE = 0.5;

/** Buffers that streamed layers share: `streamSlots` in the weight store. */
const STREAM_SLOTS = 2;

/** The smallest plan is tried so often again: memory that others held may be free a moment later. */
const FLOOR_TRIES = 2;

/** Fewer layers more to keep are not worth it: the next pass would take their room again. */
const RAISE_BY_LAYERS = 3;

export interface PlannerOptions {
  readonly cost: CostModel;
  /** On WASM `WASM_HEAP_BYTES`, else of GPU memory. */
  readonly budget: VramBudget;
  readonly pace: RunPace;
  /** Most tokens in one run. */
  readonly chunkTokens: number;
  /** Longest that a run should take; `Infinity` for no bound. */
  readonly maxRunMs: number;
}

/** Passes to run now, or why there are none. */
export interface PlannedWork {
  /** Empty when all that is possible must wait until passes of other classes have ended. */
  readonly passes: readonly Pass[];
  /** The shortest that will never fit, named only when nothing else is left to run: plan anew without it. */
  readonly impossible: { readonly sequence: number; readonly error: EmbedError } | null;
}

interface ActivePass extends PassBytes {
  readonly priority: Priority;
}

/** Plans passes and keeps account of those under way, at most one of each priority. */
export class Planner {
  readonly budget: VramBudget;
  readonly pace: RunPace;
  /** Of the model. */
  readonly layers: number;
  readonly #options: PlannerOptions;
  #reservedBytes = 0;
  readonly #active = new Map<Pass, ActivePass>();
  /** Positions that the RoPE tables reach: they stay. */
  #positions = 1;
  /** Smallest passes by length and chunk: tens of milliseconds to find for a long text. */
  readonly #needed = new Map<string, number>();
  /** Failures in a row of plans that could not be smaller. */
  readonly #floorTries = new Map<Priority, number>();
  #residentLayers: number;
  #predictedBytes: number;

  constructor(options: PlannerOptions) {
    this.#options = options;
    this.budget = options.budget;
    this.pace = options.pace;
    this.layers = options.cost.shape.architecture.num_hidden_layers;
    this.#residentLayers = this.residentAtStart();
    this.#predictedBytes = this.#bytesNow();
  }

  /** Bytes of the budget that are kept out of every plan: what is held on the GPU apart from all passes. 0 at first. */
  get reservedBytes(): number {
    return this.#reservedBytes;
  }

  /** Holds for the next plan; layers that have no room any more are given up at once. */
  set reservedBytes(bytes: number) {
    this.#reservedBytes = bytes;
    if (this.#active.size > 0) this.#settleResidents();
    else this.#residentLayers = Math.min(this.#residentLayers, this.residentAtStart());
    this.#predictedBytes = Math.max(this.#predictedBytes, this.#bytesNow());
  }

  /** Layers to keep on the GPU from the start, so that each class finds room for some text beside them. */
  residentAtStart(): number {
    return this.#residentWithin(this.#free(PRIORITIES.map(() => this.#readyPass())));
  }

  /** Layers that may be resident while the passes under way run. */
  get residentLayers(): number {
    return this.#residentLayers;
  }

  /** Most bytes that weights, tables and passes under way were to take at once so far. */
  get predictedBytes(): number {
    return this.#predictedBytes;
  }

  /** Tokens through all layers, measured, or assumed until a pass has ended. */
  get tokensPerSecond(): number {
    const tokens = this.#chunkTokensInTime();
    return this.pace.tokensPerSecond ?? (1000 * tokens) / (this.layers * this.#plannedMs(plainChunk(tokens)));
  }

  /** Tokens that requests of one class share before others get their turn. */
  get windowTokens(): number {
    if (this.#streams()) return this.#streamedPassTokens();
    const chunk = this.#chunkTokensInTime();
    const tokens = (this.tokensPerSecond * WINDOW_MS) / 1000;
    return Math.round(Math.min(Math.max(tokens, WINDOW_CHUNKS.least * chunk), WINDOW_CHUNKS.most * chunk));
  }

  /** Milliseconds that a run of one layer will take; `null` until the pace is known. */
  expectedMs(chunk: Chunk): number | null {
    return this.pace.expectedMs(this.#flops(chunk));
  }

  /** Takes in how long a run of one layer took. */
  observe(chunk: Chunk, ms: number): void {
    this.pace.observe(this.#flops(chunk), ms);
    const inUse = this.#bytesNow();
    if (!this.pace.takeCliff() || this.#isWasm() || inUse < CLIFF_SHARE * this.budget.bytes) return;
    this.budget.shrink(inUse, this.neededBytes(1));
    this.#settleResidents();
  }

  /**
   * @param lengths - Tokens of each sequence; `[N]`.
   * @param options - `chunkTokens` for this plan, at most the planner's own; `maxPasses` as in `PlanLimits`.
   * @returns Passes for right now: what they may take depends on the passes under way.
   */
  plan(
    lengths: readonly number[],
    priority: Priority,
    options: { readonly chunkTokens?: number; readonly maxPasses?: number } = {},
  ): PlannedWork {
    const { maxPasses, chunkTokens } = options;
    const { passes, unfit } = planPasses(lengths, { ...this.#limits(priority, chunkTokens), maxPasses });
    const [sequence] = unfit;
    if (passes.length > 0 || sequence === undefined) return { passes, impossible: null };
    const tokens = lengths[sequence]!;
    const neededBytes = this.neededBytes(tokens, options);
    // The budget shrank since the last such text: no reason to refuse this one unseen.
    if (this.budget.reach(neededBytes)) return this.plan(lengths, priority, options);
    const notNow = neededBytes <= this.budget.bytes && this.#active.size > 0;
    return { passes, impossible: notNow ? null : { sequence, error: this.#tooLong({ tokens, neededBytes }) } };
  }

  /**
   * The smallest budget that a sequence can be run with, all layers streamed and nothing else under way.
   *
   * @param length - In tokens.
   */
  neededBytes(length: number, options: { readonly chunkTokens?: number } = {}): number {
    const chunkTokens = Math.min(options.chunkTokens ?? Infinity, this.#options.chunkTokens, STREAMED_CHUNK_TOKENS);
    const key = `${length} ${chunkTokens}`;
    const passBytesNeeded =
      this.#needed.get(key) ?? smallestPassBytes(length, { cost: this.#options.cost, chunkTokens });
    this.#needed.set(key, passBytesNeeded);
    return this.#leastBytes(length) + passBytesNeeded;
  }

  /**
   * @param length - In tokens.
   * @param options - As given to `plan`.
   * @returns Why such a sequence can never be run; `null` when it can, now or later.
   */
  refusalOf(length: number, options: { readonly chunkTokens?: number } = {}): EmbedError | null {
    const neededBytes = this.neededBytes(length, options);
    return neededBytes > this.budget.reachBytes ? this.#tooLong({ tokens: length, neededBytes }) : null;
  }

  /** A planned pass begins; `residentLayers` are what may stay while it runs. */
  begin(pass: Pass, priority: Priority): number {
    this.#active.set(pass, { ...passBytes(this.#options.cost, pass.chunks), priority });
    this.#positions = Math.max(this.#positions, longestOf(pass.chunks));
    this.#settleResidents();
    return this.#residentLayers;
  }

  /** A pass has ended. @param ms - How long it ran, waiting apart; `null` when it did not get to its end. */
  end(pass: Pass, ms: number | null): void {
    if (ms !== null) {
      const { priority } = this.#active.get(pass)!;
      this.#floorTries.delete(priority);
      this.pace.observePass(pass.tokenCount, ms);
      // What was kept free for higher classes bounded the pass as well.
      const usedBytes = this.#bytesNow() + sum(this.#reserve(priority).map(({ heldBytes }) => heldBytes));
      this.budget.succeeded({ usedBytes, streamed: this.#residentLayers < this.layers || this.#streams() });
    }
    this.#active.delete(pass);
    if (this.#active.size > 0) this.#settleResidents();
  }

  /**
   * Memory ran out in a pass under way: shrinks the budget.
   *
   * @param options - As given to `plan`.
   * @returns Whether the same sequences should be planned again; `false` when that was tried with as small a budget as
   *   they allow.
   */
  outOfMemory(pass: Pass, options: { readonly chunkTokens?: number } = {}): boolean {
    const { priority } = this.#active.get(pass)!;
    const floor = this.neededBytes(longestOf(pass.chunks), options);
    const tries = this.budget.bytes <= floor ? (this.#floorTries.get(priority) ?? 0) + 1 : 0;
    const again = tries <= FLOOR_TRIES;
    this.#floorTries.set(priority, again ? tries : 0);
    if (again) this.budget.shrink(this.#bytesNow(), floor);
    return again;
  }

  /** Memory for a resident layer was refused: the budget was too large, nothing is lost. @param residentLayers - That are left. */
  layerRefused(residentLayers: number): void {
    this.#residentLayers = Math.min(this.#residentLayers, residentLayers);
    this.budget.shrink(this.#bytesNow(), this.neededBytes(1));
    this.#settleResidents();
  }

  #limits(priority: Priority, chunkTokens: number = Infinity): PlanLimits {
    const { cost, chunkTokens: most, maxRunMs } = this.#options;
    const others = [...this.#active.values()].filter((pass) => pass.priority !== priority);
    const held = sum(others.map(({ heldBytes, readbackBytes }) => heldBytes + readbackBytes));
    const reserve = sum(this.#reserve(priority).map(({ heldBytes }) => heldBytes));
    const [all, least] = [this.#weights(this.layers), this.#weights(0)];
    const streams = all > this.#free([...others, this.#readyPass()]) - reserve;
    const rooms = (positions: number): number[] => {
      const room = this.budget.bytes - this.#leastBytes(positions) - held;
      return [...(streams ? [] : [room + least - all - reserve]), room - reserve, room];
    };
    return {
      cost,
      chunkTokens: Math.min(chunkTokens, most, streams ? STREAMED_CHUNK_TOKENS : Infinity),
      minChunkTokens: MIN_CHUNK_TOKENS[cost.shape.kind],
      maxRunMs,
      runMs: (chunk) => this.#plannedMs(chunk),
      rooms,
      scratchBytes: Math.max(0, ...others.map(({ runtimeBytes }) => runtimeBytes)),
      passTokens: streams ? this.#streamedPassTokens() : 0,
    };
  }

  /** On a slow device fewer tokens hide an upload, and others wait for the pass. */
  #streamedPassTokens(): number {
    const tokens = Math.round((this.tokensPerSecond * STREAMED_PASS_MS) / 1000);
    return Math.min(Math.max(tokens, this.#chunkTokensInTime()), STREAMED_PASS_TOKENS);
  }

  #tooLong({ tokens, neededBytes }: { readonly tokens: number; readonly neededBytes: number }): EmbedError {
    const budgetBytes = this.budget.bytes;
    const message = `a text of ${tokens} tokens needs a budget of ${neededBytes} bytes, and it is ${budgetBytes}`;
    return new EmbedError("out-of-memory", message, { details: { neededBytes, budgetBytes, tokens } });
  }

  /** Gives room to the passes under way, and what is left to resident layers, without going up and down for little. */
  #settleResidents(): void {
    const active = [...this.#active.values()];
    const lowest = PRIORITIES.findLast((priority) => active.some((pass) => pass.priority === priority));
    const reserve = lowest ? this.#reserve(lowest) : [];
    const wished = this.#residentWithin(this.#free([...active, ...reserve]));
    const worthIt = wished === this.layers || wished >= this.#residentLayers + RAISE_BY_LAYERS;
    if (wished < this.#residentLayers || worthIt) this.#residentLayers = wished;
    this.#predictedBytes = Math.max(this.#predictedBytes, this.#bytesNow());
  }

  /** What weights may take beside these passes. */
  #free(passes: readonly PassBytes[]): number {
    return this.budget.bytes - this.#reservedBytes - this.#tables(1) - peakOf(passes);
  }

  #residentWithin(bytes: number): number {
    let layers = this.layers;
    while (layers > 0 && this.#weights(layers) > bytes) layers--;
    return layers;
  }

  #weights(residentLayers: number): number {
    return this.#options.cost.weights({ residentLayers, slots: Math.min(STREAM_SLOTS, this.layers - residentLayers) });
  }

  /** What there must be apart from a pass that reaches this many positions. */
  #leastBytes(positions: number): number {
    return this.#reservedBytes + this.#weights(0) + this.#tables(positions);
  }

  #tables(positions: number): number {
    return this.#isWasm() ? 0 : this.#options.cost.tables(Math.max(positions, this.#positions));
  }

  /** For the classes above this one which have nothing under way. */
  #reserve(priority: Priority): PassBytes[] {
    const active = new Set([...this.#active.values()].map((pass) => pass.priority));
    const above = PRIORITIES.slice(0, PRIORITIES.indexOf(priority));
    return above.filter((other) => !active.has(other)).map(() => this.#readyPass());
  }

  /** A query, or a piece of one. */
  #readyPass(): PassBytes {
    const { cost, chunkTokens } = this.#options;
    return passBytes(cost, [plainChunk(Math.min(READY_TOKENS, chunkTokens))]);
  }

  #bytesNow(): number {
    const apart = this.#reservedBytes + this.#tables(1) + this.#weights(this.#residentLayers);
    return apart + peakOf([...this.#active.values()]);
  }

  #streams(): boolean {
    return this.residentAtStart() < this.layers;
  }

  /** Tokens without a past that a run is expected to do in time. */
  #chunkTokensInTime(): number {
    const { chunkTokens, maxRunMs, cost } = this.#options;
    let fitting = Math.min(MIN_CHUNK_TOKENS[cost.shape.kind], chunkTokens);
    let most = chunkTokens;
    while (fitting < most) {
      const middle = Math.ceil((fitting + most) / 2);
      if (this.#plannedMs(plainChunk(middle)) <= maxRunMs) fitting = middle;
      else most = middle - 1;
    }
    return fitting;
  }

  #plannedMs(chunk: Chunk): number {
    return this.pace.plannedMs(this.#flops(chunk));
  }

  #flops(chunk: Chunk): number {
    return runFlops(this.#options.cost.shape.architecture, chunk);
  }

  #isWasm(): boolean {
    return this.#options.cost.shape.kind === "wasm";
  }
}

/** Passes side by side: runs take turns, so scratch is that of the hungriest; rows may be read back meanwhile. */
function peakOf(passes: readonly PassBytes[]): number {
  const [first] = passes;
  if (passes.length <= 1) return first ? peakBytes(first) : 0;
  const held = sum(passes.map(({ heldBytes, readbackBytes }) => heldBytes + readbackBytes));
  return held + Math.max(...passes.map(({ runtimeBytes }) => runtimeBytes));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** One sequence of so many tokens, whole. */
function plainChunk(tokens: number): Chunk {
  return { slices: [{ sequence: 0, start: 0, length: tokens }], tokenCount: tokens, sliced: false };
}
