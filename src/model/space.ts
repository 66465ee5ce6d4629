/** @file The embedding-space id: equal for vectors that may be compared. */
import type { PackManifest } from "../pack.ts";

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
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(decisive));
  const hex = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.slice(0, ID_DIGITS);
}
