/** @file IEEE 754 half precision ↔ single, for browsers without `Float16Array`. Pure. */

function widenOne(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Every half-precision value, indexed by its bits: 256 KiB once beats bit arithmetic for each weight. */
const WIDENED = Float32Array.from({ length: 0x10000 }, (_, bits) => widenOne(bits));

/**
 * Half precision to single, exact.
 *
 * @param halves - Bits of float16 values; `[N]`.
 * @returns `[N]`.
 */
export function widenFloat16(halves: Uint16Array): Float32Array {
  const singles = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) singles[i] = WIDENED[halves[i]!]!;
  return singles;
}

/** @param bits - The single-precision bits of `value`. */
function narrowOne(value: number, bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // rounds to infinity
  if (magnitude < 0x38800000) {
    // Below the smallest normal half: a multiple of 2^-24, ties to even.
    const scaled = Math.abs(value) * 2 ** 24;
    const floor = Math.floor(scaled);
    const rest = scaled - floor;
    return sign | (floor + (rest > 0.5 || (rest === 0.5 && floor & 1) ? 1 : 0));
  }
  const roundToEven = 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((magnitude - 0x38000000 + roundToEven) >>> 13);
}

/**
 * Single precision to half, rounded to nearest, ties to even; beyond ±65504 becomes infinity.
 *
 * @param singles - `[N]`.
 * @returns Bits of float16 values; `[N]`.
 */
export function narrowFloat16(singles: Float32Array): Uint16Array {
  const bits = new Uint32Array(singles.buffer, singles.byteOffset, singles.length);
  const halves = new Uint16Array(singles.length);
  for (let i = 0; i < singles.length; i++) halves[i] = narrowOne(singles[i]!, bits[i]!);
  return halves;
}
