/** @file The side column: the library and what goes into it, how vectors are held, and what runs. */
import { useMemo } from "preact/hooks";
import type { Offline } from "./offline.ts";
import type { Page } from "./page.ts";
import { EnginePanel } from "./panels/engine-panel.tsx";
import { IndexingView } from "./panels/indexing-view.tsx";
import { LibraryData } from "./panels/library-data.tsx";
import type { LibraryActions } from "./panels/library-actions.ts";
import { PrecisionPanel } from "./precision-panel.tsx";
import type { PageState } from "./state.ts";

interface AppAsideProps {
  readonly page: Page;
  readonly offline: Offline;
  readonly state: PageState;
}

/** Under the results on a phone. */
export function AppAside({ page, offline, state }: AppAsideProps) {
  const { index, status, search } = state;
  const actions = useMemo(() => actionsOf(page), [page]);
  return (
    <aside class="column-side">
      <LibraryData {...state} actions={actions}>
        <Indexing page={page} state={state} />
      </LibraryData>
      {index && (
        <PrecisionPanel
          index={index}
          wanted={state.vectorView}
          onConfigure={(view) => page.configure(view)}
          measure={async () => (await page.index?.measure()) ?? null}
        />
      )}
      {status && (
        <EnginePanel
          status={status}
          timings={search.answer?.result.timings ?? null}
          latency={page.latency()}
          index={index}
          offline={offline}
          onRetryGpu={() => page.useDevice("auto")}
        />
      )}
    </aside>
  );
}

/** Of one height, also before the library is open. */
function Indexing({ page, state }: Pick<AppAsideProps, "page" | "state">) {
  const { index, status, arriving, stopped, mismatch } = state;
  if (index === null) return <div class="indexing-view-room" />;
  return (
    <IndexingView
      index={index}
      hasModel={status !== null}
      arriving={arriving}
      stopped={stopped}
      mismatch={mismatch}
      onPause={() => page.pause()}
      onResume={() => page.resume()}
      onStop={() => page.stop()}
      onReindex={() => void page.reindex()}
    />
  );
}

function actionsOf(page: Page): LibraryActions {
  return {
    onCollected: (collected) => void page.addCollected(collected),
    onOpenDocument: (documentId) => void page.openDocument({ documentId, start: 0, end: 0 }),
    onRemove: (ids) => void page.removeDocuments(ids),
    onAddSample: (id) => void page.addSampleLibrary(id),
    onExport: () => page.exportLibrary(),
    onImport: (file) => void page.importLibrary(file),
    onPassages: (passages) => void page.split(passages),
  };
}
