/** @file What is in the library, document by document. */
import { useMemo, useRef, useState } from "preact/hooks";
import type { DocumentEntry } from "../../src/index.ts";
import { ConfirmButton } from "../confirm-button.tsx";
import { strings } from "../strings.ts";
import { matchDocuments, nameOf, PAGE_SIZE, pageOf, SEARCHED_FROM } from "./document-pages.ts";
import type { LibraryActions } from "./library-actions.ts";

const text = strings.panels.library;

interface DocumentListProps {
  readonly documents: readonly DocumentEntry[];
  /** Every passage has a vector, whatever a list says that was read a moment earlier. */
  readonly isIndexed: boolean;
  readonly canWrite: boolean;
  readonly actions: LibraryActions;
}

/** Closed at first: made only when it is opened. */
export function DocumentList(props: DocumentListProps) {
  const [open, setOpen] = useState(false);
  if (props.documents.length === 0) return null;
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)} data-testid="documents">
      <summary>{text.documents}</summary>
      {open && <OpenList {...props} />}
    </details>
  );
}

function OpenList({ documents, isIndexed, canWrite, actions }: DocumentListProps) {
  const [query, setQuery] = useState("");
  const [wantedPage, setPage] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const matches = useMemo(() => matchDocuments(documents, query), [documents, query]);
  const { entries, page, pages } = pageOf(matches, wantedPage);
  const onRemove = (id: string): void => {
    // The button that has the focus goes.
    list.current?.focus();
    actions.onRemove([id]);
  };
  return (
    <div class="documents">
      {documents.length >= SEARCHED_FROM && (
        <input
          type="search"
          class="text-input"
          placeholder={text.search}
          aria-label={text.search}
          value={query}
          onInput={(event) => {
            setQuery(event.currentTarget.value);
            setPage(0);
          }}
          data-testid="document-search"
        />
      )}
      {matches.length === 0 && <p class="small">{text.noMatch(query)}</p>}
      <ul class="document-list" ref={list} tabIndex={-1} aria-label={text.documents}>
        {entries.map((entry) => (
          <DocumentRow key={entry.id} {...{ entry, isIndexed, canWrite, actions, onRemove }} />
        ))}
      </ul>
      {pages > 1 && <Pager page={page} pages={pages} matches={matches.length} onPage={setPage} />}
    </div>
  );
}

interface DocumentRowProps {
  readonly entry: DocumentEntry;
  readonly isIndexed: boolean;
  readonly canWrite: boolean;
  readonly actions: LibraryActions;
  readonly onRemove: (id: string) => void;
}

function DocumentRow({ entry, isIndexed, canWrite, actions, onRemove }: DocumentRowProps) {
  const name = nameOf(entry);
  const { passages, addedAt } = entry;
  const vectors = isIndexed ? passages : entry.vectors;
  return (
    <li data-testid="document" data-id={entry.id}>
      <button type="button" class="document-name" onClick={() => actions.onOpenDocument(entry.id)}>
        {name}
      </button>
      <span class="small">{text.documentFacts(passages, vectors, addedAt)}</span>
      <ConfirmButton
        label={text.remove}
        // However small, it may be the only copy.
        bytes={Infinity}
        question={text.removeQuestion(name)}
        disabled={!canWrite}
        testId="document-remove"
        onConfirm={() => onRemove(entry.id)}
      />
    </li>
  );
}

interface PagerProps {
  readonly page: number;
  readonly pages: number;
  readonly matches: number;
  readonly onPage: (page: number) => void;
}

function Pager({ page, pages, matches, onPage }: PagerProps) {
  const from = page * PAGE_SIZE;
  return (
    <div class="pager">
      <button type="button" class="button" disabled={page === 0} onClick={() => onPage(page - 1)}>
        {text.previous}
      </button>
      <span class="figures">{text.page(from + 1, Math.min(from + PAGE_SIZE, matches), matches)}</span>
      <button type="button" class="button" disabled={page === pages - 1} onClick={() => onPage(page + 1)}>
        {text.next}
      </button>
    </div>
  );
}
