/** @file How far the indexing is: what is being embedded, how fast, how long it takes, and the ways to hold it up. */
import { ERROR_CODES } from "../../src/index.ts";
import type { IndexFailure } from "../../src/index.ts";
import { FailureText } from "../failure-card.tsx";
import { clipTo } from "../format.ts";
import type { Failure } from "../state.ts";
import { strings } from "../strings.ts";
import { announcedPercent, formatRate, kindOf, ratesOf } from "./indexing-figures.ts";
import type { IndexingFacts, IndexingKind } from "./indexing-figures.ts";

const text = strings.panels.indexing;

export interface IndexingViewProps extends IndexingFacts {
  /** Until the visitor continues, or comes back. */
  readonly onPause: () => void;
  /** Goes on; after a failure, tries again. */
  readonly onResume: () => void;
  /** A pause that the next visit keeps to. */
  readonly onStop: () => void;
  /** Drops the other model's vectors and makes new ones. */
  readonly onReindex: () => void;
}

/** Keeps its height in every state; a screen reader hears of changes and of each quarter. */
export function IndexingView(props: IndexingViewProps) {
  const { index } = props;
  const { passages, vectors, indexing } = index;
  const kind = kindOf(props);
  const says = sentence(kind, props);
  const spoken = kind === "working" ? text.announceProgress(announcedPercent(vectors, passages)) : says;
  return (
    <section class="indexing-view" aria-labelledby="indexing-heading" data-testid="indexing" data-kind={kind}>
      <div class="card-head">
        <h3 id="indexing-heading">{text.heading}</h3>
        <Controls {...props} kind={kind} />
      </div>
      <p class="indexing-now" title={says}>
        {says}
      </p>
      <div
        class="core core-thin"
        role="progressbar"
        aria-labelledby="indexing-heading"
        aria-valuemin={0}
        aria-valuemax={passages}
        aria-valuenow={vectors}
        aria-valuetext={text.progress(vectors, passages)}
      >
        <div class="core-fill" style={{ clipPath: clipTo(passages === 0 ? 0 : vectors / passages) }} />
      </div>
      <p class="indexing-figures figures">
        <span data-testid="indexing-progress">
          {passages > 0 && kind !== "done" && text.progress(vectors, passages)}
        </span>
        <span data-testid="indexing-pace">{pace(indexing)}</span>
      </p>
      {indexing.failure && kind === "failed" && (
        <div role="alert" class="indexing-failure" data-testid="indexing-error">
          <FailureText failure={toFailure(indexing.failure)} />
        </div>
      )}
      <p class="visually-hidden" role="status">
        {spoken}
      </p>
    </section>
  );
}

interface Control {
  readonly label: string;
  readonly testId: string;
  readonly onClick: () => void;
}

/** One button stays where it is and changes what it does, so that it keeps the focus. */
function Controls({ kind, ...props }: IndexingViewProps & { readonly kind: IndexingKind }) {
  const control = controlOf(kind, props);
  return (
    <span class="indexing-controls">
      {control && (
        <button type="button" class="button" onClick={control.onClick} data-testid={control.testId}>
          {control.label}
        </button>
      )}
      {kind === "working" && (
        <button type="button" class="button" title={text.stopTitle} onClick={props.onStop} data-testid="indexing-stop">
          {text.stop}
        </button>
      )}
    </span>
  );
}

function controlOf(kind: IndexingKind, { hasModel, onPause, onResume, onReindex }: IndexingViewProps): Control | null {
  switch (kind) {
    case "working":
      return { label: text.pause, testId: "indexing-pause", onClick: onPause };
    case "paused":
    case "stopped":
      return { label: text.resume, testId: "indexing-resume", onClick: onResume };
    case "failed":
      return { label: text.retry, testId: "indexing-resume", onClick: onResume };
    case "mismatch":
      return hasModel ? { label: text.reindex, testId: "indexing-reindex", onClick: onReindex } : null;
    default:
      return null;
  }
}

function sentence(kind: IndexingKind, { index }: IndexingFacts): string {
  const { passages, vectors, indexing } = index;
  const left = passages - vectors;
  switch (kind) {
    case "empty":
      return text.empty;
    case "splitting":
      return text.splitting;
    case "working":
      return indexing.current === null ? text.working : text.embedding(indexing.current);
    case "starting":
      return text.starting;
    case "waiting":
      return text.waiting(left);
    case "paused":
      return text.paused(left);
    case "stopped":
      return text.stopped(left);
    case "failed":
      return text.failed(left);
    case "mismatch":
      return text.mismatch(passages);
    case "read-only":
      return text.readOnly;
    case "done":
      return indexing.refused > 0 ? text.doneBut(vectors, indexing.refused) : text.done(passages);
  }
}

/** Empty while nothing is at work. */
function pace(indexing: IndexingFacts["index"]["indexing"]): string {
  const rates = indexing.state === "working" ? ratesOf(indexing) : null;
  if (rates === null) return "";
  const left = indexing.remainingMs === null ? [] : [text.remaining(indexing.remainingMs)];
  return [text.passageRate(formatRate(rates.passages)), text.tokenRate(formatRate(rates.tokens)), ...left].join(" · ");
}

/** A code that is none of the library's has no remedy. */
function toFailure({ code, message }: IndexFailure): Failure {
  return { code: ERROR_CODES.find((known) => known === code) ?? null, message };
}
