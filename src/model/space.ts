/** @file The embedding-space id: equal for vectors that may be compared. */
import type { PackManifest } from "../pack.ts";
import { sha256Hex } from "../sha256.ts";

/** Hex digits of the hash: 64 bits tell any number of packs apart. */
const ID_DIGITS = 16;

/**
 * Hash of what decides a vector: source weights, quantization, pooling, prompts. Dimensions are for the caller to add.
 *
 * @returns 16 hex digits.
 */
export async function embeddingSpace(manifest: PackManifest): Promise<string> {
  const { source, quantization, tokenTable, pooling, prompts } = manifest;
  const sources = Object.entries(source.sha256).sort(([a], [b]) => (a < b ? -1 : 1));
  const decisive = JSON.stringify([
    source.revision,
    sources,
    [quantization.bits, quantization.block, tokenTable.bits],
    pooling,
    [prompts.query, prompts.document],
  ]);
  return (await sha256Hex(new TextEncoder().encode(decisive))).slice(0, ID_DIGITS);
}
