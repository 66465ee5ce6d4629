import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseManifest } from "../../src/model/manifest.ts";
import { type PackOptions, packModel, type PackProgress } from "./pack-model.ts";
import { packCosines } from "./quality.ts";
import { referenceVectors } from "./reference.ts";
import { openSource } from "./source.ts";
import { JOURNAL } from "./staging.ts";
import { TINY_CONFIG, tinyTensors, writeModel, writeSafetensors } from "./synthetic-model.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { sourceWeights } from "./weights.ts";
import { WorkerPool } from "./worker-pool.ts";

const root = temporaryFolder();
const source = join(root, "tiny");
writeModel(source);

let count = 0;
const freshOut = () => join(root, `pack-${count++}`);

function pack(out: string, changes: Partial<PackOptions> = {}) {
  return packModel({ source, out, bits: 4, embeddingBits: 8, name: "tiny", golden: [3, 40], ...changes });
}

const sha256 = (bytes: string | Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** The hash of every file of a folder but the journal, by name. */
function snapshot(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => name !== JOURNAL);
  return Object.fromEntries(names.map((name) => [name, sha256(readFileSync(join(folder, name)))]));
}

const inode = (folder: string, name: string) => statSync(join(folder, name)).ino;

/** A source of which one weight is not finite: found while packing, not before. */
function writePoisoned(folder: string): void {
  const tensors = tinyTensors().map((tensor) => {
    const bytes = tensor.bytes.slice();
    if (tensor.name === "layers.1.mlp.up_proj.weight") bytes.set([0xc0, 0x7f], 100);
    return { ...tensor, bytes };
  });
  writeModel(folder, tensors);
}

