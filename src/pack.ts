/** @file The pack: what `tools/pack` writes and `model/` fetches, stores and reads. Types only. */

/** A query gets the instruction prompt, a document is embedded as it stands. */
export type Role = "query" | "document";

/** Activation element type a pass runs in. */
export type Activations = "f32" | "f16";

/** Names and numbers of a Qwen3 `config.json`, spelt as upstream spells them. */
export interface Architecture {
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly intermediate_size: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
}

export type WeightBits = 4 | 8 | 16;

/** One file of a pack; `blocks` are SHA-256 of each 16 MiB block, hex. */
export interface PackFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly blocks: readonly string[];
}

export type PackDtype = "uint8" | "float16";

/** A tensor inside a pack file; `offset` and `bytes` in bytes, `offset` a multiple of 256. */
export interface PackTensor {
  /** `layers.<i>.<input of the layer graph>` or `final.norm`. */
  readonly name: string;
  readonly dtype: PackDtype;
  readonly shape: readonly number[];
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * The token-embedding table: rows back to back, split into files at row boundaries.
 * A row is `hidden_size · bits / 8` bytes of codes, then (4 and 8 bit) `hidden_size / 32` float16 scales;
 * 4-bit codes have the even column in the low nibble; value = (code − 2^(bits−1)) · scale. 16-bit rows are float16.
 */
export interface TokenTableLayout {
  readonly bits: WeightBits;
  readonly rowBytes: number;
  readonly rowsPerFile: number;
  readonly files: readonly string[];
}

/** A known answer: what this pack's own weights give in float64 arithmetic. */
export interface GoldenVector {
  /** Absent for models without a tokenizer. */
  readonly text?: string;
  readonly role: Role;
  /** With the end token. */
  readonly inputIds: readonly number[];
  readonly dimensions: number;
  readonly vector: readonly number[];
}

export interface Prompts {
  /** With `{instruction}` and `{text}`. */
  readonly query: string;
  /** With `{text}`. */
  readonly document: string;
  readonly defaultInstruction: string;
}

/** `manifest.json`: everything about a pack but the bytes. Untrusted until `parseManifest` has seen it. */
/** Files of the two graphs of a layer: they compute the same, but only one has keys and values of other runs. */
export interface LayerGraphs {
  /** For whole sequences. */
  readonly whole: string;
  /** For one slice of a sequence: takes the keys and values of those before, and gives its own. */
  readonly sliced: string;
}

export interface PackManifest {
  readonly format: "strata-pack";
  readonly version: 1;
  readonly name: string;
  readonly source: {
    readonly repo: string;
    readonly revision: string;
    /** Of every input file, hex by file name. */
    readonly sha256: Readonly<Record<string, string>>;
  };
  readonly architecture: Architecture;
  readonly quantization: { readonly bits: WeightBits; readonly block: 32 };
  readonly pooling: "last-token";
  readonly prompts: Prompts;
  /** Appended to every text; the token whose state is pooled. */
  readonly endTokenId: number;
  readonly padTokenId: number;
  readonly maxTokens: number;
  readonly dimensions: { readonly min: number; readonly max: number };
  /** `null` for a model that takes ids only. */
  readonly tokenizer: { readonly model: string; readonly config: string } | null;
  readonly graphs: Readonly<Record<Activations, LayerGraphs>>;
  readonly tokenTable: TokenTableLayout;
  readonly files: readonly PackFile[];
  readonly tensors: readonly PackTensor[];
  readonly golden: readonly GoldenVector[];
}

/**
 * A pack that can be read: `model/` makes one, the other stages use it.
 * Every byte it returns has been checked against the manifest's hashes.
 */
export interface PackReader {
  readonly manifest: PackManifest;
  /**
   * A whole file, for layers, graphs and the tokenizer.
   *
   * @throws {EmbedError} `model-fetch-failed`, `model-corrupt` (file and both hashes), `aborted`.
   */
  readFile(name: string, options?: ReadOptions): Promise<ArrayBuffer>;
  /**
   * A file that is kept out of JS memory and read in ranges, for the token table.
   *
   * @throws {EmbedError} `model-fetch-failed`, `model-corrupt`, `aborted`.
   */
  openFile(name: string, options?: ReadOptions): Promise<RangeReader>;
}

export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** Bytes that arrived since the last call. */
  readonly onBytes?: (bytes: number) => void;
}

export interface RangeReader {
  read(offset: number, bytes: number): Promise<ArrayBuffer>;
}
