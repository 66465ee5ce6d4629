/** @file Random weights in quantised form: a planned weight file → its bytes, piece by piece. Pure. */
import { createHash } from "node:crypto";
import { floatToHalf } from "./half.ts";
import { type Part, type PlannedFile, SOURCE_TABLE } from "./layout.ts";
import { BLOCK } from "./quantize.ts";

/** Most bytes that are held at a time, whatever the file's size. */
export const CHUNK_BYTES = 1024 * 1024;

/** Raise it when the same seed gives other bytes. */
export const GENERATOR_VERSION = 1;

/**
 * What attention and feed-forward each add to the hidden states, whose root mean square starts at 1: over 36 layers it
 * grows to about 4, so that the first layers still count at the end and nothing nears float16's limit.
 */
const UPDATE_RMS = 0.5;

/**
 * Gain of the q and k norms. Scores then deviate by 4 and more from their mean, and attention rests on some tokens, as
 * a trained model's does; an average over thousands would be too small to show where it is wrong.
 */
const HEAD_GAIN = 2;

/** Where in a file bytes go that are alike: rows of `codeBytes` random bytes and then `halves` float16 numbers. */
interface Region {
  readonly offset: number;
  readonly rows: number;
  readonly codeBytes: number;
  readonly halves: number;
  /** Of 16 random bits the float16 number; `[65536]`. */
  readonly numbers: Uint16Array;
}

/**
 * The file's bytes in order, in views of at most `CHUNK_BYTES` into one buffer that is used again for the next.
 *
 * @param seed - The same one gives the same bytes, on every machine and whatever else the pack holds.
 */
export function* randomWeights(file: PlannedFile, seed: number): Generator<Uint8Array, void, void> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  let end = 0;
  for (const region of file.parts.flatMap(regionsOf).sort((a, b) => a.offset - b.offset)) {
    yield buffer.fill(0, 0, region.offset - end).subarray(0, region.offset - end);
    const rowBytes = region.codeBytes + region.halves * 2;
    const step = Math.floor(CHUNK_BYTES / rowBytes);
    const random = new RandomWords(`${seed}/${file.name}/${region.offset}`);
    for (let row = 0; row < region.rows; row += step) {
      const bytes = Math.min(step, region.rows - row) * rowBytes;
      random.fill(new Uint32Array(buffer.buffer, 0, Math.ceil(bytes / 4)));
      shapeRows(new Uint16Array(buffer.buffer, 0, bytes / 2), region);
      yield buffer.subarray(0, bytes);
    }
    end = region.offset + region.rows * rowBytes;
  }
  yield buffer.fill(0, 0, file.bytes - end).subarray(0, file.bytes - end);
}

function regionsOf(part: Part): Region[] {
  const { form, bits, rows, columns, offset, scalesOffset } = part;
  const codeBytes = (columns * bits) / 8;
  const scales = { rows, halves: columns / BLOCK };
  if (form === "half" || form === "half-transposed") {
    return [{ offset, rows, codeBytes: 0, halves: columns, numbers: halfNumbers(part) }];
  }
  const numbers = scaleNumbers(deviationOf(part), bits);
  if (form === "table") return [{ ...scales, offset, codeBytes, numbers }];
  return [
    { offset, rows, codeBytes, halves: 0, numbers },
    { ...scales, offset: scalesOffset, codeBytes: 0, numbers },
  ];
}

/** Standard deviation of a matrix's weights. */
function deviationOf({ source, columns }: Part): number {
  if (source === SOURCE_TABLE) return 1;
  const isUpdate = /\.(o_proj|down_proj)\.weight$/.test(source);
  return (isUpdate ? UPDATE_RMS : 1) / Math.sqrt(columns);
}

/** Gains around 1 (heads' around `HEAD_GAIN`); matrices even between ±√3 deviations. */
function halfNumbers(part: Part): Uint16Array {
  const isMatrix = part.form === "half-transposed" || part.source === SOURCE_TABLE;
  if (isMatrix) {
    const reach = Math.sqrt(3) * deviationOf(part);
    return tabulate((x) => reach * x);
  }
  const gain = /_norm\.weight$/.test(part.source) && part.source.includes("self_attn") ? HEAD_GAIN : 1;
  return tabulate((x) => gain * (1 + x / 4));
}

/**
 * Scales that give random codes the deviation. Either sign: codes of 0 to 15 with 8 as zero are below zero on average,
 * and weights that are would have all outputs go the same way.
 */
function scaleNumbers(deviation: number, bits: number): Uint16Array {
  const scale = deviation / Math.sqrt((4 ** bits + 2) / 12);
  return tabulate((x) => Math.sign(x) * scale * (0.75 + Math.abs(x) / 2));
}

/** @param number - Of −1 to 1, never 0. */
function tabulate(number: (x: number) => number): Uint16Array {
  return Uint16Array.from({ length: 65536 }, (_, bits) => floatToHalf(number((bits + 0.5) / 32768 - 1)));
}

/** Turns the random bits in the place of numbers into numbers. */
function shapeRows(words: Uint16Array, { codeBytes, halves, numbers }: Region): void {
  if (halves === 0) return;
  const codeWords = codeBytes / 2;
  for (let start = codeWords; start < words.length; start += halves + codeWords) {
    for (let i = start; i < start + halves; i++) words[i] = numbers[words[i]!]!;
  }
}

/** Marsaglia's xorshift: as fast as the disk and faster. */
class RandomWords {
  #state: number;

  constructor(name: string) {
    // Zero would stay zero.
    this.#state = createHash("sha256").update(name).digest().readUInt32LE() || 1;
  }

  fill(words: Uint32Array): void {
    let state = this.#state;
    for (let i = 0; i < words.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[i] = state;
    }
    this.#state = state;
  }
}
