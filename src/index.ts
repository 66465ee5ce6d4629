/** @file The public API. Re-exports only. */
export { createEmbedder } from "./embedder.ts";
export type {
  DocumentsOptions,
  Embedder,
  EmbedderOptions,
  EmbedOptions,
  QueryOptions,
  TokenOptions,
} from "./embedder.ts";
export { rowOf } from "./embedding-matrix.ts";
export { EmbedError, ERROR_CODES } from "./errors.ts";
export type { ErrorCode, ErrorDetails } from "./errors.ts";
export { FlatIndex } from "./search/flat-index.ts";
export type { FlatIndexOptions, FlatSearchOptions } from "./search/flat-index.ts";
export type { Hit } from "./search/top-k.ts";
export { cleanText } from "./tokenize/clean.ts";
export type { Activations, Role, WeightBits } from "./pack.ts";
export type {
  AdapterFacts,
  CleanOptions,
  DeviceChoice,
  DeviceStatus,
  EmbedderStatus,
  EmbeddingMatrix,
  EmbedInput,
  EmbedProgress,
  EmbedTimings,
  Execution,
  LoadPhase,
  LoadProgress,
  LoadTimings,
  ModelStatus,
  OutputArrays,
  OutputType,
  Overflow,
  PaddedBatch,
  Priority,
  SelfCheckResult,
  TokenizeOptions,
} from "./types.ts";
