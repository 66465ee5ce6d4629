/** @file Ranked passages as cards, and what stands there when there are none. */
import type { TargetedFocusEvent } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { DocumentEntry } from "../src/index.ts";
import { FailureText } from "./failure-card.tsx";
import { usePaintClock } from "./paint-clock.ts";
import { keyOf } from "./question.ts";
import { bestBm25Of, ResultCard } from "./result-card.tsx";
import type { CardActions } from "./result-card.tsx";
import { ResultNothing } from "./result-nothing.tsx";
import type { Answer, PageState, SearchState } from "./state.ts";
import { strings } from "./strings.ts";

/** Screen readers hear of results once the typing pauses. */
const ANNOUNCE_DELAY_MS = 700;

interface ResultListProps extends Pick<PageState, "search" | "index" | "arriving" | "documents" | "status"> {
  readonly actions: CardActions;
  readonly onWords: () => void;
}

/** The answers to the last question; timings as data attributes, for those who measure. */
export function ResultList({ search, index, arriving, documents, status, actions, onWords }: ResultListProps) {
  const { answer, ...focusHandlers } = useSteadyAnswer(search);
  const [expanded, setExpanded] = useState<readonly number[]>([]);
  const list = usePaintClock(search.answer);
  const passages = usePassageCounts(documents);
  const onToggle = (id: number): void =>
    setExpanded(expanded.includes(id) ? expanded.filter((other) => other !== id) : [...expanded, id]);
  const hits = answer?.result.hits ?? [];
  const bestBm25 = answer ? bestBm25Of(answer.result) : 0;
  return (
    <div class="results" {...focusHandlers}>
      {search.failure && (
        <div class="card failure" role="alert" data-testid="search-error" data-code={search.failure.code ?? ""}>
          <h3>{strings.failure.search}</h3>
          <FailureText failure={search.failure} />
        </div>
      )}
      <ol ref={list} class="hits" aria-labelledby="results-heading" data-testid="results" {...figuresOf(search.answer)}>
        {hits.map((hit, at) => (
          // Keyed by rank: when the order changes, texts change places and no card moves.
          <ResultCard
            key={at}
            hit={hit}
            rank={at + 1}
            bestBm25={bestBm25}
            further={answer?.question.bestOnly ? (passages.get(hit.documentId) ?? 1) - 1 : 0}
            expanded={expanded.includes(hit.passageId)}
            onToggle={onToggle}
            actions={actions}
          />
        ))}
      </ol>
      {hits.length === 0 && search.failure === null && (
        <ResultNothing {...{ search, index, arriving, onWords }} hasModel={status !== null} />
      )}
      <Announcer answer={answer} />
    </div>
  );
}

function usePassageCounts(documents: readonly DocumentEntry[]): ReadonlyMap<string, number> {
  return useMemo(() => new Map(documents.map(({ id, passages }) => [id, passages])), [documents]);
}

/** Only what is final counts as the answer; words that stand in for it are told apart by `data-shown`. */
function figuresOf(answer: Answer | null) {
  const { timings, mode } = answer?.result ?? {};
  return {
    "data-query": answer?.isFinal ? answer.question.query : "",
    "data-shown": answer?.question.query,
    "data-mode": mode,
    "data-total-ms": timings?.totalMs.toFixed(1),
    "data-embed-ms": timings?.embedMs.toFixed(1),
    "data-scan-ms": timings?.scanMs.toFixed(1),
    "data-lexical-ms": timings?.lexicalMs.toFixed(1),
    "data-read-ms": timings?.readMs.toFixed(1),
  };
}

/** Nothing moves while the keyboard is among the results; what has changed meanwhile shows when it leaves. */
function useSteadyAnswer({ answer }: SearchState) {
  const [reading, setReading] = useState(false);
  const shown = useRef(answer);
  const isOther = (): boolean =>
    shown.current === null || answer === null || keyOf(shown.current.question) !== keyOf(answer.question);
  if (!reading || isOther()) shown.current = answer;
  return {
    answer: shown.current,
    onFocusIn: () => setReading(true),
    onFocusOut: (event: TargetedFocusEvent<HTMLElement>) =>
      setReading(event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget)),
  };
}

function Announcer({ answer }: { answer: Answer | null }) {
  const [announced, setAnnounced] = useState("");
  const text = announcementOf(answer);
  useEffect(() => {
    const timer = setTimeout(() => setAnnounced(text), ANNOUNCE_DELAY_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <p class="visually-hidden" role="status">
      {announced}
    </p>
  );
}

function announcementOf(answer: Answer | null): string {
  const best = answer?.result.hits[0];
  if (!answer || !best) return "";
  const { question, result } = answer;
  const title = best.title ?? strings.results.untitled;
  return question.like
    ? strings.results.announceLike(result.hits.length, title)
    : strings.results.announce(result.hits.length, question.query, title);
}
