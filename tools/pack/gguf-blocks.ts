/** @file The quantised blocks of GGUF: → float32 as the format defines them, or taken over as they are. Pure. */
import { HALF_VALUES, notFinite } from "./half.ts";
import { BLOCK, type QuantizedBlocks } from "./quantize.ts";

/** `_0`: 32 weights and a float16 scale. `_K`: 256 weights in groups that have small scales of their own. */
export type GgmlBlockType = "Q4_0" | "Q8_0" | "Q4_K" | "Q5_K" | "Q6_K";

/** Reads the block at `at` into the values from `to` on. */
type BlockReader = (bytes: Uint8Array, at: number, to: ValuesAt) => void;
interface ValuesAt {
  readonly values: Float32Array;
  start: number;
}

interface BlockForm {
  readonly bytes: number;
  /** Weights of a block. */
  readonly values: number;
  readonly read: BlockReader;
}

/** What a block of each type is. */
export const GGML_BLOCKS: Readonly<Record<GgmlBlockType, BlockForm>> = {
  Q4_0: { bytes: 18, values: 32, read: readQ4 },
  Q8_0: { bytes: 34, values: 32, read: readQ8 },
  Q4_K: { bytes: 144, values: 256, read: readQ4K },
  Q5_K: { bytes: 176, values: 256, read: readQ5K },
  Q6_K: { bytes: 210, values: 256, read: readQ6K },
};

/**
 * Whole blocks → values. Computed in doubles, where every product is exact, and rounded to float32 once: the same
 * numbers as float32 arithmetic gives, which rounds only at the last step too.
 *
 * @param values - Filled; as many as the blocks hold.
 * @see https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/quants.py (the definition that was matched)
 */
export function dequantizeGgml(bytes: Uint8Array, type: GgmlBlockType, values: Float32Array): void {
  const { bytes: blockBytes, values: blockValues, read } = GGML_BLOCKS[type];
  const to: ValuesAt = { values, start: 0 };
  for (let at = 0; at < bytes.length; at += blockBytes) {
    read(bytes, at, to);
    to.start += blockValues;
  }
}

function half(bytes: Uint8Array, at: number): number {
  return HALF_VALUES[bytes[at]! | (bytes[at + 1]! << 8)]!;
}

/** Scale, then 16 bytes: the low nibbles are the first half of the weights, the high ones the second. */
function readQ4(bytes: Uint8Array, at: number, { values, start }: ValuesAt): void {
  const scale = half(bytes, at);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 2 + i]!;
    values[start + i] = ((pair & 15) - 8) * scale;
    values[start + 16 + i] = ((pair >> 4) - 8) * scale;
  }
}

/** Scale, then 32 signed bytes. */
function readQ8(bytes: Uint8Array, at: number, { values, start }: ValuesAt): void {
  const scale = half(bytes, at);
  for (let i = 0; i < 32; i++) values[start + i] = ((bytes[at + 2 + i]! << 24) >> 24) * scale;
}

/**
 * The scale and the minimum of one of eight groups, 6 bits each, in the 12 bytes from `at` on: the first four groups
 * have them in the low bits of bytes 0-3 and 4-7, the others' low four bits share bytes 8-11 and their high two bits
 * are the high bits of those first eight bytes.
 */
function groupScale(bytes: Uint8Array, at: number, group: number): [scale: number, minimum: number] {
  if (group < 4) return [bytes[at + group]! & 63, bytes[at + group + 4]! & 63];
  const low = bytes[at + group + 4]!;
  return [(low & 15) | ((bytes[at + group - 4]! >> 6) << 4), (low >> 4) | ((bytes[at + group]! >> 6) << 4)];
}

/** Scale, scale of the minima, 12 bytes of groups' scales, 128 of nibbles: each 32 hold two groups of 32. */
function readQ4K(bytes: Uint8Array, at: number, { values, start }: ValuesAt): void {
  const [scale, minimumScale] = [half(bytes, at), half(bytes, at + 2)];
  for (let group = 0; group < 8; group++) {
    const [groupFactor, groupMinimum] = groupScale(bytes, at + 4, group);
    const [factor, minimum] = [scale * groupFactor, minimumScale * groupMinimum];
    const nibbles = at + 16 + (group >> 1) * 32;
    const shift = (group & 1) * 4;
    for (let i = 0; i < 32; i++) {
      values[start + group * 32 + i] = factor * ((bytes[nibbles + i]! >> shift) & 15) - minimum;
    }
  }
}

