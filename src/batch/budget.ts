/** @file How much GPU memory to use: where the number comes from, how it shrinks and grows. Pure. */
import { EmbedError } from "../errors.ts";
import type { WeightBits } from "../pack.ts";
import type { AdapterFacts, Execution, VramStatus } from "../types.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/**
 * On WASM: bytes that one run may take of WebAssembly's memory, which never shrinks and ends at 4 GiB. Fragmentation and
 * the runtime's own copies of inputs and outputs get the rest.
 */
export const WASM_HEAP_BYTES = 1.5 * GIB;

/**
 * Start by the largest buffer that the adapter allows, which browsers round down to tiers: the one hint at the size of
 * a GPU that there is. Drivers over-commit in silence, so each start is well below what such GPUs have: 4 GiB buffers
 * come with 8 GiB and more, 2 GiB with 4 GiB of their own or shared memory, the smaller tiers with phones.
 */
const TIERS: readonly { readonly maxBufferSize: number; readonly bytes: number }[] = [
  { maxBufferSize: 4 * GIB - 4 * MIB, bytes: 4 * GIB },
  { maxBufferSize: 2 * GIB - 4 * MIB, bytes: 2 * GIB },
  { maxBufferSize: 1 * GIB - 4 * MIB, bytes: 1 * GIB },
  { maxBufferSize: 0, bytes: 512 * MIB },
];

/** A software adapter's memory is the computer's own, which the page needs too. */
const SOFTWARE_BYTES = 1 * GIB;

/** Most of the computer's memory that the start value takes: an integrated GPU shares it with everything else. */
const DEVICE_MEMORY_SHARE = 1 / 4;

/** As far as success may raise a budget that nobody asked for, in start values. */
const CEILING_FACTOR = 2;

/** What is left after memory ran out: one step is felt, and ten reach a twentieth. */
const SHRINK_FACTOR = 0.75;

/** Back up to where the budget was before, after few passes: most refusals are of a moment, when others held memory. */
const RETURN_FACTOR = 1.5;
const RETURN_AFTER_PASSES = 4;

/** Into the unknown, and near a size that was refused after growth: each refusal there doubles how many passes it takes. */
const GROW_FACTOR = 1.05;
const GROW_AFTER_PASSES = 20;
/** A GPU whose memory is short for good refuses some 20 of 10,000 passes; one that has it back is found out in 1,000. */
const GROW_AFTER_AT_MOST = 320;

/** Shares of a refused size between which growth is slow: most of what lies below is used, and luck is ruled out above. */
const NEAR = { from: 0.9, to: 1.25 };

/** A refusal with less than this share of the budget in use was not for the budget's size. */
const BLAME_SHARE = 0.5;

/**
 * A pass that used less than this share says nothing about whether more is there. Slices have sizes that are powers of
 * two, so one that was cut short uses half of its room at least.
 */
const BINDING_SHARE = 0.5;

/** A remembered number starts at this share of the start value at least: one bad visit must not cost the next ones. */
const REMEMBERED_SHARE = 1 / 8;

/** Up to this share of the start value a remembered number comes back fast: so much nearly every GPU of a tier has. */
const REMEMBERED_RETURN_SHARE = 1 / 2;

/** A budget that no GPU has stands for no bound: a share of it means nothing. */
const UNBOUNDED_BYTES = 2 ** 40;

/** Where a budget begins and how far it may grow, in bytes. */
export interface BudgetRange {
  readonly bytes: number;
  readonly ceiling: number;
  /** As far as it goes up at once for work that fits no less. @default bytes */
  readonly reachBytes?: number;
  /** As far as it comes back fast. @default bytes */
  readonly returnBytes?: number;
}

/**
 * A budget for an adapter that nothing is known about but its limits.
 *
 * @param hints - `deviceMemoryGiB`: `navigator.deviceMemory` where there is one.
 */
export function startBudget(hints: {
  readonly maxBufferSize: number;
  readonly software: boolean;
  readonly deviceMemoryGiB?: number | undefined;
}): BudgetRange {
  const tier = TIERS.find(({ maxBufferSize }) => hints.maxBufferSize >= maxBufferSize)!;
  const shared = (hints.deviceMemoryGiB ?? Infinity) * GIB * DEVICE_MEMORY_SHARE;
  const bytes = Math.min(tier.bytes, shared, hints.software ? SOFTWARE_BYTES : Infinity);
  return { bytes, ceiling: CEILING_FACTOR * bytes };
}

/** Name under which a budget is worth remembering: what the adapter is, what is run on it and how. */
export function budgetKey(
  adapter: AdapterFacts | null,
  pack: {
    readonly name: string;
    readonly revision: string;
    readonly bits: WeightBits;
    readonly activations: Execution["activations"];
  },
): string {
  const { vendor = "", architecture = "", description = "", maxBufferSize = 0 } = adapter ?? {};
  return JSON.stringify([
    [vendor, architecture, description, maxBufferSize],
    [pack.name, pack.revision, pack.bits, pack.activations],
  ]);
}

/**
 * The caller's number, else what was remembered, else the start value; or a share of it, with the whole within reach:
 * no text is refused that the whole would bear.
 *
 * @param from - `share`: of the budget to start with, 1 by default; `leastBytes`: what a remembered number, a start
 *   value or a share is raised to, 0 by default.
 * @throws {EmbedError} `invalid-input` when the caller's number is not above 0.
 */
