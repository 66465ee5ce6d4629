/** @file The search box and the questions to start with. */
import type { ComponentChildren, RefObject } from "preact";
import { strings } from "./strings.ts";

/** A question, not a document: every keystroke runs all of it. */
const MAX_QUERY_CHARACTERS = 2000;

interface SearchBoxProps {
  readonly inputRef: RefObject<HTMLInputElement | null>;
  readonly query: string;
  readonly questions: readonly string[];
  readonly onHelp: () => void;
  /** Below the box: how the model is. */
  readonly children: ComponentChildren;
  /** @param askedAtMs - Of the keystroke or click, on the clock of `performance.now()`. */
  readonly onQuery: (query: string, askedAtMs?: number) => void;
}

/** A text box that searches with every keystroke. */
export function SearchBox({ inputRef, query, questions, onQuery, onHelp, children }: SearchBoxProps) {
  const ask = (question: string): void => {
    onQuery(question);
    inputRef.current?.focus();
  };
  return (
    <search class="search">
      <div class="search-field">
        <svg class="search-icon" viewBox="0 0 24 24" aria-hidden="true">
          <circle cx="10.5" cy="10.5" r="6.5" />
          <path d="m15.5 15.5 5 5" />
        </svg>
        <input
          ref={inputRef}
          id="query"
          type="search"
          maxLength={MAX_QUERY_CHARACTERS}
          class="search-input"
          autocomplete="off"
          spellcheck={false}
          enterkeyhint="search"
          placeholder={strings.search.placeholder}
          aria-label={strings.search.label}
          aria-describedby="search-hint"
          aria-keyshortcuts="/"
          value={query}
          onInput={(event) => onQuery(event.currentTarget.value, event.timeStamp)}
          data-testid="search"
        />
        <kbd class="search-key" aria-hidden="true">
          /
        </kbd>
        {query !== "" && (
          <button type="button" class="search-clear" aria-label={strings.search.clear} onClick={() => ask("")}>
            <svg viewBox="0 0 24 24" aria-hidden="true">
              <path d="m7 7 10 10M17 7 7 17" />
            </svg>
          </button>
        )}
      </div>
      <div class="search-below">
        {children}
        <p id="search-hint" class="search-hint keys">
          <span class="visually-hidden">{strings.search.hint}</span>
          <button type="button" class="hit-action" onClick={onHelp} data-testid="show-keys">
            {strings.keys.show}
          </button>
        </p>
      </div>
      <Suggestions query={query} questions={questions} onAsk={ask} />
    </search>
  );
}

interface SuggestionsProps extends Pick<SearchBoxProps, "query" | "questions"> {
  readonly onAsk: (question: string) => void;
}

function Suggestions({ query, questions, onAsk }: SuggestionsProps) {
  return (
    <ul class="chips" aria-label={strings.search.suggested} data-testid="suggested">
      {questions.map((question) => (
        <li key={question}>
          <button type="button" class="chip" aria-pressed={query === question} onClick={() => onAsk(question)}>
            {question}
          </button>
        </li>
      ))}
    </ul>
  );
}
