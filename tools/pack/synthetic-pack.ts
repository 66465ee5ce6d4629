/** @file Packs of a full Qwen3-Embedding shape with random weights: shape and seed → files → known answers → manifest. */
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Architecture, PackManifest, WeightBits } from "../../src/pack.ts";
import { writeAt } from "./file-ranges.ts";
import { goldenInputs, goldenVectors } from "./golden.ts";
import type { PlannedFile } from "./layout.ts";
import type { PackProgress } from "./pack-model.ts";
import { planPack, PROMPTS } from "./pack-plan.ts";
import { GENERATOR_VERSION, randomWeights } from "./random-weights.ts";
import type { ReferenceWeights } from "./reference.ts";
import type { ModelSource } from "./source.ts";
import { Staging } from "./staging.ts";
import { wrapSystemError } from "./system-errors.ts";
import { packWeights } from "./weights.ts";
import { WorkerPool } from "./worker-pool.ts";

/** One file is hashed while the next one is made. */
const FILE_LANES = 2;
/** The longest input that Qwen3-Embedding was made for. */
const MAX_TOKENS = 32768;
/** `<|endoftext|>` of Qwen3's tokenizer; models with a smaller vocabulary end with id 1. */
const END_OF_TEXT = 151_643;

export type ShapeName = "0.6b" | "4b" | "8b" | "nano" | "line";

export interface Shape {
  readonly architecture: Architecture;
  /** Tokens of the known answers unless told: few where float64 takes its time (4B: 21 s for two tokens, two cores). */
  readonly golden: readonly number[];
}

function shape(golden: readonly number[], numbers: Partial<Architecture>): Shape {
  const common = { rms_norm_eps: 1e-6, rope_theta: 1_000_000, max_position_embeddings: 32_768 };
  return { golden, architecture: { ...common, ...numbers } as Architecture };
}

const LARGE = { head_dim: 128, num_key_value_heads: 8 };

/** Qwen3-Embedding's three sizes by their config.json, the demo model's, and `line`: one layer, one head, all positions. */
export const SHAPES: Readonly<Record<ShapeName, Shape>> = {
  "0.6b": shape([5], {
    ...LARGE,
    hidden_size: 1024,
    intermediate_size: 3072,
    num_hidden_layers: 28,
    num_attention_heads: 16,
    vocab_size: 151_669,
  }),
  "4b": shape([2], {
    ...LARGE,
    hidden_size: 2560,
    intermediate_size: 9728,
    num_hidden_layers: 36,
    num_attention_heads: 32,
    vocab_size: 151_665,
    max_position_embeddings: 40_960,
  }),
  "8b": shape([2], {
    ...LARGE,
    hidden_size: 4096,
    intermediate_size: 12_288,
    num_hidden_layers: 36,
    num_attention_heads: 32,
    vocab_size: 151_665,
    max_position_embeddings: 40_960,
  }),
  nano: shape([5, 33, 70], {
    hidden_size: 256,
    intermediate_size: 768,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 64,
    vocab_size: 151_669,
  }),
  line: shape([5, 33, 70], {
    hidden_size: 64,
    intermediate_size: 96,
    num_hidden_layers: 1,
    num_attention_heads: 1,
    num_key_value_heads: 1,
    head_dim: 64,
    vocab_size: 256,
  }),
};

export interface SyntheticPackOptions {
  readonly shape: ShapeName;
  readonly bits: WeightBits;
  readonly embeddingBits: WeightBits;
  readonly out: string;
  /** @default the shape's */
  readonly layers?: number | undefined;
  /** @default 1 */
  readonly seed?: number | undefined;
  /** Tokens of each known answer. @default the shape's */
  readonly golden?: readonly number[] | undefined;
  readonly onProgress?: (progress: PackProgress) => void;
}

/**
 * Writes a pack whose weights are drawn at random in quantised form. No tokenizer: it takes ids only. Each weight file
 * is streamed to disk; an interrupted run leaves the pack that was there, and the next one goes on where it stopped.
 *
 * @throws {EmbedError} `model-corrupt` for what the runtime would refuse, `invalid-input`, `storage-full`.
 */
