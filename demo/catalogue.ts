/** @file The models that the page knows of: what they are, before anything is downloaded. Pure. */
import { estimatePackBytes } from "../src/index.ts";
import type { Architecture, ModelFacts, WeightBits } from "../src/index.ts";

/** A model of the catalogue, as a pack of these bits. */
export interface CatalogueEntry {
  readonly id: "nano" | "0.6b" | "4b" | "8b";
  readonly name: string;
  /** Repository of the weights; `null` for the pack that comes with the page. */
  readonly upstream: string | null;
  readonly architecture: Architecture;
  /** Of the layers. */
  readonly bits: WeightBits;
  /** Of the token table. */
  readonly tableBits: WeightBits;
}

const QWEN3 = { rms_norm_eps: 1e-6, rope_theta: 1_000_000, num_key_value_heads: 8, head_dim: 128 };

/** By the config.json of each. */
export const CATALOGUE: readonly CatalogueEntry[] = [
  {
    id: "nano",
    name: "Nano",
    upstream: null,
    architecture: {
      ...QWEN3,
      hidden_size: 256,
      intermediate_size: 768,
      num_hidden_layers: 4,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 64,
      vocab_size: 151_669,
      max_position_embeddings: 32_768,
    },
    bits: 4,
    tableBits: 4,
  },
  {
    id: "0.6b",
    name: "Qwen3-Embedding-0.6B",
    upstream: "Qwen/Qwen3-Embedding-0.6B",
    architecture: {
      ...QWEN3,
      hidden_size: 1024,
      intermediate_size: 3072,
      num_hidden_layers: 28,
      num_attention_heads: 16,
      vocab_size: 151_669,
      max_position_embeddings: 32_768,
    },
    bits: 4,
    tableBits: 8,
  },
  {
    id: "4b",
    name: "Qwen3-Embedding-4B",
    upstream: "Qwen/Qwen3-Embedding-4B",
    architecture: {
      ...QWEN3,
      hidden_size: 2560,
      intermediate_size: 9728,
      num_hidden_layers: 36,
      num_attention_heads: 32,
      vocab_size: 151_665,
      max_position_embeddings: 40_960,
    },
    bits: 4,
    tableBits: 8,
  },
  {
    id: "8b",
    name: "Qwen3-Embedding-8B",
    upstream: "Qwen/Qwen3-Embedding-8B",
    architecture: {
      ...QWEN3,
      hidden_size: 4096,
      intermediate_size: 12_288,
      num_hidden_layers: 36,
      num_attention_heads: 32,
      vocab_size: 151_665,
      max_position_embeddings: 40_960,
    },
    bits: 4,
    tableBits: 8,
  },
];

/** The one that comes with the page. */
export const NANO = CATALOGUE[0]!;

/** Bytes of its pack, to a thousandth. */
export function packBytes({ architecture, bits, tableBits }: CatalogueEntry): number {
  return estimatePackBytes(architecture, { layers: bits, table: tableBits });
}

/** For `assessModel`; the built-in pack is not stored: it comes with the page. */
export function factsOf(entry: CatalogueEntry): ModelFacts {
  const { architecture, bits, upstream } = entry;
  return { architecture, bits, missingBytes: upstream === null ? 0 : packBytes(entry) };
}

/** How to make a pack of it on one's own machine. */
export function packCommand(upstream: string): string {
  const name = upstream.slice(upstream.indexOf("/") + 1);
  return `npm run pack -- --source ${upstream} --bits 4 --out ${name}`;
}
