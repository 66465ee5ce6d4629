/** @file Ids → work: which tokens run together. Pure. The byte budget joins here when the planner grows. */
import type { Chunk, Pass, Slice } from "../types.ts";

/**
 * Tokens in one run of a layer unless the caller says otherwise. ONNX Runtime's WASM kernels are at their speed from
 * 256 rows on; a run of 512 tokens of the 4B shape on a GPU that does 110 tokens/s takes about 130 ms, which keeps a
 * submit under the 250 ms that no GPU watchdog minds.
 */
export const DEFAULT_CHUNK_TOKENS = 512;

/** Attention alone works on padded rows; a chunk's rectangle may hold this many cells per token of `chunkTokens`. */
const MAX_PADDED_RATIO = 2;

/**
 * Splits sequences into passes: short ones of similar length together, one longer than a chunk in slices of its own.
 *
 * @param lengths - Tokens of each sequence, each at least 1; `[N]`.
 * @param options - `chunkTokens`: most tokens in one run.
 * @returns Passes, shortest sequences first; every token stands in exactly one slice.
 */
export function planPasses(lengths: readonly number[], options: { readonly chunkTokens: number }): Pass[] {
  const { chunkTokens } = options;
  const byLength = lengths.map((_, index) => index).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const passes: Pass[] = [];
  let open: Slice[] = [];
  let openTokens = 0;
  const close = (): void => {
    if (open.length > 0) passes.push(toPass([{ slices: open, tokenCount: openTokens, sliced: false }]));
    open = [];
    openTokens = 0;
  };
  for (const sequence of byLength) {
    const length = lengths[sequence]!;
    const tooMany = openTokens + length > chunkTokens;
    // Sorted: the newcomer is the longest, and sets the rectangle's width.
    const tooPadded = (open.length + 1) * length > MAX_PADDED_RATIO * chunkTokens;
    if (tooMany || tooPadded) close();
    if (length > chunkTokens) {
      passes.push(toPass(sliceSequence({ sequence, length, chunkTokens })));
    } else {
      open.push({ sequence, start: 0, length });
      openTokens += length;
    }
  }
  close();
  return passes;
}

function sliceSequence(what: { sequence: number; length: number; chunkTokens: number }): Chunk[] {
  const chunks: Chunk[] = [];
  for (let start = 0; start < what.length; start += what.chunkTokens) {
    const tokenCount = Math.min(what.chunkTokens, what.length - start);
    chunks.push({ slices: [{ sequence: what.sequence, start, length: tokenCount }], tokenCount, sliced: true });
  }
  return chunks;
}

function toPass(chunks: readonly Chunk[]): Pass {
  return { chunks, tokenCount: chunks.reduce((sum, chunk) => sum + chunk.tokenCount, 0) };
}