export async function packSynthetic(options: SyntheticPackOptions): Promise<PackManifest> {
  const { seed = 1, golden = SHAPES[options.shape].golden } = options;
  const pool = new WorkerPool();
  try {
    const source = syntheticSource(options);
    const revision = `random:${GENERATOR_VERSION}:${seed}`;
    const plan = planPack(source, {}, { ...options, golden, name: source.name, repo: "strata-synthetic", revision });
    const inputs = await goldenInputs(source, PROMPTS, golden);
    const staging = new Staging(options.out, plan.key);
    await staging.open(pool);
    if (staging.isComplete(plan.names)) {
      return JSON.parse(readFileSync(join(options.out, "manifest.json"), "utf8")) as PackManifest;
    }
    for (const [name, content] of plan.contents) {
      if (!staging.finished(name)) await staging.add(name, pool, (path) => writeFileSync(path, content));
    }
    await writeWeights(plan.layout.files, { staging, pool, seed, onProgress: options.onProgress });
    const places = { architecture: source.architecture, path: (name: string) => staging.path(name), pool };
    const weights = countProducts(packWeights(plan.layout, places), options.onProgress);
    const vectors = await goldenVectors(weights, inputs);
    const files = plan.names.map((name) => staging.finished(name)!);
    const manifest = plan.manifest(files, vectors);
    await staging.add("manifest.json", pool, (path) => writeFileSync(path, `${JSON.stringify(manifest)}\n`));
    staging.commit(plan.names);
    return manifest;
  } catch (error) {
    throw wrapSystemError(error);
  } finally {
    await pool.close();
  }
}

/** Reports each product of the known answers; a layer has seven. */
function countProducts(weights: ReferenceWeights, onProgress: SyntheticPackOptions["onProgress"]): ReferenceWeights {
  const total = weights.architecture.num_hidden_layers * 7;
  let done = 0;
  const multiply: ReferenceWeights["multiply"] = async (name, x) => {
    const y = await weights.multiply(name, x);
    onProgress?.({ phase: "golden", done: ++done, total });
    return y;
  };
  return { ...weights, multiply };
}

/** What a model folder would say of itself, but for the weights. */
function syntheticSource({ shape: name, layers }: SyntheticPackOptions): ModelSource {
  const { architecture } = SHAPES[name];
  const num_hidden_layers = layers ?? architecture.num_hidden_layers;
  const endTokenId = architecture.vocab_size > END_OF_TEXT ? END_OF_TEXT : 1;
  return {
    name: `synthetic-${name}`,
    architecture: { ...architecture, num_hidden_layers },
    tensors: new Map(),
    tokenizer: null,
    endTokenId,
    padTokenId: endTokenId,
    maxTokens: MAX_TOKENS,
    inputs: {},
  };
}

interface Writing {
  readonly staging: Staging;
  readonly pool: WorkerPool;
  readonly seed: number;
  readonly onProgress: SyntheticPackOptions["onProgress"];
}

async function writeWeights(files: readonly PlannedFile[], writing: Writing): Promise<void> {
  const { staging, pool, seed, onProgress } = writing;
  const missing = files.filter(({ name }) => !staging.finished(name));
  const sizeOf = (some: readonly PlannedFile[]) => some.reduce((sum, { bytes }) => sum + bytes, 0);
  const total = sizeOf(files);
  let done = total - sizeOf(missing);
  const fill = (file: PlannedFile, path: string): void => {
    const descriptor = openSync(path, "w");
    try {
      let offset = 0;
      for (const bytes of randomWeights(file, seed)) {
        writeAt(descriptor, bytes, offset);
        offset += bytes.length;
      }
    } finally {
      closeSync(descriptor);
    }
    done += file.bytes;
    onProgress?.({ phase: "packing", done, total });
  };
  const lanes = Array.from({ length: FILE_LANES }, async () => {
    for (let file = missing.shift(); file; file = missing.shift()) {
      const next = file;
      await staging.add(next.name, pool, (path) => fill(next, path));
    }
  });
  await Promise.all(lanes);
}
