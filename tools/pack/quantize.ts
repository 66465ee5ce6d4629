/** @file Blocks of 32 weights → codes and a float16 scale, with the least squared error that a search finds. Pure. */
import { floatToHalf, HALF_MAX, HALF_VALUES, notFinite } from "./half.ts";

/** Weights that share a scale; fixed by the pack format and by the fast kernels of `MatMulNBits`. */
export const BLOCK = 32;

/** `search` minimises the squared error; `plain` is max/7 (max/127), kept to measure the search against. */
export type Rounding = "search" | "plain";

export interface QuantizeOptions {
  readonly bits: 4 | 8;
  readonly rounding: Rounding;
  /** Name for errors. */
  readonly tensor: string;
}

export interface QuantizedBlocks {
  /** 4 bit: two codes a byte, the even column in the low nibble; 8 bit: one code a byte. */
  readonly codes: Uint8Array<ArrayBuffer>;
  /** Float16 bits, one a block. */
  readonly scales: Uint16Array<ArrayBuffer>;
}

/**
 * Codes that the weight of the largest magnitude is tried at, before rounding. Negative, because that side has one
 * code more; beyond it the largest weights are clipped. −7 (−127) is plain rounding mirrored, so that the search is
 * never worse. Eight tries come within 0.4 % (4 bit) of the error that eighty reach; plain rounding's is 40 % higher.
 */
const TRIED_CODES = {
  4: [-8.6, -8.3, -8, -7.7, -7.4, -7, -6.6, -6.2],
  8: [-129, -128.4, -128, -127.6, -127.3, -127, -126.7, -126.4],
} as const;

/** Adding and taking away 1.5 · 2^52 rounds a double to an integer (ties to even), faster than `Math.round`. */
const ROUNDER = 6755399441055744;
/** Veltkamp's splitter for 11 significant bits, those of a float16. */
const SPLITTER = 2 ** 42 + 1;
const HALF_MIN_NORMAL = 2 ** -14;

/** The float16 nearest to `value`, as a number. */
function roundToHalf(value: number): number {
  if (value < HALF_MIN_NORMAL && value > -HALF_MIN_NORMAL) return Math.round(value * 2 ** 24) / 2 ** 24;
  const product = value * SPLITTER;
  return product - (product - value);
}

/**
 * Quantises whole blocks; deterministic, the same on every machine (only + − × ÷ on doubles).
 *
 * @param values - `[blocks · 32]`.
 * @returns Value ≈ (code − 2^(bits−1)) · scale.
 * @throws {EmbedError} `model-corrupt` where a weight is not finite or a scale has no finite float16.
 */
export function quantizeBlocks(values: Float32Array, options: QuantizeOptions): QuantizedBlocks {
  const { bits, tensor } = options;
  const blocks = values.length / BLOCK;
  const blockBytes = (BLOCK * bits) / 8;
  const codes = new Uint8Array(blocks * blockBytes);
  const scales = new Uint16Array(blocks);
  const pick = options.rounding === "search" ? searchScale : plainScale;
  const write = bits === 4 ? writeNibbles : writeBytes;
  const block = new Float64Array(BLOCK);
  for (let b = 0; b < blocks; b++) {
    let energy = 0;
    for (let i = 0; i < BLOCK; i++) {
      const value = values[b * BLOCK + i]!;
      block[i] = value;
      energy += value * value;
    }
    if (!(energy < Infinity)) throw notFinite(tensor, block.find((value) => !Number.isFinite(value)) ?? Infinity);
    const scale = pick(block, bits);
    if (Math.abs(scale) > HALF_MAX) throw notFinite(tensor, scale);
    scales[b] = floatToHalf(scale);
    write(block, scale, codes.subarray(b * blockBytes, (b + 1) * blockBytes));
  }
  return { codes, scales };
}

function plainScale(block: Float64Array, bits: 4 | 8): number {
  return roundToHalf(Math.abs(largest(block)) / (bits === 4 ? 7 : 127));
}

/** The weight of the largest magnitude, with its sign. */
function largest(block: Float64Array): number {
  let max = 0;
  for (let i = 0; i < BLOCK; i++) if (Math.abs(block[i]!) > Math.abs(max)) max = block[i]!;
  return max;
}

/**
 * Each try rounds the block to codes c, for which the scale Σwc / Σc² is best and explains (Σwc)² / Σc² of the
 * block's energy; the try that explains most wins.
 */
function searchScale(block: Float64Array, bits: 4 | 8): number {
  const max = largest(block);
  if (max === 0) return 0;
  const low = bits === 4 ? -8 : -128;
  const high = -low - 1;
  let best = 0;
  let bestExplained = 0;
  for (const tried of TRIED_CODES[bits]) {
    const inverse = tried / max;
    let cross = 0;
    let power = 0;
    for (let i = 0; i < BLOCK; i++) {
      const value = block[i]!;
      let code = value * inverse + ROUNDER - ROUNDER;
      if (code > high) code = high;
      else if (code < low) code = low;
      cross += value * code;
      power += code * code;
    }
    const explained = (cross * cross) / power;
    if (explained > bestExplained) {
      bestExplained = explained;
      best = cross / power;
    }
  }
  return roundToHalf(best);
}

function writeBytes(block: Float64Array, scale: number, codes: Uint8Array): void {
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = 0; i < BLOCK; i++) {
    codes[i] = Math.min(127, Math.max(-128, block[i]! * inverse + ROUNDER - ROUNDER)) + 128;
  }
}

function writeNibbles(block: Float64Array, scale: number, codes: Uint8Array): void {
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = 0; i < BLOCK / 2; i++) {
    const even = Math.min(7, Math.max(-8, block[2 * i]! * inverse + ROUNDER - ROUNDER)) + 8;
    const odd = Math.min(7, Math.max(-8, block[2 * i + 1]! * inverse + ROUNDER - ROUNDER)) + 8;
    codes[i] = even | (odd << 4);
  }
}

/** How far some weights are from what they became; sums, so that a tensor's pieces can be put together. */
export interface Deviation {
  readonly squaredError: number;
  /** Sum of the squares of the weights as they were. */
  readonly energy: number;
}

/** Of values and the blocks that they became. */
export function blockDeviation(values: Float32Array, { codes, scales }: QuantizedBlocks, bits: 4 | 8): Deviation {
  let squaredError = 0;
  let energy = 0;
  const zero = 2 ** (bits - 1);
  for (let b = 0; b < scales.length; b++) {
    const scale = HALF_VALUES[scales[b]!]!;
    for (let i = b * BLOCK; i < (b + 1) * BLOCK; i++) {
      const code = bits === 8 ? codes[i]! : (codes[i >> 1]! >> (4 * (i & 1))) & 15;
      const value = values[i]!;
      const error = value - (code - zero) * scale;
      squaredError += error * error;
      energy += value * value;
    }
  }
  return { squaredError, energy };
}

/**
 * Codes and scales → values; the inverse of `quantizeBlocks` but for the rounding.
 *
 * @param scales - Float16 bits.
 * @returns `[blocks · 32]`.
 */
export function dequantizeBlocks({ codes, scales }: QuantizedBlocks, bits: 4 | 8): Float64Array<ArrayBuffer> {
  const values = new Float64Array(scales.length * BLOCK);
  for (let i = 0; i < values.length; i++) {
    const scale = HALF_VALUES[scales[i >> 5]!]!;
    const code = bits === 8 ? codes[i]! - 128 : ((codes[i >> 1]! >> (4 * (i & 1))) & 15) - 8;
    values[i] = code * scale;
  }
  return values;
}
