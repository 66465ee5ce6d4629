/** @file What stands in place of results when there are none, and why there are none. */
import { isBlank } from "./question.ts";
import type { PageState } from "./state.ts";
import { strings } from "./strings.ts";

interface ResultNothingProps extends Pick<PageState, "search" | "index" | "arriving"> {
  readonly hasModel: boolean;
  /** The visitor does not want to wait for the model. */
  readonly onWords: () => void;
}

/** As high as a few results. */
export function ResultNothing({ onWords, ...now }: ResultNothingProps) {
  const { title, text, isWaiting } = nothing(now);
  return (
    <div class="nothing" data-testid="nothing">
      <p class="nothing-title">{title}</p>
      <p>{text}</p>
      {isWaiting && (
        <button type="button" class="button" onClick={onWords}>
          {strings.results.waitingAction}
        </button>
      )}
    </div>
  );
}

interface Nothing {
  readonly title: string;
  readonly text: string;
  /** For a model, though words could be searched. */
  readonly isWaiting?: boolean;
}

function nothing({ search, index, arriving, hasModel }: Omit<ResultNothingProps, "onWords">): Nothing {
  const { question, answer } = search;
  const text = strings.results;
  if (isBlank(question)) return { title: text.emptyTitle, text: text.empty };
  if (index === null) return { title: text.soonTitle, text: text.soon };
  if (answer === null && question.mode === "semantic" && !hasModel)
    return { title: text.waitingTitle, text: text.waiting, isWaiting: true };
  if (answer === null) return { title: text.soonTitle, text: "" };
  if (arriving > 0) return { title: text.soonTitle, text: text.arriving };
  if (index.documents === 0) return { title: text.noPassagesTitle, text: text.noPassages };
  if (Object.keys(answer.question.filters).length > 0) return { title: text.noneTitle, text: text.noneFiltered };
  if (answer.question.like !== null) return { title: text.noneTitle, text: text.noneLike };
  if (answer.result.mode === "lexical" && question.mode !== "lexical")
    return { title: text.noWordsTitle, text: text.noWords };
  if (question.mode === "lexical") return { title: text.noneWordsTitle, text: text.noneWords(answer.question.query) };
  return { title: text.noneTitle, text: text.none(answer.question.query) };
}
