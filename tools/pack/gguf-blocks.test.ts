import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dequantizeGgml, GGML_BLOCKS, type GgmlBlockType, takeBlocks } from "./gguf-blocks.ts";
import { halfToFloat } from "./half.ts";
import { dequantizeBlocks } from "./quantize.ts";

const TYPES = Object.keys(GGML_BLOCKS) as GgmlBlockType[];

function dequantize(bytes: Uint8Array, type: GgmlBlockType): Float32Array {
  const values = new Float32Array((bytes.length / GGML_BLOCKS[type].bytes) * GGML_BLOCKS[type].values);
  dequantizeGgml(bytes, type, values);
  return values;
}

/** Little-endian bits from `first` on, of bytes as one long number. */
function bits(bytes: Uint8Array, first: number, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) value |= ((bytes[(first + i) >> 3]! >> ((first + i) & 7)) & 1) << i;
  return value;
}

const halfAt = (block: Uint8Array, at: number) => halfToFloat(block[at]! + 256 * block[at + 1]!);
const signed = (byte: number) => (byte > 127 ? byte - 256 : byte);

/** 6-bit scale and minimum of a group of Q4_K and Q5_K, from the table of the format's description. */
function groupOf(scales: Uint8Array, group: number): [number, number] {
  if (group < 4) return [bits(scales, 8 * group, 6), bits(scales, 8 * (group + 4), 6)];
  const high = (byte: number) => bits(scales, 8 * byte + 6, 2) * 16;
  return [bits(scales, 8 * (group + 4), 4) + high(group - 4), bits(scales, 8 * (group + 4) + 4, 4) + high(group)];
}

/** Weight i of one block in float64, from the format's definition. */
const REFERENCE: Record<GgmlBlockType, (block: Uint8Array, i: number) => number> = {
  Q4_0: (block, i) => halfAt(block, 0) * (bits(block, 16 + 8 * (i % 16) + 4 * Math.floor(i / 16), 4) - 8),
  Q8_0: (block, i) => halfAt(block, 0) * signed(block[2 + i]!),
  Q4_K: (block, i) => {
    const group = Math.floor(i / 32);
    const [scale, minimum] = groupOf(block.subarray(4, 16), group);
    const code = bits(block, 8 * (16 + 32 * Math.floor(i / 64) + (i % 32)) + 4 * (group % 2), 4);
    return halfAt(block, 0) * scale * code - halfAt(block, 2) * minimum;
  },
  Q5_K: (block, i) => {
    const group = Math.floor(i / 32);
    const [scale, minimum] = groupOf(block.subarray(4, 16), group);
    const low = bits(block, 8 * (48 + 32 * Math.floor(i / 64) + (i % 32)) + 4 * (group % 2), 4);
    const code = low + 16 * bits(block, 8 * (16 + (i % 32)) + group, 1);
    return halfAt(block, 0) * scale * code - halfAt(block, 2) * minimum;
  },
  Q6_K: (block, i) => {
    const [side, inSide] = [Math.floor(i / 128), i % 128];
    const low = bits(block, 8 * (64 * side + (inSide % 64)) + 4 * Math.floor(inSide / 64), 4);
    const high = bits(block, 8 * (128 + 32 * side + (inSide % 32)) + 2 * Math.floor(inSide / 32), 2);
    return halfAt(block, 208) * signed(block[192 + Math.floor(i / 16)]!) * (low + 16 * high - 32);
  },
};

/** Any bytes; scales that are not finite are made finite, for NaN equals nothing. */
function anyBlocks(type: GgmlBlockType) {
  const { bytes } = GGML_BLOCKS[type];
  const block = fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((raw) => {
    const halves = type === "Q6_K" ? [209] : type.endsWith("_K") ? [1, 3] : [1];
    for (const at of halves) if ((raw[at]! & 0x7c) === 0x7c) raw[at]! &= 0xbf;
    return raw;
  });
  return fc
    .array(block, { minLength: 1, maxLength: 3 })
    .map((blocks) => Uint8Array.from(blocks.flatMap((b) => [...b])));
}

