/** @file How much each size does, so that it ends in minutes on what it is for. */
import type { SizeName } from "../report/compare-result.ts";

export interface Sizes {
  /** Timed ones of every workload, after one that is not. */
  readonly rounds: number;
  /** Timed visits, after one that fills the browser's storage. */
  readonly visits: number;
  readonly queries: number;
  /** `batchSize`: of transformers.js. Lengths are log-normal around the median. */
  readonly mixed: {
    readonly texts: number;
    readonly median: number;
    readonly sigma: number;
    readonly most: number;
    readonly batchSize: number;
  };
  readonly equal: readonly { readonly texts: number; readonly tokens: number; readonly batchSize: number }[];
  /** `"dry"` measures memory alone. */
  readonly long: readonly { readonly tokens: number; readonly mode: "run" | "dry" }[];
  readonly bulk: { readonly texts: number; readonly batchSize: number; readonly everyMs: number };
  /** Limit of a model whose text is cut, and the text's length. */
  readonly truncated: { readonly limit: number; readonly tokens: number };
  /** Lengths of a batch that is embedded alone, together, and padded on either side. */
  readonly ragged: readonly number[];
}

/** What a page of passages holds; the longest is about what a section of an article has. */
const MIXED = { texts: 256, median: 90, sigma: 0.9, most: 1024, batchSize: 32 };

export const SIZES: Readonly<Record<SizeName, Sizes>> = {
  // Software WebGPU: 60 to 75 tokens a second through nano, so that ten minutes are 40,000 tokens for both contenders.
  small: {
    rounds: 2,
    visits: 2,
    queries: 6,
    mixed: { ...MIXED, texts: 12, median: 48, most: 192, batchSize: 12 },
    equal: [
      { texts: 4, tokens: 128, batchSize: 4 },
      { texts: 1, tokens: 512, batchSize: 1 },
    ],
    long: [
      { tokens: 2048, mode: "dry" },
      { tokens: 8192, mode: "dry" },
      { tokens: 32_768, mode: "dry" },
    ],
    bulk: { texts: 6, batchSize: 3, everyMs: 1000 },
    truncated: { limit: 64, tokens: 100 },
    ragged: [5, 9, 17, 33, 48],
  },
  // WASM: about 2,000 tokens a second through nano.
  cpu: {
    rounds: 3,
    visits: 3,
    queries: 24,
    mixed: { ...MIXED, median: 60, sigma: 0.8, most: 512 },
    equal: [
      { texts: 64, tokens: 128, batchSize: 32 },
      { texts: 16, tokens: 512, batchSize: 16 },
    ],
    long: [{ tokens: 2048, mode: "run" }],
    bulk: { texts: 512, batchSize: 8, everyMs: 1000 },
    truncated: { limit: 256, tokens: 400 },
    ragged: [5, 9, 17, 33, 70, 130, 200],
  },
  full: {
    rounds: 5,
    visits: 5,
    queries: 100,
    mixed: MIXED,
    equal: [
      { texts: 64, tokens: 128, batchSize: 32 },
      { texts: 64, tokens: 512, batchSize: 32 },
    ],
    long: [
      { tokens: 2048, mode: "run" },
      { tokens: 8192, mode: "run" },
      { tokens: 32_768, mode: "run" },
    ],
    bulk: { texts: 1024, batchSize: 32, everyMs: 1000 },
    truncated: { limit: 256, tokens: 400 },
    ragged: [5, 9, 17, 33, 70, 130, 200, 500],
  },
  // A visitor's minute with the built-in model: 80,000 tokens.
  quick: {
    rounds: 2,
    visits: 2,
    queries: 24,
    mixed: { ...MIXED, texts: 48, median: 60, sigma: 0.8, most: 512, batchSize: 16 },
    equal: [
      { texts: 16, tokens: 128, batchSize: 16 },
      { texts: 4, tokens: 512, batchSize: 4 },
    ],
    long: [{ tokens: 2048, mode: "run" }],
    bulk: { texts: 64, batchSize: 8, everyMs: 1000 },
    truncated: { limit: 256, tokens: 400 },
    ragged: [5, 9, 17, 33, 70],
  },
  // Whether the page works at all.
  smoke: {
    rounds: 1,
    visits: 1,
    queries: 3,
    mixed: { ...MIXED, texts: 4, median: 14, most: 40, batchSize: 4 },
    equal: [{ texts: 2, tokens: 16, batchSize: 2 }],
    long: [{ tokens: 64, mode: "run" }],
    bulk: { texts: 2, batchSize: 2, everyMs: 1000 },
    truncated: { limit: 32, tokens: 40 },
    ragged: [5, 9],
  },
};
