/** @file One hit: quote, where it stands, how near it is, and where to go from it. */
import { useMemo, useState } from "preact/hooks";
import { bestExcerpt, findMatches } from "../src/index.ts";
import type { SearchHit, SearchResult } from "../src/index.ts";
import { percent } from "./format.ts";
import { Highlighted } from "./highlighted.tsx";
import { RESULT_TOGGLE } from "./keyboard.ts";
import type { Facet } from "./question.ts";
import type { Span } from "./spans.ts";
import { strings } from "./strings.ts";

const text = strings.results;

/** Three lines on a wide screen, and a little more for phones to cut. */
const EXCERPT_CHARACTERS = 300;

/** What is said of where a document comes from. */
const SHELF: readonly Facet[] = ["library", "work", "subject", "source"];

/** Of a document's other passages; the document itself has the rest. */
const MAX_FURTHER = 4;

/** Where a card leads. */
export interface CardActions {
  onLike(hit: SearchHit): void;
  onOpen(hit: SearchHit): void;
  /** More passages of the hit's document. */
  findWithin(hit: SearchHit): Promise<readonly SearchHit[]>;
}

interface CardProps {
  readonly hit: SearchHit;
  readonly rank: number;
  /** Highest BM25 score of the list; 0 where no word matched. */
  readonly bestBm25: number;
  /** Further passages of the document, where one stands for all; else 0. */
  readonly further: number;
  readonly expanded: boolean;
  readonly onToggle: (passageId: number) => void;
  readonly actions: CardActions;
}

/** A list item. */
export function ResultCard({ hit, rank, bestBm25, further, expanded, onToggle, actions }: CardProps) {
  const textId = `text-${rank}`;
  const title = hit.title ?? text.untitled;
  return (
    <li
      class="card hit"
      data-testid="result"
      data-id={hit.documentId}
      data-passage={hit.passageId}
      data-rank={rank}
      data-score={hit.score.toFixed(6)}
    >
      <span class="hit-rank" aria-label={text.rank(rank)}>
        {rank}
      </span>
      <div class="hit-body">
        <h3 class="hit-title">
          <button
            type="button"
            class={RESULT_TOGGLE}
            aria-expanded={expanded}
            aria-controls={textId}
            onClick={() => onToggle(hit.passageId)}
          >
            <bdi>{title}</bdi>
          </button>
        </h3>
        <p class="hit-subject">{trailOf(hit)}</p>
        <Quote hit={hit} id={textId} expanded={expanded} />
        <p class="hit-actions">
          <button type="button" class="hit-action" data-action="like" onClick={() => actions.onLike(hit)}>
            {text.like}
            <span class="visually-hidden">: {title}</span>
          </button>
          <button type="button" class="hit-action" data-action="open" onClick={() => actions.onOpen(hit)}>
            {text.open}
            <span class="visually-hidden">: {title}</span>
          </button>
        </p>
        {further > 0 && <Further key={hit.passageId} hit={hit} count={further} actions={actions} />}
      </div>
      <Nearness hit={hit} bestBm25={bestBm25} />
    </li>
  );
}

/** Shelf, book, chapter: metadata first, then the headings above the passage. */
function trailOf({ metadata, section, title }: SearchHit): string {
  const shelf = SHELF.map((facet) => metadata[facet]);
  const parts = [...shelf, ...section].filter((part) => typeof part === "string" && part !== "" && part !== title);
  return [...new Set(parts)].join(" › ");
}

/** Three lines around what matched, or all of the passage. */
function Quote({ hit, id, expanded }: { hit: SearchHit; id: string; expanded: boolean }) {
  const { quote, spans } = useMemo(() => quoteOf(hit, expanded), [hit, expanded]);
  return (
    <p class="hit-text" id={id} dir="auto" data-expanded={expanded}>
      <Highlighted text={quote} spans={spans} />
    </p>
  );
}

function quoteOf(hit: SearchHit, whole: boolean): { readonly quote: string; readonly spans: readonly Span[] } {
  if (whole) return { quote: hit.text, spans: findMatches(hit.text, hit.terms) };
  const quote = excerptOf(hit);
  return { quote, spans: findMatches(quote, hit.terms) };
}

/** The part of the passage where most of the matched words are, with dots where it goes on. */
export function excerptOf({ text: passage, terms }: Pick<SearchHit, "text" | "terms">): string {
  const { start, end } = bestExcerpt(passage, terms, EXCERPT_CHARACTERS);
  const quote = passage.slice(start, end).trim();
  return `${start > 0 ? "… " : ""}${quote}${end < passage.length ? " …" : ""}`;
}

/** Cosine where meaning was compared; else words, against the hit with the best match of words. */
function Nearness({ hit: { cosine, bm25 }, bestBm25 }: Pick<CardProps, "hit" | "bestBm25">) {
  const share = cosine ?? (bestBm25 > 0 ? (bm25 ?? 0) / bestBm25 : 0);
  const figure = cosine === null ? percent(share).replace(/\.\d/, "") : cosine.toFixed(3);
  const label = cosine === null ? text.words(figure) : text.cosine(figure);
  return (
    <div class="hit-score" role="img" aria-label={label} title={label}>
      <span class="figures">{figure}</span>
      <span class="score-track" data-kind={cosine === null ? "words" : "meaning"}>
        <span class="score-fill" style={{ width: percent(share) }} />
      </span>
    </div>
  );
}

interface FurtherProps {
  readonly hit: SearchHit;
  readonly count: number;
  readonly actions: CardActions;
}

/** Opens a list of the document's other passages that come near. */
function Further({ hit, count, actions }: FurtherProps) {
  const [found, setFound] = useState<readonly SearchHit[] | null>(null);
  const onToggle = async (): Promise<void> => {
    if (found !== null) return setFound(null);
    const all = await actions.findWithin(hit);
    setFound(all.filter(({ passageId }) => passageId !== hit.passageId).slice(0, MAX_FURTHER));
  };
  return (
    <div class="further">
      <button type="button" class="hit-action" aria-expanded={found !== null} onClick={() => void onToggle()}>
        {found === null ? text.more(count) : text.fewer}
      </button>
      {found !== null && (
        <ul aria-label={text.within}>
          {found.map((other) => (
            <li key={other.passageId}>
              <button type="button" class="further-passage" onClick={() => actions.onOpen(other)}>
                <span class="figures">{other.section.at(-1) ?? ""}</span>
                <Highlighted text={excerptOf(other)} spans={findMatches(excerptOf(other), other.terms)} />
              </button>
            </li>
          ))}
          {found.length === 0 && <li class="small">{text.noneWithin}</li>}
        </ul>
      )}
    </div>
  );
}

/** Highest BM25 score among hits; 0 where no word matched. */
export function bestBm25Of({ hits }: Pick<SearchResult, "hits">): number {
  return hits.reduce((best, { bm25 }) => Math.max(best, bm25 ?? 0), 0);
}
