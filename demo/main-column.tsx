/** @file The main column: how it is searched, and what was found, as a list or on a map. */
import { useMemo } from "preact/hooks";
import type { View } from "./address.ts";
import { MapPlaces } from "./map-places.ts";
import { MapTab } from "./map-tab.tsx";
import type { Page } from "./page.ts";
import type { CardActions } from "./result-card.tsx";
import { ResultList } from "./result-list.tsx";
import { ResultsHead } from "./results-head.tsx";
import { SearchTools } from "./search-tools.tsx";
import type { PageState } from "./state.ts";
import { strings } from "./strings.ts";

const VIEWS: readonly View[] = ["results", "map"];

interface MainColumnProps {
  readonly page: Page;
  readonly state: PageState;
  /** The link to what is on the screen. */
  readonly link: () => string;
}

/** Tools, head and tabs are of one height, so that nothing below them moves. */
export function MainColumn({ page, state, link }: MainColumnProps) {
  const { search, documents, view } = state;
  const actions = useMemo(() => actionsOf(page), [page]);
  const places = useMemo(() => new MapPlaces(page), [page]);
  return (
    <div class="column-main">
      <SearchTools question={search.question} documents={documents} onChange={(change) => page.ask(change)} />
      <section class="found" aria-labelledby="results-heading">
        <h2 id="results-heading" class="visually-hidden">
          {strings.results.heading}
        </h2>
        <Tabs view={view} onShow={(next) => page.show(next)} />
        <div id={`panel-${view}`} role="tabpanel" aria-labelledby={`tab-${view}`}>
          <ResultsHead {...state} link={link} snippet={() => page.snippet()} onBack={() => page.ask({ like: null })} />
          {view === "map" ? (
            <MapTab places={places} state={state} />
          ) : (
            <ResultList {...state} actions={actions} onWords={() => page.ask({ mode: "lexical" })} />
          )}
        </div>
      </section>
    </div>
  );
}

function actionsOf(page: Page): CardActions {
  return {
    onLike: ({ documentId, passage }) => page.ask({ like: { documentId, passage } }),
    onOpen: ({ documentId, start, end, terms }) => void page.openDocument({ documentId, start, end }, terms),
    findWithin: ({ documentId }) => page.searchWithin(documentId),
  };
}

/** Arrow keys go from tab to tab, as everywhere. */
function Tabs({ view, onShow }: { view: View; onShow: (view: View) => void }) {
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const next = VIEWS.find((name) => name !== view)!;
    onShow(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={strings.results.tabs} onKeyDown={onKeyDown}>
      {VIEWS.map((name) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`tab-${name}`}
          class="tab"
          aria-selected={name === view}
          aria-controls={`panel-${view}`}
          tabIndex={name === view ? 0 : -1}
          data-testid={`tab-${name}`}
          onClick={() => onShow(name)}
        >
          {strings.results[name]}
        </button>
      ))}
    </div>
  );
}
