/** @file `npm run bench:pack`: speed and memory of the pack command at the 4B shape, and what the scale search gains. */
import { fork } from "node:child_process";
import { existsSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { WeightBits } from "../src/pack.ts";
import { NANO_SOURCE } from "../tools/pack-nano.ts";
import { GOLDEN_TOKENS } from "../tools/pack/golden.ts";
import { packModel } from "../tools/pack/pack-model.ts";
import { packCosines, type ReferenceAnswer } from "../tools/pack/quality.ts";
import { encodeHeader, tensorHeads } from "../tools/pack/synthetic-model.ts";

/** Qwen3-Embedding-4B with one layer of its thirty-six. */
const CONFIG = {
  model_type: "qwen3",
  hidden_act: "silu",
  hidden_size: 2560,
  intermediate_size: 9728,
  num_hidden_layers: 1,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  head_dim: 128,
  rms_norm_eps: 1e-6,
  rope_theta: 1_000_000,
  vocab_size: 151_669,
  max_position_embeddings: 32_768,
  eos_token_id: 151_643,
};

/** Longer answers are left out: attention in float64 takes its time. */
const MAX_MEASURED_TOKENS = 1000;

interface Run {
  readonly source: string;
  readonly out: string;
  readonly bits: WeightBits;
  readonly embeddingBits: WeightBits;
  readonly golden: readonly number[];
}

interface Measurement {
  readonly seconds: number;
  /** Of all threads: tells a slow packer from a busy machine. */
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

/** Packs in a process of its own, so that the peak of its memory is its own. */
function measure(run: Run): Promise<Measurement> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(run)]);
    child.once("message", (measurement) => resolve(measurement as Measurement));
    child.once("exit", (code) => reject(new Error(`the measured process ended with ${String(code)}`)));
  });
}

async function runMeasured(run: Run): Promise<void> {
  const startMs = performance.now();
  await packModel(run);
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage();
  // maxRSS is in kilobytes; with the heap of the threads, which share the process.
  process.send?.({
    seconds,
    cpuSeconds: (user + system) / 1e6,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  } satisfies Measurement);
}

/** @returns Bytes of the weight file. */
function writeSynthetic(folder: string): number {
  writeFileSync(join(folder, "config.json"), JSON.stringify(CONFIG));
  const heads = tensorHeads(CONFIG, "BF16");
  const header = encodeHeader(heads);
  const end = heads.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 2), 0);
  const descriptor = openSync(join(folder, "model.safetensors"), "w");
  writeSync(descriptor, header);
  const noise = bellCurve(8 * 1024 * 1024);
  for (let at = 0; at < end; at += noise.byteLength)
    writeSync(descriptor, noise, 0, Math.min(noise.byteLength, end - at));
  closeSync(descriptor);
  return end;
}

/** Nearly normal bf16 numbers: sums of four uniform ones. */
function bellCurve(count: number): Uint16Array {
  const word = new Float32Array(1);
  const bits = new Uint32Array(word.buffer);
  let state = 1;
  const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5;
  return Uint16Array.from({ length: count }, () => {
    word[0] = 0.05 * (uniform() + uniform() + uniform() + uniform());
    return bits[0]! >>> 16;
  });
}

async function benchSpeed(folder: string): Promise<void> {
  const bytes = writeSynthetic(folder);
  console.log(`4B shape, 1 layer, bf16: ${(bytes / 1e6).toFixed(0)} MB, ${availableParallelism()} cores`);
  for (const bits of [4, 8] as const) {
    for (const golden of [[], GOLDEN_TOKENS]) {
      const out = join(folder, "pack");
      const { seconds, cpuSeconds, peakBytes } = await measure({
        source: folder,
        out,
        bits,
        embeddingBits: bits,
        golden,
      });
      rmSync(out, { recursive: true });
      const label = golden.length > 0 ? `golden ${golden.join()}` : "no golden run";
      const rate = `${seconds.toFixed(1)} s, ${(bytes / 1e6 / seconds).toFixed(0)} MB/s`;
      const cost = `${cpuSeconds.toFixed(1)} s of CPU, peak ${(peakBytes / 1e6).toFixed(0)} MB`;
      console.log(`  ${bits} bit, ${label}: ${rate}, ${cost}`);
    }
  }
}

async function benchQuality(folder: string): Promise<void> {
  if (!existsSync(NANO_SOURCE)) {
    console.log(`nano is not measured: ${NANO_SOURCE} is not there`);
    return;
  }
  const answers = JSON.parse(readFileSync(join(NANO_SOURCE, "golden.json"), "utf8")) as ReferenceAnswer[];
  const measured = answers.filter((answer) => answer.input_ids.length <= MAX_MEASURED_TOKENS);
  console.log(`nano, 4-bit layers and table, cosine to the unrounded weights over ${measured.length} texts`);
  for (const rounding of ["plain", "search"] as const) {
    const out = join(folder, rounding);
    const startMs = performance.now();
    await packModel({ source: NANO_SOURCE, out, bits: 4, embeddingBits: 4, rounding, golden: GOLDEN_TOKENS });
    const seconds = (performance.now() - startMs) / 1000;
    const cosines = await packCosines(out, measured);
    const mean = cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length;
    const label = rounding === "plain" ? "scale = max/7" : "scale search";
    console.log(
      `  ${label}: mean ${mean.toFixed(5)}, lowest ${Math.min(...cosines).toFixed(5)}; packed in ${seconds.toFixed(1)} s`,
    );
  }
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "strata-pack-"));
  try {
    await benchQuality(folder);
    await benchSpeed(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const run = process.argv[2];
await (run ? runMeasured(JSON.parse(run) as Run) : main());
