import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BLOCK_BYTES, parseManifest } from "../../src/model/manifest.ts";
import type { PackManifest } from "../../src/pack.ts";
import { HALF_MAX } from "./half.ts";
import { planLayout } from "./layout.ts";
import { CHUNK_BYTES, randomWeights } from "./random-weights.ts";
import { referenceVectors, type ReferenceWeights } from "./reference.ts";
import { JOURNAL } from "./staging.ts";
import { packSynthetic, SHAPES, type ShapeName, type SyntheticPackOptions } from "./synthetic-pack.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { packWeights } from "./weights.ts";
import { WorkerPool } from "./worker-pool.ts";

const root = temporaryFolder();
let count = 0;
const freshOut = () => join(root, `pack-${count++}`);

function pack(out: string, changes: Partial<SyntheticPackOptions> = {}): Promise<PackManifest> {
  return packSynthetic({ shape: "line", bits: 4, embeddingBits: 8, out, ...changes });
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function snapshot(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => name !== JOURNAL);
  return Object.fromEntries(names.map((name) => [name, sha256(readFileSync(join(folder, name)))]));
}

/** The layout of a full shape, without a byte on disk. */
const layoutOf = (shape: ShapeName) => planLayout(SHAPES[shape].architecture, 4, 8);

describe("packSynthetic", () => {
  it.each([
    ["line", 16, 16],
    ["line", 8, 8],
    ["nano", 4, 8],
  ] as const)(
    "writes a manifest of %s in %d bit that the runtime takes, every hash right",
    async (shape, bits, table) => {
      const out = freshOut();
      const manifest = await pack(out, { shape, bits, embeddingBits: table, layers: 1, golden: [3] });
      expect(parseManifest(JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")))).toEqual(manifest);
      expect(readdirSync(out).sort()).toEqual(
        [JOURNAL, ...manifest.files.map(({ name }) => name), "manifest.json"].sort(),
      );
      for (const file of manifest.files) {
        const bytes = readFileSync(join(out, file.name));
        expect(sha256(bytes)).toBe(file.sha256);
        const starts = file.blocks.map((_, block) => block * BLOCK_BYTES);
        expect(starts.map((start) => sha256(bytes.subarray(start, start + BLOCK_BYTES)))).toEqual(file.blocks);
      }
    },
  );

  it("gives the same bytes for the same seed, and others for another", async () => {
    const [first, second, other] = [freshOut(), freshOut(), freshOut()];
    await pack(first, { seed: 7 });
    await pack(second, { seed: 7 });
    await pack(other, { seed: 8 });
    expect(snapshot(second)).toEqual(snapshot(first));
    const [a, b] = [snapshot(first), snapshot(other)];
    expect(Object.keys(a).filter((name) => a[name] === b[name])).toEqual([
      "layer-sliced.f16.onnx",
      "layer-sliced.f32.onnx",
      "layer-whole.f16.onnx",
      "layer-whole.f32.onnx",
    ]);
  });

  it("gives a layer the same weights however many follow it", async () => {
    const [short, long] = [freshOut(), freshOut()];
    await pack(short);
    await pack(long, { layers: 3 });
    const [a, b] = [snapshot(short), snapshot(long)];
    expect(b["layer-00.bin"]).toBe(a["layer-00.bin"]);
    expect(b["layer-01.bin"]).not.toBe(a["layer-00.bin"]);
  });

  it("keeps what an earlier run finished", async () => {
    const out = freshOut();
    await pack(out, { layers: 2 });
    const inodes = () => readdirSync(out).map((name) => statSync(join(out, name)).ino);
    const before = inodes();
    await pack(out, { layers: 2 });
    expect(inodes()).toEqual(before);
  });

  it("reports every byte and every product of the known answers", async () => {
    const seen: string[] = [];
    await pack(freshOut(), { onProgress: ({ phase, done, total }) => seen.push(`${phase} ${done === total}`) });
    expect(seen).toEqual(expect.arrayContaining(["packing true", "golden true"]));
  });

  it("refuses what the runtime would refuse, before it writes", async () => {
    await expect(pack(freshOut(), { layers: 1000 })).rejects.toMatchObject({ code: "model-corrupt" });
    await expect(pack(freshOut(), { golden: [40_000] })).rejects.toMatchObject({ code: "invalid-input" });
  });
});

describe("shapes", () => {
  it("have the sizes of the models they stand for", () => {
    const billions = (shape: ShapeName) => layoutOf(shape).files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e9;
    // Parameters of all layers in 4.5 bits and of the table in 8.5.
    expect(billions("0.6b")).toBeCloseTo(0.413, 2);
    expect(billions("4b")).toBeCloseTo(2.456, 2);
    expect(billions("8b")).toBeCloseTo(4.568, 2);
  });
});

describe("randomWeights", () => {
  it("gives the files of the 4B shape piece by piece out of one small buffer", () => {
    const { files } = layoutOf("4b");
    for (const name of ["layer-35.bin", "embedding-0.bin", "final.bin"]) {
      const file = files.find((planned) => planned.name === name)!;
      const buffers = new Set<ArrayBufferLike>();
      let bytes = 0;
      for (const piece of randomWeights(file, 1)) {
        expect(piece.length).toBeLessThanOrEqual(CHUNK_BYTES);
        buffers.add(piece.buffer);
        bytes += piece.length;
      }
      expect(bytes).toBe(file.bytes);
      expect([...buffers].map(({ byteLength }) => byteLength)).toEqual([CHUNK_BYTES]);
    }
  });

  it.each([4, 16] as const)(
    "keeps activations alive and far below float16's limit over 36 layers in %d bit",
    async (bits) => {
      const out = freshOut();
      const { architecture } = await pack(out, { bits, layers: 36 });
      const pool = new WorkerPool();
      const path = (name: string) => join(out, name);
      const weights = packWeights(planLayout(architecture, bits, 8), { architecture, path, pool });
      const outputs: number[] = [];
      const multiply: ReferenceWeights["multiply"] = async (name, x) => {
        const y = await weights.multiply(name, x);
        outputs.push(rms(x), rms(y));
        return y;
      };
      const inputs = [
        [5, 9, 17, 33, 1],
        [6, 9, 17, 33, 1],
      ];
      const [one, other] = await referenceVectors({ ...weights, multiply }, inputs);
      await pool.close();
      expect(Math.min(...outputs)).toBeGreaterThan(0.1);
      expect(Math.max(...outputs)).toBeLessThan(HALF_MAX / 1000);
      // The first token still shows in the last one's state.
      expect(one!.reduce((dot, value, i) => dot + value * other![i]!, 0)).toBeLessThan(0.95);
    },
  );
});

function rms(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}
