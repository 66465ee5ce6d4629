/** @file What the page knows: written by the controllers, read by the views. */
import type {
  DocumentEntry,
  EmbedderStatus,
  ErrorCode,
  LoadProgress,
  SearchDocument,
  SearchIndexStatus,
  SearchResult,
  ViewOptions,
} from "../src/index.ts";
import type { DocumentPlace, View } from "./address.ts";
import type { RefusalReason } from "./import/outcome.ts";
import { BUILT_IN } from "./model-choice.ts";
import type { ModelChoice } from "./model-choice.ts";
import { DEFAULT_PASSAGES } from "./panels/passage-choice.ts";
import type { PassageChoice } from "./panels/passage-choice.ts";
import { NO_QUESTION } from "./question.ts";
import type { Question } from "./question.ts";
import type { SampleLibrary, SampleState } from "./sample.ts";
import type { Store } from "./store.ts";

export interface Failure {
  /** `null` for a fault of the page itself. */
  readonly code: ErrorCode | null;
  readonly message: string;
}

export interface Answer {
  readonly question: Question;
  readonly result: SearchResult;
  /** Whether nothing better is to come for now: words may stand in for the meaning that is still being computed. */
  readonly isFinal: boolean;
  /** Of the keystroke or click, on the clock of `performance.now()`; `null` where the library has grown. */
  readonly askedAtMs: number | null;
}

export interface SearchState {
  readonly question: Question;
  /** Of this question or an earlier one; `null` when nothing was searched. */
  readonly answer: Answer | null;
  readonly failure: Failure | null;
}

export interface ImportReport {
  readonly name: string;
  /** Documents added, or why there are none. */
  readonly outcome: number | RefusalReason;
  /** A sentence about a refusal; `null` where there is no more to say. */
  readonly detail: string | null;
}

/** An import or export under way. */
export interface Transfer {
  readonly kind: "import" | "export" | "sample";
  /** File or library. */
  readonly name: string;
  readonly doneDocuments: number;
  readonly totalDocuments: number;
}

/** What was taken out of the index for reading. */
export interface OpenedDocument {
  readonly place: DocumentPlace;
  /** `null` while it is read, and where it is not in the library. */
  readonly document: SearchDocument | null;
  readonly isMissing: boolean;
  /** Words to point out. */
  readonly terms: readonly string[];
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
  /** `null` until the library is open. */
  readonly index: SearchIndexStatus | null;
  /** Why the library is not kept in this browser; `null` while it is. */
  readonly unkept: Failure | null;
  /** The library's vectors are another model's: words only, until it is indexed anew. */
  readonly mismatch: boolean;
  /** Indexing waits for the visitor's word, in the next visit too. */
  readonly stopped: boolean;
  /** How vectors are wanted in memory; what is the default is left out. */
  readonly vectorView: ViewOptions;
  /** How documents are split, in tokens. */
  readonly passages: PassageChoice;
  /** Documents that are being taken in. */
  readonly arriving: number;
  /** What an addition, export or removal failed of last. */
  readonly libraryFailure: Failure | null;
  readonly transfer: Transfer | null;
  /** In the order they came; a moment behind `index`. */
  readonly documents: readonly DocumentEntry[];
  /** That can be had from where the page is. */
  readonly libraries: readonly SampleLibrary[];
  /** `null` until it was fetched. */
  readonly sample: SampleState | null;
  readonly imports: readonly ImportReport[];
  readonly search: SearchState;
  readonly view: View;
  readonly opened: OpenedDocument | null;
}

/** Before anything was loaded. */
export const INITIAL_STATE: PageState = {
  choice: BUILT_IN,
  missed: null,
  load: null,
  downloads: false,
  status: null,
  failure: null,
  index: null,
  unkept: null,
  mismatch: false,
  stopped: false,
  vectorView: {},
  passages: DEFAULT_PASSAGES,
  arriving: 0,
  libraryFailure: null,
  transfer: null,
  documents: [],
  libraries: [],
  sample: null,
  imports: [],
  search: { question: NO_QUESTION, answer: null, failure: null },
  view: "results",
  opened: null,
};

/** A lost device or worker is being replaced; requests wait. */
export function isRecovering({ state }: EmbedderStatus): boolean {
  return state === "recovering" || state === "gpu-blocked";
}

/** Whether the model is at the library, or about to be. */
export function isIndexing({ index, arriving }: Pick<PageState, "index" | "arriving">): boolean {
  return arriving > 0 || index?.indexing.state === "working";
}

export type Stage = "loading" | "recovering" | "indexing" | "ready" | "error";

/** What the page is about, in a word; `ready` only when there is nothing left to do. */
export function stageOf(state: PageState): Stage {
  if (state.failure !== null) return "error";
  if (state.status === null || state.index === null || state.sample === null) return "loading";
  if (isRecovering(state.status)) return "recovering";
  return isIndexing(state) ? "indexing" : "ready";
}

/** Resolves when the page loads nothing that it needs, or after `mostMs`. */
export function untilAtRest(page: Store<PageState>, mostMs: number): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      const stage = stageOf(page.get());
      if (stage === "loading" || stage === "recovering") return;
      finish();
    };
    const finish = (): void => {
      stop();
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(finish, mostMs);
    const stop = page.subscribe(settle);
    settle();
  });
}
