/** @file Status of the index → what the indexing view says, and when it is said aloud. Pure. */
import type { SearchIndexStatus } from "../../src/index.ts";

/** What the view goes by. */
export interface IndexingFacts {
  readonly index: SearchIndexStatus;
  /** Whether texts can be embedded now. */
  readonly hasModel: boolean;
  /** Reads and additions under way. */
  readonly arriving: number;
  /** Indexing waits for the visitor's word, in the next visit too. */
  readonly stopped: boolean;
  /** The vectors are another model's. */
  readonly mismatch: boolean;
}

export type IndexingKind =
  | "empty"
  | "splitting"
  | "working"
  | "starting"
  | "waiting"
  | "paused"
  | "stopped"
  | "failed"
  | "mismatch"
  | "read-only"
  | "done";

/** The one thing to say; what the visitor has to decide comes first. */
export function kindOf({ index, hasModel, arriving, stopped, mismatch }: IndexingFacts): IndexingKind {
  const { passages, vectors, indexing, readOnly } = index;
  if (mismatch) return "mismatch";
  if (indexing.state === "failed") return "failed";
  if (indexing.state === "working") return "working";
  if (arriving > 0) return "splitting";
  if (passages === 0) return "empty";
  if (vectors + indexing.refused >= passages) return "done";
  if (readOnly) return "read-only";
  if (stopped) return "stopped";
  if (!hasModel) return "waiting";
  return indexing.state === "paused" ? "paused" : "starting";
}

/** Passages and tokens in a second; `null` until there is something to go by. */
export interface Rates {
  readonly passages: number;
  readonly tokens: number;
}

/** A shorter stretch says nothing yet. */
const LEAST_ELAPSED_MS = 50;

/** The pace of this stretch of work. */
export function ratesOf({ passages, tokens, elapsedMs }: SearchIndexStatus["indexing"]): Rates | null {
  if (passages === 0 || elapsedMs < LEAST_ELAPSED_MS) return null;
  const seconds = elapsedMs / 1000;
  return { passages: passages / seconds, tokens: tokens / seconds };
}

/** From here on a rate has digits enough without a decimal. */
const WHOLE_FROM = 10;

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const decimal = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** A rate with the digits that matter: `"0.4"`, `"7.5"`, `"1,240"`. */
export function formatRate(perSecond: number): string {
  return (perSecond < WHOLE_FROM ? decimal : whole).format(perSecond);
}

/** Progress is said aloud this often, in percent. */
const ANNOUNCED_STEP = 25;

/** Percent that are done, rounded down to a step worth saying aloud. */
export function announcedPercent(vectors: number, passages: number): number {
  if (passages === 0) return 0;
  return Math.floor(((vectors / passages) * 100) / ANNOUNCED_STEP) * ANNOUNCED_STEP;
}
