/** @file What crosses between page and worker. Types only; every value survives a structured clone. */
import type { ErrorCode, ErrorDetails } from "../errors.ts";
import type { MetricsSnapshot } from "../metrics.ts";
import type {
  EmbedderStatus,
  EmbeddingMatrix,
  EmbedInput,
  EmbedProgress,
  LoadProgress,
  LoadRequest,
  OutputType,
  PaddedBatch,
  RunEvent,
  SentEmbedRequest,
  TokenizeOptions,
  WarmUpRequest,
  WarmUpResult,
} from "../types.ts";

/** Raised with every change to this file: a page must not talk to the worker of another build left in a cache. */
export type ProtocolVersion = 3;

/**
 * What the worker offers, over comlink. `callId` is unique on the page and names the call in `cancel` and in events.
 * There is no `dispose`: the page terminates the worker, which frees its GPU memory at once, even in mid-run.
 */
export interface EmbedService {
  /** The handshake: a script that fails to start, or that is another one, never answers it. */
  ready(): ProtocolVersion;
  /**
   * Once per worker: ONNX Runtime keeps process-wide state.
   *
   * @param fetchPort - What the worker's requests go through, see `fetch-bridge.ts`; `null`: they are its own.
   */
  load(callId: number, request: LoadRequest, fetchPort: MessagePort | null): Promise<EmbedderStatus>;
  embed(callId: number, inputs: readonly EmbedInput[], request: SentEmbedRequest): Promise<EmbeddingMatrix<OutputType>>;
  tokenize(callId: number, texts: readonly string[], options: TokenizeOptions): Promise<PaddedBatch>;
  countTokens(callId: number, text: string, options: TokenizeOptions): Promise<number>;
  warmUp(callId: number, request: WarmUpRequest): Promise<WarmUpResult>;
  /** Nothing happens when the call has settled. */
  cancel(callId: number): void;
  /** Answered as soon as the thread is free. */
  ping(): void;
}

/**
 * Worker → page, on the port of the answers, so that a call's last progress and the status it left behind
 * arrive before its result.
 */
export type ServiceEvent =
  | CallProgress<LoadProgress | EmbedProgress>
  | { readonly kind: "status"; readonly status: EmbedderStatus; readonly metrics: MetricsSnapshot }
  | { readonly kind: "run"; readonly event: RunEvent }
  /** The worker is of no use any more: no call is answered after this. */
  | { readonly kind: "failed"; readonly error: TransferredError };

/** How a call goes. */
export interface CallProgress<P> {
  readonly kind: "progress";
  readonly callId: number;
  readonly progress: P;
}

/** An `EmbedError` on its way. */
export interface TransferredError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
  /** The chain of causes as text, `null` where there is none. */
  readonly cause: string | null;
  readonly stack: string | undefined;
}