describe("packModel", () => {
  it("writes a manifest that the runtime takes, with a hash for every file", async () => {
    const out = freshOut();
    const { manifest } = await pack(out);
    expect(parseManifest(JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")))).toEqual(manifest);
    expect(manifest.files.map((file) => file.name)).toEqual([
      "layer-whole.f32.onnx",
      "layer-sliced.f32.onnx",
      "layer-whole.f16.onnx",
      "layer-sliced.f16.onnx",
      "layer-00.bin",
      "layer-01.bin",
      "embedding-0.bin",
      "final.bin",
    ]);
    for (const { name, bytes } of manifest.files) expect(statSync(join(out, name)).size).toBe(bytes);
    expect(readdirSync(out)).toHaveLength(manifest.files.length + 2);
    expect(manifest.source.revision).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(Object.keys(manifest.source.sha256)).toEqual(["config.json", "model.safetensors"]);
  });

  it("gives the same pack from bf16, f16 and f32, from one file and several, with and without model.", async () => {
    const expected = freshOut();
    const revision = "1";
    await pack(expected, { revision });
    const weights = snapshot(expected);
    delete weights["manifest.json"];
    const variants = [tinyTensors("F16"), tinyTensors("F32")].map((tensors) => [tensors]);
    variants.push([tinyTensors().slice(9), tinyTensors().slice(0, 9)]);
    variants.push([tinyTensors().map((tensor) => ({ ...tensor, name: `model.${tensor.name}` }))]);
    for (const [i, files] of variants.entries()) {
      const folder = join(root, `variant-${i}`);
      mkdirSync(folder);
      writeFileSync(join(folder, "config.json"), JSON.stringify(TINY_CONFIG));
      files.forEach((tensors, part) => writeSafetensors(join(folder, `model-${part}.safetensors`), tensors));
      const out = freshOut();
      await pack(out, { source: folder, revision });
      expect(snapshot(out)).toMatchObject(weights);
    }
  });

  it.each([
    [16, 0.999999],
    [8, 0.9995],
    [4, 0.97],
  ] as const)("keeps the model's vectors in %d bit to a cosine of %d", async (bits, least) => {
    const out = freshOut();
    const { manifest } = await pack(out, { bits, embeddingBits: bits });
    const inputs = manifest.golden.map((golden) => golden.inputIds);
    const pool = new WorkerPool();
    const exact = await referenceVectors(sourceWeights(openSource(source, null), pool), inputs);
    await pool.close();
    const answers = inputs.map((input_ids, i) => ({ input_ids, embedding: [...exact[i]!] }));
    for (const cosine of await packCosines(out, answers)) expect(cosine).toBeGreaterThan(least);
    // The known answers are those of the pack's own weights.
    const own = manifest.golden.map(({ inputIds, vector }) => ({ input_ids: inputIds, embedding: vector }));
    for (const cosine of await packCosines(out, own)) expect(Math.abs(cosine - 1)).toBeLessThan(1e-7);
  });

  it("keeps a whole pack as it is, down to the files", async () => {
    const out = freshOut();
    const first = await pack(out);
    const files = readdirSync(out).map((name) => inode(out, name));
    const second = await pack(out);
    expect(second.manifest).toEqual(first.manifest);
    expect(second.keptFiles).toBe(4);
    expect(readdirSync(out).map((name) => inode(out, name))).toEqual(files);
  });

  it("makes only what is missing or wrong again", async () => {
    const out = freshOut();
    await pack(out);
    const before = snapshot(out);
    const kept = inode(out, "layer-01.bin");
    rmSync(join(out, "embedding-0.bin"));
    const flipped = readFileSync(join(out, "layer-00.bin"));
    flipped[5]! ^= 1;
    writeFileSync(join(out, "layer-00.bin"), flipped);
    expect((await pack(out)).keptFiles).toBe(2);
    expect(snapshot(out)).toEqual(before);
    expect(inode(out, "layer-01.bin")).toBe(kept);
  });

  it("goes on after an interruption with the files that were finished", async () => {
    const whole = freshOut();
    await pack(whole);
    const out = freshOut();
    const stop = new AbortController();
    const onProgress = ({ phase }: PackProgress) => {
      if (phase === "golden") stop.abort();
    };
    await expect(pack(out, { signal: stop.signal, onProgress })).rejects.toMatchObject({ code: "aborted" });
    expect(readdirSync(out)).toEqual([".partial"]);
    expect(readdirSync(join(out, ".partial")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    expect((await pack(out)).keptFiles).toBe(4);
    expect(snapshot(out)).toEqual(snapshot(whole));
  });

  it("starts anew when options or inputs are others, and leaves no file of the pack before", async () => {
    const out = freshOut();
    await pack(out);
    writeFileSync(join(out, "layer-07.bin"), "of a longer model");
    writeFileSync(join(out, "notes.txt"), "the user's");
    expect((await pack(out, { bits: 8 })).keptFiles).toBe(0);
    const clean = freshOut();
    await pack(clean, { bits: 8 });
    expect(snapshot(out)).toEqual({ ...snapshot(clean), "notes.txt": sha256("the user's") });
  });

  it("leaves the pack that was there when it is stopped", async () => {
    const out = freshOut();
    await pack(out);
    const before = snapshot(out);
    const stop = new AbortController();
    const onProgress = ({ phase }: PackProgress) => phase === "packing" && stop.abort();
    await expect(pack(out, { bits: 16, signal: stop.signal, onProgress })).rejects.toMatchObject({ code: "aborted" });
    rmSync(join(out, ".partial"), { recursive: true });
    expect(snapshot(out)).toEqual(before);
  });

  it("leaves the pack that was there when the source is broken, and writes nothing", async () => {
    const out = freshOut();
    await pack(out);
    const before = snapshot(out);
    const broken = join(root, "broken");
    writeModel(
      broken,
      tinyTensors().filter(({ name }) => name !== "layers.0.mlp.down_proj.weight"),
    );
    const failure = { code: "model-corrupt", details: { tensor: "layers.0.mlp.down_proj.weight" } };
    await expect(pack(out, { source: broken })).rejects.toMatchObject(failure);
    expect(snapshot(out)).toEqual(before);
  });

  it("refuses to write over its source, and what the runtime would not take, before it begins", async () => {
    await expect(pack(source)).rejects.toMatchObject({ code: "invalid-input" });
    const out = freshOut();
    await expect(pack(out, { name: "" })).rejects.toMatchObject({ message: expect.stringContaining("name") });
    const long = join(root, "long");
    writeModel(long, tinyTensors(), { ...TINY_CONFIG, max_position_embeddings: 1e6 });
    await expect(pack(out, { source: long })).rejects.toMatchObject({ code: "model-corrupt" });
    expect(existsSync(out)).toBe(false);
  });

  it("names a tensor that holds NaN, and leaves the pack that was there", async () => {
    const out = freshOut();
    await pack(out);
    const poisoned = join(root, "poisoned");
    writePoisoned(poisoned);
    for (const bits of [4, 16] as const) {
      const failure = { code: "model-corrupt", message: expect.stringContaining("tensor layers.1.mlp.up_proj.weight") };
      await expect(pack(out, { source: poisoned, bits })).rejects.toMatchObject(failure);
    }
    rmSync(join(out, ".partial"), { recursive: true });
    expect(parseManifest(JSON.parse(readFileSync(join(out, "manifest.json"), "utf8"))).name).toBe("tiny");
    expect((await pack(out)).keptFiles).toBe(4);
  });

  it("does not believe a journal that is no JSON", async () => {
    const out = freshOut();
    await pack(out);
    writeFileSync(join(out, JOURNAL), "{");
    expect((await pack(out)).keptFiles).toBe(0);
  });

  it("takes the model card and the licence along", async () => {
    const folder = join(root, "with-card");
    writeModel(folder);
    writeFileSync(join(folder, "README.md"), "# a card");
    const out = freshOut();
    await pack(out, { source: folder });
    expect(readFileSync(join(out, "README.md"), "utf8")).toBe("# a card");
  });

  it("refuses an output folder that cannot be", async () => {
    const file = join(root, "a-file");
    writeFileSync(file, "");
    await expect(pack(join(file, "pack"))).rejects.toMatchObject({ name: "EmbedError", code: "invalid-input" });
  });

  it("counts every byte of the input once", async () => {
    const seen: PackProgress[] = [];
    await pack(freshOut(), { onProgress: (progress) => seen.push(progress) });
    for (const phase of ["checking", "packing", "golden"] as const) {
      const steps = seen.filter((progress) => progress.phase === phase);
      expect(steps.at(-1)?.done).toBe(steps.at(-1)?.total);
      expect(steps.map(({ done }) => done)).toEqual(steps.map(({ done }) => done).sort((a, b) => a - b));
    }
    const bytes = tinyTensors().reduce((sum, tensor) => sum + tensor.bytes.length, 0);
    expect(seen.findLast(({ phase }) => phase === "packing")?.total).toBe(bytes);
  });

  it("survives a move of its folder", async () => {
    const out = freshOut();
    await pack(out);
    const moved = freshOut();
    renameSync(out, moved);
    expect((await pack(moved)).keptFiles).toBe(4);
  });
});