export function openBudget(from: {
  readonly callerBytes?: number | undefined;
  readonly rememberedBytes?: number | undefined;
  readonly start: BudgetRange;
  readonly share?: number | undefined;
  readonly leastBytes?: number;
}): VramBudget {
  const { callerBytes, rememberedBytes, share = 1, leastBytes = 0 } = from;
  const start = { bytes: Math.max(from.start.bytes, leastBytes), ceiling: Math.max(from.start.ceiling, leastBytes) };
  const shareOf = (bytes: number): number => (share < 1 ? Math.max(leastBytes, Math.floor(share * bytes)) : bytes);
  if (callerBytes !== undefined) {
    if (!(callerBytes > 0)) {
      throw new EmbedError("invalid-input", `vramBudgetBytes is ${callerBytes}, must be above 0`, {
        details: { vramBudgetBytes: callerBytes },
      });
    }
    const whole = share < 1 && callerBytes >= UNBOUNDED_BYTES ? start.bytes : callerBytes;
    const bytes = Math.min(callerBytes, shareOf(whole));
    return new VramBudget({ bytes, ceiling: callerBytes, reachBytes: callerBytes }, "caller");
  }
  if (rememberedBytes === undefined || !(rememberedBytes > 0)) {
    return new VramBudget({ ...start, bytes: shareOf(start.bytes), reachBytes: start.bytes }, "adapter");
  }
  const least = Math.max(leastBytes, REMEMBERED_SHARE * start.bytes);
  const whole = Math.min(Math.max(rememberedBytes, least), start.ceiling);
  const returnBytes = shareOf(Math.max(whole, REMEMBERED_RETURN_SHARE * start.bytes));
  const reachBytes = Math.max(whole, start.bytes);
  return new VramBudget({ ...start, bytes: shareOf(whole), reachBytes, returnBytes }, "remembered");
}

/**
 * A number of bytes that gives way when memory runs out and comes back: fast to where it was, slowly near a size that
 * was refused after growth (there the memory ends), and slowly into the unknown.
 */
export class VramBudget {
  readonly source: NonNullable<VramStatus["budgetSource"]>;
  /** Never exceeded: the caller's number, or a multiple of the start value. */
  readonly ceiling: number;
  #bytes: number;
  #reachBytes: number;
  #returnBytes: number;
  /** The budget at which memory ends, as far as growth has found out. */
  #refusedBytes = Infinity;
  /** How the budget grew since memory last ran out. */
  #growth: "none" | "fast" | "slow" = "none";
  #goodPasses = 0;
  #growAfter = GROW_AFTER_PASSES;

  constructor(range: BudgetRange, source: VramBudget["source"]) {
    this.#bytes = range.bytes;
    this.#reachBytes = range.reachBytes ?? range.bytes;
    this.#returnBytes = range.returnBytes ?? range.bytes;
    this.ceiling = range.ceiling;
    this.source = source;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** As far as `reach` would go. */
  get reachBytes(): number {
    return Math.max(this.#bytes, this.#reachBytes);
  }

  /**
   * Memory ran out.
   *
   * @param inUse - Bytes that were in use by prediction. @default the budget
   * @param floor - Never below this. @default 0
   */
  shrink(inUse: number = this.#bytes, floor = 0): void {
    const refused = Math.min(this.#bytes, inUse);
    const toBlame = this.#growth !== "none" && refused >= BLAME_SHARE * this.#bytes;
    // Memory that was borne before and is refused now is in other hands: no reason to come back slowly.
    if (toBlame) {
      this.#growAfter = this.#growth === "slow" ? Math.min(2 * this.#growAfter, GROW_AFTER_AT_MOST) : GROW_AFTER_PASSES;
      this.#refusedBytes = this.#bytes;
    }
    this.#growth = "none";
    this.#bytes = Math.min(this.#bytes, Math.max(Math.floor(SHRINK_FACTOR * refused), floor));
    this.#goodPasses = 0;
  }

  /**
   * Goes up for work that needs it, as far as the budget ever was or began: memory may be there again.
   *
   * @returns Whether it did.
   */
  reach(bytes: number): boolean {
    if (bytes > this.#reachBytes || bytes <= this.#bytes) return false;
    this.#bytes = bytes;
    return true;
  }

  /**
   * A pass went well.
   *
   * @param pass - `usedBytes` by prediction; `streamed` when layers had no room.
   */
  succeeded({ usedBytes, streamed }: { readonly usedBytes: number; readonly streamed: boolean }): void {
    if (!streamed && usedBytes < BINDING_SHARE * this.#bytes) return;
    const fastUpTo = this.#fastUpTo();
    const fast = this.#bytes < fastUpTo;
    if (++this.#goodPasses < (fast ? RETURN_AFTER_PASSES : this.#growAfter)) return;
    this.#goodPasses = 0;
    // The refused size was borne: what kept it back may be gone.
    if (this.#bytes >= this.#refusedBytes) this.#growAfter = Math.max(GROW_AFTER_PASSES, this.#growAfter / 2);
    const grown = fast ? Math.min(RETURN_FACTOR * this.#bytes, fastUpTo) : GROW_FACTOR * this.#bytes;
    this.#growth = fast ? "fast" : "slow";
    this.#bytes = Math.max(this.#bytes, Math.min(this.ceiling, Math.floor(grown)));
    this.#reachBytes = Math.max(this.#reachBytes, this.#bytes);
    this.#returnBytes = Math.max(this.#returnBytes, this.#bytes);
  }

  #fastUpTo(): number {
    const { from, to } = NEAR;
    const isBeyond = this.#bytes > to * this.#refusedBytes;
    return isBeyond ? this.#returnBytes : Math.min(this.#returnBytes, Math.floor(from * this.#refusedBytes));
  }
}
