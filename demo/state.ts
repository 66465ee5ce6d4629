/** @file What the page knows: written by the library and the search session, read by the views. */
import type { EmbedderStatus, ErrorCode, LoadProgress } from "../src/index.ts";
import type { RefusalReason } from "./import-files.ts";
import { BUILT_IN } from "./model-choice.ts";
import type { ModelChoice } from "./model-choice.ts";

/** Something that can be found. */
export interface Passage {
  readonly id: string;
  readonly title: string;
  /** Subject of a sample, file name of an import. */
  readonly subject: string;
  readonly text: string;
}

export interface Failure {
  /** `null` for a fault of the page itself. */
  readonly code: ErrorCode | null;
  readonly message: string;
}

/** One uninterrupted stretch of indexing. */
export interface IndexingRun {
  readonly passages: number;
  readonly tokens: number;
  readonly elapsedMs: number;
}

export interface IndexingState {
  /** Passages that can be found. */
  readonly done: number;
  readonly total: number;
  readonly run: IndexingRun;
  /** Whether the model is at it. */
  readonly working: boolean;
  /** `null` until there is something to estimate from. */
  readonly remainingMs: number | null;
  /** Why it stopped, though there is more to do and the model works. */
  readonly failure: Failure | null;
}

export interface Hit {
  readonly passage: Passage;
  /** Cosine of the angle to the query. */
  readonly score: number;
}

export interface QueryTimings {
  readonly tokenizeMs: number;
  readonly queueMs: number;
  readonly runMs: number;
  readonly poolMs: number;
  /** The scan over the index. */
  readonly searchMs: number;
  /** From the end of the debounce to ranked hits; holds the hop to the worker and back too. */
  readonly totalMs: number;
}

export interface SearchState {
  /** As typed. */
  readonly query: string;
  /** The query that `hits` belong to, `null` when nothing was searched. */
  readonly answered: string | null;
  readonly hits: readonly Hit[];
  readonly timings: QueryTimings | null;
  readonly failure: Failure | null;
}

export interface ImportReport {
  readonly name: string;
  /** Passages added, or why there are none. */
  readonly outcome: number | RefusalReason;
}

export interface SampleState {
  readonly licence: string | null;
  readonly questions: readonly string[];
  readonly failure: string | null;
}

export interface PageState {
  /** What is loaded, or to be. */
  readonly choice: ModelChoice;
  /** The remembered model, where the built-in one was taken instead: it is no longer stored, or the last visit died of it. */
  readonly missed: { readonly name: string; readonly why: "gone" | "died" } | null;
  readonly load: LoadProgress | null;
  /** Whether this load has something to download: phases that do not happen are not shown. */
  readonly downloads: boolean;
  /** `null` until a model is loaded. */
  readonly status: EmbedderStatus | null;
  readonly failure: Failure | null;
  readonly indexing: IndexingState;
  /** `null` until it was fetched. */
  readonly sample: SampleState | null;
  readonly imports: readonly ImportReport[];
  readonly search: SearchState;
}

/** Before anything was loaded. */
export const INITIAL_STATE: PageState = {
  choice: BUILT_IN,
  missed: null,
  load: null,
  downloads: false,
  status: null,
  failure: null,
  indexing: {
    done: 0,
    total: 0,
    run: { passages: 0, tokens: 0, elapsedMs: 0 },
    working: false,
    remainingMs: null,
    failure: null,
  },
  sample: null,
  imports: [],
  search: { query: "", answered: null, hits: [], timings: null, failure: null },
};

/** A lost device or worker is being replaced; requests wait. */
export function isRecovering({ state }: EmbedderStatus): boolean {
  return state === "recovering" || state === "gpu-blocked";
}

export type Stage = "loading" | "recovering" | "indexing" | "ready" | "error";

/** What the page is about, in a word; `ready` only when there is nothing left to do. */
export function stageOf(state: PageState): Stage {
  if (state.failure !== null) return "error";
  if (state.status === null || state.sample === null) return "loading";
  if (isRecovering(state.status)) return "recovering";
  return state.indexing.working ? "indexing" : "ready";
}
