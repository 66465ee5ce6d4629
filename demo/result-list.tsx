/** @file Ranked passages as cards, and what stands there when there are none. */
import type { TargetedFocusEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { FailureText } from "./failure-card.tsx";
import { percent } from "./format.ts";
import { RESULT_TOGGLE } from "./keyboard.ts";
import type { Hit, IndexingState, PageState, SearchState } from "./state.ts";
import { strings } from "./strings.ts";

/** Screen readers hear of results once the typing pauses. */
const ANNOUNCE_DELAY_MS = 700;

/** The answers to the last query; timings as data attributes, for those who measure. */
export function ResultList({ search, indexing }: Pick<PageState, "search" | "indexing">) {
  const { answered, timings, failure } = search;
  const { hits, ...focusHandlers } = useSteadyHits(search);
  const [expanded, setExpanded] = useState<readonly string[]>([]);
  const onToggle = (id: string): void =>
    setExpanded(expanded.includes(id) ? expanded.filter((other) => other !== id) : [...expanded, id]);
  return (
    <section class="results" aria-labelledby="results-heading" {...focusHandlers}>
      <div class="results-head">
        <h2 id="results-heading">{strings.results.heading}</h2>
        <p class="figures">{hits.length > 0 && strings.results.found(hits.length, indexing.done)}</p>
      </div>
      {failure && (
        <div class="card failure" role="alert" data-testid="search-error" data-code={failure.code ?? ""}>
          <h3>{strings.failure.search}</h3>
          <FailureText failure={failure} />
        </div>
      )}
      <ol
        class="hits"
        data-testid="results"
        data-query={answered ?? ""}
        data-total-ms={timings?.totalMs.toFixed(1)}
        data-tokenize-ms={timings?.tokenizeMs.toFixed(1)}
        data-run-ms={timings?.runMs.toFixed(1)}
        data-pool-ms={timings?.poolMs.toFixed(1)}
        data-search-ms={timings?.searchMs.toFixed(1)}
      >
        {hits.map((hit, index) => (
          // Keyed by rank: when the order changes, texts change places and no card moves.
          <Card
            key={index}
            hit={hit}
            rank={index + 1}
            expanded={expanded.includes(hit.passage.id)}
            onToggle={onToggle}
          />
        ))}
      </ol>
      {hits.length === 0 && <Nothing answered={answered} indexing={indexing} />}
      <Announcer hits={hits} answered={answered} />
    </section>
  );
}

/** Nothing moves while the keyboard is among the results; what has changed meanwhile shows when it leaves. */
function useSteadyHits(search: SearchState) {
  const [reading, setReading] = useState(false);
  const shown = useRef(search);
  if (!reading || shown.current.answered !== search.answered) shown.current = search;
  return {
    hits: shown.current.hits,
    onFocusIn: () => setReading(true),
    onFocusOut: (event: TargetedFocusEvent<HTMLElement>) =>
      setReading(event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget)),
  };
}

interface CardProps {
  readonly hit: Hit;
  readonly rank: number;
  readonly expanded: boolean;
  readonly onToggle: (id: string) => void;
}

function Card({ hit, rank, expanded, onToggle }: CardProps) {
  const { passage, score } = hit;
  const textId = `text-${rank}`;
  const scoreText = score.toFixed(3);
  return (
    <li class="card hit" data-testid="result" data-id={passage.id} data-rank={rank} data-score={score.toFixed(6)}>
      <span class="hit-rank" aria-label={strings.results.rank(rank)}>
        {rank}
      </span>
      <div class="hit-body">
        <h3 class="hit-title">
          <button
            type="button"
            class={RESULT_TOGGLE}
            aria-expanded={expanded}
            aria-controls={textId}
            onClick={() => onToggle(passage.id)}
          >
            {passage.title}
          </button>
        </h3>
        <p class="hit-subject">{passage.subject}</p>
        <p class="hit-text" id={textId} data-expanded={expanded}>
          {passage.text}
        </p>
      </div>
      <div class="hit-score" role="img" aria-label={strings.results.score(scoreText)}>
        <span class="figures">{scoreText}</span>
        <span class="score-track">
          <span class="score-fill" style={{ width: percent(score) }} />
        </span>
      </div>
    </li>
  );
}

function Nothing({ answered, indexing }: { answered: string | null; indexing: IndexingState }) {
  const [title, text] = nothing(answered, indexing);
  return (
    <div class="nothing" data-testid="nothing">
      <p class="nothing-title">{title}</p>
      <p>{text}</p>
    </div>
  );
}

function nothing(answered: string | null, { done, total }: IndexingState): readonly [string, string] {
  if (answered === null) return [strings.results.emptyTitle, strings.results.empty];
  if (total === 0) return [strings.results.noPassagesTitle, strings.results.noPassages];
  if (done === 0) return [strings.results.soonTitle, strings.results.soon];
  return [strings.results.noneTitle, strings.results.none(answered)];
}

function Announcer({ hits, answered }: { hits: readonly Hit[]; answered: string | null }) {
  const [announced, setAnnounced] = useState("");
  const best = hits[0]?.passage.title;
  const text = answered !== null && best ? strings.results.announce(hits.length, answered, best) : "";
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
