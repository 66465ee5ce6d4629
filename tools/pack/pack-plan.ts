/** @file What a pack will consist of: names, small files, layout, and the manifest. Pure. */
import { createHash } from "node:crypto";
import { BLOCK_BYTES, parseManifest } from "../../src/model/manifest.ts";
import type { GoldenVector, PackFile, PackManifest, Prompts, WeightBits } from "../../src/pack.ts";
import { buildLayerGraph } from "./layer-graph.ts";
import { type PackLayout, planLayout } from "./layout.ts";
import type { Rounding } from "./quantize.ts";
import type { ModelSource } from "./source.ts";

/** Part of what decides whether an earlier run's files are kept: raise it when the same options give other bytes. */
const PACKER_VERSION = 1;
const GRAPH_NAMES = {
  f32: { whole: "layer-whole.f32.onnx", sliced: "layer-sliced.f32.onnx" },
  f16: { whole: "layer-whole.f16.onnx", sliced: "layer-sliced.f16.onnx" },
} as const;
const TOKENIZER_NAMES = { model: "tokenizer.json", config: "tokenizer_config.json" } as const;
const MIN_DIMENSIONS = 32;

/** Of Qwen3-Embedding's model card; there is no space after `Query:`. */
export const PROMPTS: Prompts = {
  query: "Instruct: {instruction}\nQuery:{text}",
  document: "{text}",
  defaultInstruction: "Given a web search query, retrieve relevant passages that answer the query",
};

export interface PlanOptions {
  readonly bits: WeightBits;
  readonly embeddingBits: WeightBits;
  /** @default name of the source folder */
  readonly name?: string | undefined;
  /** Where the weights come from. @default the name */
  readonly repo?: string | undefined;
  /** @default a hash of the inputs' hashes */
  readonly revision?: string | undefined;
  /** Tokens of each golden input; without any, the runtime refuses the pack. */
  readonly golden: readonly number[];
  /** @default "search" */
  readonly rounding?: Rounding;
}

/** SHA-256 of every file that is read, hex by name. */
export type InputHashes = Readonly<Record<string, string>>;

export interface PackPlan {
  readonly layout: PackLayout;
  /** Small files that are made in memory. */
  readonly contents: ReadonlyMap<string, string | Uint8Array>;
  /** Every file but the manifest, in the order of the manifest. */
  readonly names: readonly string[];
  /** Hash of all that decides the pack's bytes. */
  readonly key: string;
  /** @param files - In the order of `names`. */
  manifest(files: readonly PackFile[], golden: readonly GoldenVector[]): PackManifest;
}

type ManifestHead = Omit<PackManifest, "files" | "golden">;

/** @throws {EmbedError} `model-corrupt` for a pack that the runtime would refuse. */
export function planPack(source: ModelSource, inputHashes: InputHashes, options: PlanOptions): PackPlan {
  const { architecture, tokenizer } = source;
  const { bits, embeddingBits, golden, rounding = "search", name = source.name } = options;
  const { repo = name, revision = `sha256:${hashOf(inputHashes)}` } = options;
  const layout = planLayout(architecture, bits, embeddingBits);
  const contents = new Map<string, string | Uint8Array>();
  for (const activations of ["f32", "f16"] as const) {
    for (const sequences of ["whole", "sliced"] as const) {
      const graph = buildLayerGraph(architecture, { bits, activations, sequences });
      contents.set(GRAPH_NAMES[activations][sequences], graph);
    }
  }
  if (tokenizer) contents.set(TOKENIZER_NAMES.model, tokenizer.model).set(TOKENIZER_NAMES.config, tokenizer.config);
  const made = [...contents].map(([file, content]) => [file, hashOf(content)]);
  const choices = [bits, embeddingBits, rounding, golden, name, repo, revision];
  const head: ManifestHead = {
    format: "strata-pack",
    version: 1,
    name,
    source: { repo, revision, sha256: inputHashes },
    architecture,
    quantization: { bits, block: 32 },
    pooling: "last-token",
    prompts: PROMPTS,
    endTokenId: source.endTokenId,
    padTokenId: source.padTokenId,
    maxTokens: source.maxTokens,
    dimensions: { min: Math.min(MIN_DIMENSIONS, architecture.hidden_size), max: architecture.hidden_size },
    tokenizer: tokenizer ? TOKENIZER_NAMES : null,
    graphs: GRAPH_NAMES,
    tokenTable: layout.tokenTable,
    tensors: layout.tensors,
  };
  const sizes = [...contents].map(([file, content]) => ({ name: file, bytes: Buffer.byteLength(content) }));
  rehearse(head, [...sizes, ...layout.files]);
  return {
    layout,
    contents,
    names: [...contents.keys(), ...layout.files.map((file) => file.name)],
    key: hashOf([PACKER_VERSION, inputHashes, choices, made]),
    manifest(files, golden) {
      return { ...head, files, golden };
    },
  };
}

/** Shows the manifest-to-be to the runtime's check now, with made-up hashes and answers, and not after hours of work. */
function rehearse(head: ManifestHead, sizes: readonly Pick<PackFile, "name" | "bytes">[]): void {
  const sha256 = "0".repeat(64);
  const files = sizes.map(({ name, bytes }) => {
    return { name, bytes, sha256, blocks: new Array(Math.ceil(bytes / BLOCK_BYTES)).fill(sha256) };
  });
  const dimensions = head.dimensions.max;
  const vector = [1, ...new Array(dimensions - 1).fill(0)];
  parseManifest({ ...head, files, golden: [{ role: "document", inputIds: [head.endTokenId], dimensions, vector }] });
}

function hashOf(value: unknown): string {
  const bytes = value instanceof Uint8Array ? value : JSON.stringify(value);
  return createHash("sha256").update(bytes).digest("hex");
}
