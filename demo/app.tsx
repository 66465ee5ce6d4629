/** @file The page's frame: search on top, answers below, library and machine beside them. */
import { useCallback, useRef } from "preact/hooks";
import { FailureCard, ProblemsCard } from "./failure-card.tsx";
import { useKeyboard } from "./keyboard.ts";
import { LibraryPanel } from "./library-panel.tsx";
import { LoadCard } from "./load-progress.tsx";
import { ModelPanel } from "./model-panel.tsx";
import { PANEL_ID } from "./model-state.ts";
import type { Models } from "./models.ts";
import { Ground, Logo } from "./logo.tsx";
import { OfflineIndicator } from "./offline-indicator.tsx";
import type { Offline } from "./offline.ts";
import type { Page } from "./page.ts";
import { RecoveryNotice } from "./recovery-notice.tsx";
import { ResultList } from "./result-list.tsx";
import { SearchBox } from "./search-box.tsx";
import type { SettingsProblem } from "./settings.ts";
import { isRecovering, stageOf } from "./state.ts";
import type { PageState } from "./state.ts";
import { StatusPanel } from "./status-panel.tsx";
import { useStore } from "./store.ts";
import { strings } from "./strings.ts";

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
  const onQuery = useCallback((query: string) => page.type(query), [page]);
  const onFiles = useCallback((files: FileList) => void page.addFiles([...files]), [page]);
  useKeyboard(
    input,
    useCallback(() => page.type(""), [page]),
  );
  const usable = problems.length === 0;
  const stage = usable ? stageOf(state) : "error";
  return (
    <div class="app" data-testid="app" data-state={stage} {...indexingFigures(state)}>
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
            query={state.search.query}
            questions={state.sample?.questions ?? []}
            waiting={state.status === null || isRecovering(state.status)}
            onQuery={onQuery}
          />
        )}
        <Ground />
      </header>
      <main class="columns">
        <div class="column-main">
          {state.missed !== null && <MissedNotice missed={state.missed} />}
          {usable ? <Model page={page} state={state} /> : <ProblemsCard problems={problems} />}
          {state.status && <ResultList search={state.search} indexing={state.indexing} />}
        </div>
        <aside class="column-side" hidden={!usable}>
          <LibraryPanel
            {...state}
            ready={state.status !== null && state.failure === null}
            onPause={() => page.pause()}
            onResume={() => page.resume()}
            onFiles={onFiles}
          />
          {state.status && (
            <StatusPanel
              status={state.status}
              search={state.search}
              latency={page.latency()}
              onRetryGpu={() => page.useDevice("auto")}
            />
          )}
        </aside>
        {usable && <ModelPanel models={models} {...state} />}
      </main>
      <footer class="footer">{strings.footer}</footer>
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

/** Loading, loading again, or what went wrong; nothing once all is well. */
function Model({ page, state }: { page: Page; state: PageState }) {
  const { status, failure, load } = state;
  if (failure) {
    return <FailureCard failure={failure} wasReady={status !== null} onRetry={() => void page.open()} />;
  }
  if (status === null) return <LoadCard load={load} downloads={state.downloads} onCancel={() => page.cancel()} />;
  return isRecovering(status) ? (
    <RecoveryNotice status={status} load={load} onProcessor={() => page.useDevice("wasm")} />
  ) : null;
}

/** For those who measure: tests and benchmarks read the root's attributes. */
function indexingFigures({ indexing, status }: PageState) {
  const { done, total, run } = indexing;
  return {
    "data-indexed": done,
    "data-total": total,
    "data-indexing-tokens": run.tokens,
    "data-indexing-ms": run.elapsedMs.toFixed(0),
    "data-device": status?.device.kind,
    "data-activations": status?.device.activations,
    "data-load": status ? JSON.stringify(status.load) : undefined,
  };
}
