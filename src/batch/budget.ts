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

/** A step up after enough passes that used the budget; each shrink doubles how many are enough. */
const GROW_FACTOR = 1.05;
const GROW_AFTER_PASSES = 20;
const GROW_AFTER_AT_MOST = 1280;

/** A pass that used less than this share says nothing about whether more is there. */
const BINDING_SHARE = 0.8;

/** Where a budget begins and how far it may grow, in bytes. */
export interface BudgetRange {
  readonly bytes: number;
  readonly ceiling: number;
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
 * The caller's number, else what was remembered, else the start value.
 *
 * @throws {EmbedError} `invalid-input` when the caller's number is not above 0.
 */
export function openBudget(from: {
  readonly callerBytes?: number | undefined;
  readonly rememberedBytes?: number | undefined;
  readonly start: BudgetRange;
}): VramBudget {
  const { callerBytes, rememberedBytes, start } = from;
  if (callerBytes !== undefined) {
    if (!(callerBytes > 0)) {
      throw new EmbedError("invalid-input", `vramBudgetBytes is ${callerBytes}, must be above 0`, {
        details: { vramBudgetBytes: callerBytes },
      });
    }
    return new VramBudget({ bytes: callerBytes, ceiling: callerBytes }, "caller");
  }
  const remembered = rememberedBytes !== undefined && rememberedBytes > 0;
  if (!remembered) return new VramBudget(start, "adapter");
  return new VramBudget({ ...start, bytes: Math.min(rememberedBytes, start.ceiling) }, "remembered");
}

/** A number of bytes that gives way when memory runs out and comes back slowly. */
export class VramBudget {
  readonly source: NonNullable<VramStatus["budgetSource"]>;
  /** Never exceeded: the caller's number, or a multiple of the start value. */
  readonly ceiling: number;
  #bytes: number;
  #most: number;
  #goodPasses = 0;
  #growAfter = GROW_AFTER_PASSES;

  constructor(range: BudgetRange, source: VramBudget["source"]) {
    this.#bytes = range.bytes;
    this.#most = range.bytes;
    this.ceiling = range.ceiling;
    this.source = source;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Memory ran out.
   *
   * @param inUse - Bytes that were in use by prediction. @default the budget
   * @param floor - Never below this. @default 0
   */
  shrink(inUse: number = this.#bytes, floor = 0): void {
    const target = Math.floor(SHRINK_FACTOR * Math.min(this.#bytes, inUse));
    this.#bytes = Math.min(this.#bytes, Math.max(target, floor));
    this.#goodPasses = 0;
    this.#growAfter = Math.min(2 * this.#growAfter, GROW_AFTER_AT_MOST);
  }

  /**
   * Goes back up for work that needs it, as far as the budget ever was: memory may be there again.
   *
   * @returns Whether it did.
   */
  reach(bytes: number): boolean {
    if (bytes > this.#most || bytes <= this.#bytes) return false;
    this.#bytes = bytes;
    return true;
  }

  /** @param usedBytes - What a pass that went well used by prediction. */
  succeeded(usedBytes: number): void {
    if (usedBytes < BINDING_SHARE * this.#bytes || ++this.#goodPasses < this.#growAfter) return;
    this.#goodPasses = 0;
    this.#bytes = Math.min(this.ceiling, Math.floor(this.#bytes * GROW_FACTOR));
    this.#most = Math.max(this.#most, this.#bytes);
  }
}