describe("dequantizeGgml", () => {
  it("reads a block of Q4_0 worked out by hand", () => {
    // Scale −0.5. Byte 0 is weights 0 (low: 3 − 8 = −5) and 16 (high: 15 − 8 = 7), byte 15 weights 15 (8: 0) and 31 (0: −8).
    const block = Uint8Array.of(0x00, 0xb8, 0xf3, ...new Uint8Array(14).fill(0x88), 0x08);
    const values = dequantize(block, "Q4_0");
    expect([values[0], values[16], values[15]! + 0, values[31]]).toEqual([2.5, -3.5, 0, 4]);
    expect(values.filter((value) => value !== 0)).toHaveLength(3);
  });

  it("reads a block of Q8_0 worked out by hand", () => {
    // Scale 0.25; −128, −1, 127.
    const block = Uint8Array.of(0x00, 0x34, 0x80, 0xff, 0x7f, ...new Uint8Array(29));
    expect([...dequantize(block, "Q8_0").subarray(0, 4)]).toEqual([-32, -0.25, 31.75, 0]);
  });

  it("reads a block of Q4_K worked out by hand", () => {
    const block = new Uint8Array(144);
    block.set([0x00, 0x3c, 0x00, 0x38]); // Scale 1, scale of the minima 0.5.
    // Group 0: scale 3 (byte 4), minimum 5 (byte 8). Group 5: low bits scale 2, minimum 9 (byte 13), high bits 1 (byte 5) and 2 (byte 9).
    block.set([0x03, 0x40, 0, 0, 0x05, 0x80, 0, 0, 0, 0x92], 4);
    block[16] = 0xc7; // Weight 0: 7; weight 32, of group 1 (scale and minimum 0): 12.
    block[16 + 64 + 31] = 0xb4; // Weight 159 of group 4: 4; weight 191 of group 5: 11.
    const values = dequantize(block, "Q4_K");
    expect(values[0]).toBe(3 * 7 - 0.5 * 5);
    expect(values[1]).toBe(-2.5);
    expect(values[32]! + 0).toBe(0);
    expect(values[191]).toBe((2 + 16) * 11 - 0.5 * (9 + 32));
    expect(values[190]).toBe(-20.5);
  });

  it("reads a block of Q5_K worked out by hand", () => {
    const block = new Uint8Array(176);
    block.set([0x00, 0x3c, 0x00, 0x38]);
    block.set([0x03, 0x40, 0, 0, 0x05, 0x80, 0, 0, 0, 0x92], 4); // As for Q4_K.
    block[16] = 0x01; // Fifth bit of weight 0 of group 0.
    block[16 + 31] = 0x20; // Of weight 31 of group 5.
    block[48] = 0xc7;
    block[48 + 64 + 31] = 0xb4;
    const values = dequantize(block, "Q5_K");
    expect(values[0]).toBe(3 * (7 + 16) - 2.5);
    expect(values[191]).toBe(18 * (11 + 16) - 20.5);
    expect(values[190]).toBe(-20.5);
  });

  it("reads a block of Q6_K worked out by hand", () => {
    const block = new Uint8Array(210);
    block.set([0x00, 0x38], 208); // Scale 0.5.
    block[192] = 2; // Weights 0 to 15.
    block[192 + 15] = 0xfd; // −3: weights 240 to 255.
    block[0] = 0x05;
    block[128] = 0x02; // Weight 0: 5 + 2 · 16 − 32 = 5.
    block[64 + 32 + 31] = 0xa0; // Weight 255, in the second half's fourth run: low bits 10,
    block[128 + 32 + 31] = 0xc0; // high bits 3: 10 + 48 − 32 = 26.
    const values = dequantize(block, "Q6_K");
    expect(values[0]).toBe(0.5 * 2 * 5);
    expect(values[1]).toBe(0.5 * 2 * -32);
    expect(values[255]).toBe(0.5 * -3 * 26);
    expect(values[16]! + 0).toBe(0);
  });

  it.each(TYPES)("gives the definition's values for any bytes of %s, to the float32", (type) => {
    const { bytes, values: perBlock } = GGML_BLOCKS[type];
    fc.assert(
      fc.property(anyBlocks(type), (blocks) => {
        const expected = Float32Array.from(dequantize(blocks, type), (_, i) => {
          const start = Math.floor(i / perBlock) * bytes;
          return REFERENCE[type](blocks.subarray(start, start + bytes), i % perBlock);
        });
        expect(dequantize(blocks, type)).toEqual(expected);
      }),
    );
  });
});

describe("takeBlocks", () => {
  it.each([
    ["Q4_0", 4],
    ["Q8_0", 8],
  ] as const)("keeps every weight of %s", (type, width) => {
    fc.assert(
      fc.property(anyBlocks(type), (blocks) => {
        const taken = Float32Array.from(dequantizeBlocks(takeBlocks(blocks, width, "w"), width));
        expect(taken).toEqual(dequantize(blocks, type));
      }),
    );
  });

  it("keeps the bits of codes and scales", () => {
    const q8 = takeBlocks(Uint8Array.of(0x01, 0x80, 0x80, 0x00, 0x7f, ...new Uint8Array(29)), 8, "w");
    expect([...q8.codes.subarray(0, 4)]).toEqual([0, 128, 255, 128]);
    expect([...q8.scales]).toEqual([0x8001]);
    const nibbles = Array.from({ length: 16 }, (_, i) => i | ((15 - i) << 4));
    const q4 = takeBlocks(Uint8Array.of(0x34, 0xb2, ...nibbles), 4, "w");
    expect([...q4.codes]).toEqual([
      ...[0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe],
      ...[0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01],
    ]);
    expect([...q4.scales]).toEqual([0xb234]);
  });

  it.each([0x7c, 0xfc, 0x7e])("refuses a scale whose high byte is %d", (high) => {
    const block = new Uint8Array(34);
    block[1] = high;
    expect(() => takeBlocks(block, 8, "blk.0.attn_q.weight")).toThrow(
      expect.objectContaining({ code: "model-corrupt", message: expect.stringContaining("blk.0.attn_q.weight holds") }),
    );
  });
});
