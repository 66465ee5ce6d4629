/** @file How much each scenario does, so that it ends in minutes on what runs it. */

export type SizeName = "small" | "cpu" | "full";

/** `nano` is the built-in pack or the one given, `line` has one layer with one head. */
export type PackName = "nano" | "line";

export interface Sizes {
  /** Of `nano`; `undefined`: all. */
  readonly layers: number | undefined;
  readonly long: {
    readonly pack: PackName;
    /** Longest of the texts whose embedding must leave memory as it was, and how many. */
    readonly textTokens: number;
    readonly texts: number;
  };
  /** `paddedEvery`: each round runs only every so many-th padded batch (they are slow), and begins with another one. */
  readonly mixed: { readonly texts: number; readonly paddedEvery: number };
  readonly queries: { readonly passages: number };
  readonly soak: { readonly batches: number };
  readonly kv: { readonly tokens: number; readonly chunkTokens: number };
}

export const SIZES: Readonly<Record<SizeName, Sizes>> = {
  // Software WebGPU: a few hundred tokens a second through one layer of nano.
  small: {
    layers: 1,
    long: { pack: "line", textTokens: 1024, texts: 50 },
    mixed: { texts: 64, paddedEvery: 1 },
    queries: { passages: 100 },
    soak: { batches: 1000 },
    kv: { tokens: 2048, chunkTokens: 128 },
  },
  // WASM: about two thousand tokens a second through nano.
  cpu: {
    layers: undefined,
    long: { pack: "nano", textTokens: 2048, texts: 50 },
    mixed: { texts: 1000, paddedEvery: 8 },
    queries: { passages: 2000 },
    soak: { batches: 10_000 },
    kv: { tokens: 2048, chunkTokens: 128 },
  },
  full: {
    layers: undefined,
    long: { pack: "nano", textTokens: 32_768, texts: 50 },
    mixed: { texts: 1000, paddedEvery: 1 },
    queries: { passages: 2000 },
    soak: { batches: 10_000 },
    kv: { tokens: 32_768, chunkTokens: 512 },
  },
};
