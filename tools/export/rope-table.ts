/** @file RoPE's tables of cosines and sines. Pure. */
import type { Activations, Architecture } from "../../src/pack.ts";
import { floatToHalf } from "../pack/half.ts";

/**
 * `trigonometry` of position / theta^(2i/D), computed in float64.
 *
 * @returns `[positions, D/2]`; float32 as bytes, or the bits of float16.
 */
export function ropeTable(
  trigonometry: (angle: number) => number,
  { head_dim: headDim, rope_theta: theta }: Architecture,
  { positions, type }: { readonly positions: number; readonly type: Activations },
): Uint8Array | Uint16Array {
  const half = headDim / 2;
  const frequencies = Float64Array.from({ length: half }, (_, i) => theta ** ((-2 * i) / headDim));
  const values = new Float32Array(positions * half);
  for (let i = 0; i < values.length; i++) values[i] = trigonometry(Math.floor(i / half) * frequencies[i % half]!);
  return type === "f32" ? new Uint8Array(values.buffer) : Uint16Array.from(values, floatToHalf);
}
