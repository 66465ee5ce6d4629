/** @file The page's frame: search on top, answers below, library and machine beside them. */
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { AppAside } from "./app-aside.tsx";
import { DocumentDialog } from "./document-dialog.tsx";
import { FailureCard, ProblemsCard } from "./failure-card.tsx";
import { HelpDialog } from "./help-dialog.tsx";
import { useKeyboard } from "./keyboard.ts";
import { Ground, Logo } from "./logo.tsx";
import { MainColumn } from "./main-column.tsx";
import { ModelPanel } from "./model-panel.tsx";
import { PANEL_ID } from "./model-state.ts";
import { ModelStrip } from "./model-strip.tsx";
import type { Models } from "./models.ts";
import { OfflineIndicator } from "./offline-indicator.tsx";
import type { Offline } from "./offline.ts";
import type { Page } from "./page.ts";
import { RecoveryNotice } from "./recovery-notice.tsx";
import { suggestedQuestions } from "./sample.ts";
import { SearchBox } from "./search-box.tsx";
import type { SettingsProblem } from "./settings.ts";
import { isRecovering, stageOf } from "./state.ts";
import type { OpenedDocument, PageState } from "./state.ts";
import { useStore } from "./store.ts";
import { strings } from "./strings.ts";
import { useAddress } from "./use-address.ts";

interface AppProps {
  readonly page: Page;
  readonly models: Models;
  readonly offline: Offline;
  readonly problems: readonly SettingsProblem[];
}

/** The whole page; with `problems` it asks for a better address and loads nothing. */
export function App({ page, models, offline, problems }: AppProps) {
  const state = useStore(page.store);
  const input = useRef<HTMLInputElement>(null);
  const [help, setHelp] = useState(false);
  useKeyboard(
    input,
    useMemo(() => ({ onClear: () => page.type(""), onHelp: () => setHelp(true) }), [page]),
  );
  const link = usePageAddress(page, state);
  useCatchUp(page);
  const questions = useSuggestions(state);
  const usable = problems.length === 0;
  const stage = usable ? stageOf(state) : "error";
  return (
    <div class="app" data-testid="app" data-state={stage} {...figuresOf(state)}>
      <a class="skip" href="#query">
        {strings.skipToSearch}
      </a>
      <header class="hero">
        <Brand offline={offline} />
        <h1>{strings.title}</h1>
        <p class="lead">{strings.lead}</p>
        {usable && (
          <SearchBox
            inputRef={input}
            query={state.search.question.query}
            questions={questions}
            onQuery={useCallback((query: string, askedAtMs?: number) => page.type(query, askedAtMs), [page])}
            onHelp={useCallback(() => setHelp(true), [])}
          >
            <ModelStrip
              status={state.status}
              load={state.load}
              failure={state.failure}
              onCancel={() => page.cancel()}
            />
          </SearchBox>
        )}
        <Ground />
      </header>
      <main class="columns">
        {usable ? <Model page={page} state={state} /> : <ProblemsCard problems={problems} />}
        {usable && <MainColumn page={page} state={state} link={link} />}
        {usable && <AppAside page={page} offline={offline} state={state} />}
        {usable && <ModelPanel models={models} {...state} />}
      </main>
      <footer class="footer">{strings.footer}</footer>
      {isReadable(state.opened) && <DocumentDialog opened={state.opened} onClose={() => page.closeDocument()} />}
      {help && <HelpDialog onClose={() => setHelp(false)} />}
    </div>
  );
}

function Brand({ offline }: { offline: Offline }) {
  return (
    <>
      <p class="brand">
        <Logo /> {strings.name}
      </p>
      <OfflineIndicator offline={offline} />
    </>
  );
}

function MissedNotice({ missed: { name, why } }: { missed: NonNullable<PageState["missed"]> }) {
  return (
    <p class="card" role="status" data-testid="missed">
      {strings.models.missed[why](name)}{" "}
      <a class="link" href={`#${PANEL_ID}`}>
        {strings.models.change}
      </a>
    </p>
  );
}

/** What went wrong with the model, and what is done about it; nothing while all is well. */
function Model({ page, state }: { page: Page; state: PageState }) {
  const { status, failure, load, missed } = state;
  return (
    <div class="columns-head">
      {missed !== null && <MissedNotice missed={missed} />}
      {failure && <FailureCard failure={failure} wasReady={status !== null} onRetry={() => void page.open()} />}
      {status !== null && failure === null && isRecovering(status) && (
        <RecoveryNotice status={status} load={load} onProcessor={() => page.useDevice("wasm")} />
      )}
    </div>
  );
}

/** A dialog that is still empty would only change its size. */
function isReadable(opened: PageState["opened"]): opened is OpenedDocument {
  return opened !== null && (opened.document !== null || opened.isMissing);
}

/** Questions to the sample libraries that are there. */
function useSuggestions({ libraries, documents }: PageState): readonly string[] {
  return useMemo(() => {
    const present = documents.flatMap(({ metadata }) => metadata["library"] ?? []);
    return suggestedQuestions(libraries, new Set(present.map(String)));
  }, [libraries, documents]);
}

/** @returns The link to what is on the screen. */
function usePageAddress(page: Page, { search, view, opened }: PageState): () => string {
  return useAddress(page, { question: search.question, view, place: opened?.place ?? null });
}

/** Another tab may have changed the library. */
function useCatchUp(page: Page): void {
  useEffect(() => {
    const onVisible = (): void => {
      if (document.visibilityState === "visible") void page.catchUp();
    };
    document.addEventListener("visibilitychange", onVisible);
    return () => document.removeEventListener("visibilitychange", onVisible);
  }, [page]);
}

/** For those who measure: tests and benchmarks read the root's attributes. */
function figuresOf({ index, status }: PageState) {
  return {
    "data-indexed": index?.vectors ?? 0,
    "data-total": index?.passages ?? 0,
    "data-searchable": index?.lexicalReady === true,
    "data-indexing-tokens": index?.indexing.tokens ?? 0,
    "data-indexing-ms": (index?.indexing.elapsedMs ?? 0).toFixed(0),
    "data-device": status?.device.kind,
    "data-activations": status?.device.activations,
    "data-load": status ? JSON.stringify(status.load) : undefined,
  };
}
