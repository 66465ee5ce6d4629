/** @file The public API. Re-exports only. */
export { assessModel, describeDevice, estimatePackBytes, measuredSpeed } from "./assess.ts";
export type {
  Assessment,
  AssessmentReason,
  AssessOptions,
  DeviceFacts,
  MachineFacts,
  MeasuredSpeed,
  ModelFacts,
  Verdict,
} from "./assess.ts";
export { createEmbedder } from "./embedder.ts";
export type {
  DocumentsOptions,
  Embedder,
  EmbedderOptions,
  EmbedOptions,
  QueryOptions,
  TokenOptions,
  WarmUpOptions,
} from "./embedder.ts";
export type {
  DownloadPhase,
  DownloadProgress,
  FolderSource,
  HubSource,
  ModelSource,
  PackOffer,
  PackOrigin,
  PackStore,
  SourceHeaders,
  StorageChoice,
  StorageEstimate,
  StorageStatus,
  StoredPack,
  StoredSource,
  StoreHooks,
  UrlSource,
  VerifyResult,
} from "./delivery.ts";
export { rowOf } from "./embedding-matrix.ts";
export type { EmbeddedRow, StreamOptions, StreamProgress } from "./embed-stream.ts";
export { EmbedError, ERROR_CODES } from "./errors.ts";
export type { ErrorCode, ErrorDetails } from "./errors.ts";
export { FlatIndex } from "./search/flat-index.ts";
export type { FlatIndexOptions, FlatSearchOptions } from "./search/flat-index.ts";
export type { Hit } from "./search/top-k.ts";
export { bestExcerpt, findMatches } from "./search/matches.ts";
export { estimateTokens } from "./search/estimate-tokens.ts";
export { passageInput, splitDocument } from "./search/passages.ts";
export type { CountTokens } from "./search/pieces.ts";
export { deleteSearchIndex } from "./search/store/delete-index.ts";
export { createSearchIndex } from "./search-index.ts";
export type { ImportOptions, SearchIndex, SearchOptions } from "./search-index.ts";
export type { SearchIndexOptions } from "./search-index-input.ts";
export type {
  AddProgress,
  AddResult,
  DocumentEntry,
  FieldFilter,
  Heading,
  IndexFailure,
  IndexingStatus,
  Metadata,
  MeasureOptions,
  MetadataValue,
  Passage,
  PassageOptions,
  Precision,
  SearchDocument,
  SearchFilter,
  SearchHit,
  SearchIndexStatus,
  SearchMode,
  SearchQuery,
  SearchRequest,
  SearchResult,
  SearchTimings,
  StoredCounts,
  VectorSample,
  ViewMeasurement,
  ViewOptions,
  ViewStatus,
} from "./search-types.ts";
export { cleanText } from "./tokenize/clean.ts";
export { mergeMetrics } from "./metrics.ts";
export type { Histogram, MetricName, MetricsSnapshot, Series } from "./metrics.ts";
export { quantile, summarize, toPrometheus } from "./metrics-report.ts";
export type { DurationSummary, MetricsSummary } from "./metrics-report.ts";
export { openPackStore } from "./pack-store.ts";
export type { PackStoreOptions, PagePackStore } from "./pack-store.ts";
export type { PageFetch } from "./thread/fetch-bridge.ts";
export type { RecoverOptions } from "./thread/supervisor.ts";
export type { WatchdogLimits } from "./thread/watchdog.ts";
export type { Activations, Architecture, Role, WeightBits } from "./pack.ts";
export type {
  AdapterFacts,
  CleanOptions,
  DeviceChoice,
  DeviceStatus,
  EmbedderState,
  EmbedderStatus,
  EmbeddingMatrix,
  EmbedInput,
  EmbedProgress,
  EmbedTimings,
  Execution,
  FaultyRows,
  LoadPhase,
  LoadProgress,
  LoadTimings,
  ModelStatus,
  OutputArrays,
  OutputType,
  Overflow,
  PaddedBatch,
  Priority,
  QueueLimits,
  QueueStatus,
  RecoveryStatus,
  SelfCheckResult,
  SelfCheckScope,
  TokenizeOptions,
  VramBytes,
  VramStatus,
  VramUse,
  WarmUpResult,
  WhenLost,
} from "./types.ts";