/** As Q4_K, with 32 bytes before the nibbles that hold the fifth bits: bit g of byte i is that of weight i of group g. */
function readQ5K(bytes: Uint8Array, at: number, { values, start }: ValuesAt): void {
  const [scale, minimumScale] = [half(bytes, at), half(bytes, at + 2)];
  for (let group = 0; group < 8; group++) {
    const [groupFactor, groupMinimum] = groupScale(bytes, at + 4, group);
    const [factor, minimum] = [scale * groupFactor, minimumScale * groupMinimum];
    const nibbles = at + 48 + (group >> 1) * 32;
    const shift = (group & 1) * 4;
    for (let i = 0; i < 32; i++) {
      const fifth = ((bytes[at + 16 + i]! >> group) & 1) << 4;
      values[start + group * 32 + i] = factor * (((bytes[nibbles + i]! >> shift) & 15) | fifth) - minimum;
    }
  }
}

/**
 * 128 bytes of low nibbles, 64 of high pairs of bits, 16 signed scales of 16 weights each, scale. In each half of 128
 * weights, four runs of 32: the low nibbles of 64 bytes, then their high ones; run r has its high bits at 2r.
 */
function readQ6K(bytes: Uint8Array, at: number, { values, start }: ValuesAt): void {
  const scale = half(bytes, at + 208);
  for (let run = 0; run < 8; run++) {
    const [side, quarter] = [run >> 2, run & 3];
    const low = at + side * 64 + (quarter & 1) * 32;
    const high = at + 128 + side * 32;
    for (let i = 0; i < 32; i++) {
      const code = ((bytes[low + i]! >> ((quarter >> 1) * 4)) & 15) | (((bytes[high + i]! >> (quarter * 2)) & 3) << 4);
      const groupFactor = (bytes[at + 192 + run * 2 + (i >> 4)]! << 24) >> 24;
      values[start + run * 32 + i] = scale * groupFactor * (code - 32);
    }
  }
}

/**
 * Q4_0 (4 bits) or Q8_0 (8 bits), whose blocks are a pack's own but for the order of bytes → the same codes (signed
 * ones moved up by 128) and the same scales, sign included.
 *
 * @throws {EmbedError} `model-corrupt` for a scale that is not finite.
 */
export function takeBlocks(bytes: Uint8Array, bits: 4 | 8, tensor: string): QuantizedBlocks {
  const blockBytes = GGML_BLOCKS[bits === 4 ? "Q4_0" : "Q8_0"].bytes;
  const codeBytes = blockBytes - 2;
  const blocks = bytes.length / blockBytes;
  const codes = new Uint8Array(blocks * codeBytes);
  const scales = new Uint16Array(blocks);
  const take = bits === 4 ? takeNibbles : takeBytes;
  for (let b = 0; b < blocks; b++) {
    const at = b * blockBytes;
    const scale = bytes[at]! | (bytes[at + 1]! << 8);
    if ((scale & 0x7c00) === 0x7c00) throw notFinite(tensor, HALF_VALUES[scale]!);
    scales[b] = scale;
    take(bytes, at + 2, codes.subarray(b * codeBytes, (b + 1) * codeBytes));
  }
  return { codes, scales };
}

function takeBytes(bytes: Uint8Array, at: number, codes: Uint8Array): void {
  for (let i = 0; i < BLOCK; i++) codes[i] = bytes[at + i]! ^ 0x80;
}

/** Nibbles of weights i and i + 16 → of weights 2i and 2i + 1. */
function takeNibbles(bytes: Uint8Array, at: number, codes: Uint8Array): void {
  for (let i = 0; i < BLOCK / 4; i++) {
    const [even, odd] = [bytes[at + 2 * i]!, bytes[at + 2 * i + 1]!];
    codes[i] = (even & 15) | ((odd & 15) << 4);
    codes[BLOCK / 4 + i] = (even >> 4) | (odd & 0xf0);
  }
}
