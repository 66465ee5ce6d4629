/** @file Above the results: what they are, how they were found, and how to take the search along. */
import { CopyButtons } from "./copy-buttons.tsx";
import type { CopyButtonsProps } from "./copy-buttons.tsx";
import { percent } from "./format.ts";
import type { PageState } from "./state.ts";
import { strings } from "./strings.ts";

const text = strings.results;

type Shown = Pick<PageState, "search" | "status" | "load" | "mismatch">;

interface ResultsHeadProps extends Shown, Pick<PageState, "documents">, CopyButtonsProps {
  readonly onBack: () => void;
}

/** Of one height, with and without results. */
export function ResultsHead({ documents, onBack, link, snippet, ...shown }: ResultsHeadProps) {
  const { search } = shown;
  const { question, answer } = search;
  const hits = answer?.result.hits.length ?? 0;
  const kind = badgeKind(search);
  const likeTitle = documents.find(({ id }) => id === question.like?.documentId)?.title ?? null;
  return (
    <div class="results-head">
      <div class="results-line">
        <span class="badge" data-testid="badge" data-kind={kind}>
          {badgeText(shown)}
        </span>
        <span class="figures">{answer !== null && hits > 0 && text.found(hits, answer.result.considered)}</span>
        <CopyButtons link={link} snippet={snippet} />
      </div>
      {question.like && (
        <p class="like-line" data-testid="like">
          <span>{likeTitle === null ? text.likeUntitled : text.likeState(likeTitle)}</span>
          <button type="button" class="hit-action" onClick={onBack}>
            {text.back}
          </button>
        </p>
      )}
    </div>
  );
}

/** `words`: less than was asked for. */
function badgeKind({ question, answer }: PageState["search"]): "idle" | "words" | "whole" {
  if (answer === null) return "idle";
  return answer.result.mode === "lexical" && question.mode !== "lexical" ? "words" : "whole";
}

function badgeText({ search, status, load, mismatch }: Shown): string {
  const { question, answer } = search;
  if (answer === null) return text.badgeIdle;
  const { mode } = answer.result;
  if (answer.question.like !== null) return text.badgeLike;
  if (mode !== "lexical" || question.mode === "lexical") return text.badge(mode);
  if (mismatch) return text.badgeMismatch;
  if (status !== null) return answer.isFinal ? text.badge(mode) : text.badgeStandIn;
  if (!load || load.totalBytes === 0) return text.badgeWaiting;
  return text.badgeLoading(percent(load.loadedBytes / load.totalBytes).replace(/\.\d/, ""));
}
