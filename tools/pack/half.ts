/** @file Number formats of weight files: bf16, f16, f32 bytes → numbers, and numbers → f16. Pure. */
import { EmbedError } from "../../src/errors.ts";

/** Element types of safetensors that a Qwen3 checkpoint comes in. */
export type FloatDtype = "BF16" | "F16" | "F32";

/** Largest finite float16. */
export const HALF_MAX = 65504;

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** @returns The bits of the float16 nearest to `value` (ties to even); infinity above 65,520. */
export function floatToHalf(value: number): number {
  float[0] = value;
  const bits = word[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x47800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (magnitude < 0x38800000) {
    // Subnormal: adding 0.5 puts the unit in the last place at 2^-24, so that the hardware rounds for us.
    float[0] = Math.abs(value) + 0.5;
    return sign | (word[0]! - 0x3f000000);
  }
  // A carry out of the mantissa runs into the exponent, which is what rounding up means (up to infinity).
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

/** @returns The value of a float16's bits. */
export function halfToFloat(bits: number): number {
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Values of all float16 bit patterns; `[65536]`. A look-up is ten times as fast as the arithmetic. */
export const HALF_VALUES: Float32Array = Float32Array.from({ length: 65536 }, (_, bits) => halfToFloat(bits));

/**
 * Little-endian weights → float32, without loss.
 *
 * @param bytes - At an offset that suits the element size.
 */
export function widen(bytes: Uint8Array<ArrayBuffer>, dtype: FloatDtype): Float32Array<ArrayBuffer> {
  const count = bytes.byteLength / (dtype === "F32" ? 4 : 2);
  if (dtype === "F32") return new Float32Array(bytes.buffer, bytes.byteOffset, count);
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, count);
  const values = new Float32Array(count);
  if (dtype === "BF16") {
    const words = new Uint32Array(values.buffer);
    for (let i = 0; i < count; i++) words[i] = halves[i]! << 16;
  } else {
    for (let i = 0; i < count; i++) values[i] = HALF_VALUES[halves[i]!]!;
  }
  return values;
}

/**
 * float32 → float16 bits.
 *
 * @param tensor - Name for the error.
 * @throws {EmbedError} `model-corrupt` where a value is not finite or has no finite float16.
 */
export function narrow(values: Float32Array, tensor: string): Uint16Array<ArrayBuffer> {
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const half = floatToHalf(values[i]!);
    if ((half & 0x7c00) === 0x7c00) throw notFinite(tensor, values[i]!);
    halves[i] = half;
  }
  return halves;
}

/** The refusal of a weight that float16 cannot hold. */
export function notFinite(tensor: string, value: number): EmbedError {
  return new EmbedError("model-corrupt", `tensor ${tensor} holds ${String(value)}, which float16 cannot hold`, {
    details: { tensor, value },
  });
}
