/** @file The library as one file, what it takes of the disk, and the way to an empty one. */
import { useEffect, useState } from "preact/hooks";
import type { DocumentEntry, SearchIndexStatus } from "../../src/index.ts";
import { ConfirmButton } from "../confirm-button.tsx";
import { PANEL_ID } from "../model-state.ts";
import type { Transfer } from "../state.ts";
import { strings } from "../strings.ts";
import type { LibraryActions } from "./library-actions.ts";
import { handOver, libraryFileName } from "./library-file.ts";

const text = strings.panels.library;

interface TakeAlongProps {
  readonly index: SearchIndexStatus | null;
  readonly documents: readonly DocumentEntry[];
  readonly canWrite: boolean;
  readonly transfer: Transfer | null;
  readonly actions: LibraryActions;
  /** The button that has the focus goes. */
  readonly onCleared: () => void;
}

/** Closed at first. */
export function TakeAlong(props: TakeAlongProps) {
  const [open, setOpen] = useState(false);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)} data-testid="take-along">
      <summary>{text.file}</summary>
      {open && <OpenPart {...props} />}
    </details>
  );
}

function OpenPart({ index, documents, canWrite, transfer, actions, onCleared }: TakeAlongProps) {
  const usage = useStorageUsage(index);
  const onExport = async (): Promise<void> => {
    const file = await actions.onExport();
    if (file) handOver(file, libraryFileName(new Date()));
  };
  return (
    <div class="take-along">
      <p class="small">{text.fileNote}</p>
      <div class="intake-buttons">
        <button
          type="button"
          class="button"
          disabled={documents.length === 0 || transfer !== null}
          onClick={() => void onExport()}
          data-testid="export"
        >
          {text.export}
        </button>
        <OpenFileButton disabled={!canWrite || transfer !== null} onImport={actions.onImport} />
      </div>
      {usage !== null && (
        <p class="small">
          {text.storage(usage)}{" "}
          <a class="link" href={`#${PANEL_ID}`}>
            {text.modelsLink}
          </a>
        </p>
      )}
      {documents.length > 0 && (
        <div>
          <ConfirmButton
            label={text.clear}
            bytes={Infinity}
            question={text.clearQuestion(documents.length)}
            disabled={!canWrite}
            testId="clear"
            onConfirm={() => {
              onCleared();
              actions.onRemove(documents.map(({ id }) => id));
            }}
          />
        </div>
      )}
    </div>
  );
}

function OpenFileButton({ disabled, onImport }: { disabled: boolean; onImport: (file: Blob) => void }) {
  return (
    <span>
      <input
        type="file"
        id="library-file"
        class="visually-hidden"
        disabled={disabled}
        accept=".strata-index"
        data-testid="import"
        onChange={(event) => {
          const input = event.currentTarget;
          const file = input.files?.[0];
          if (file) onImport(file);
          // So that the same file can be chosen again.
          input.value = "";
        }}
      />
      <label for="library-file" class="button" data-disabled={disabled}>
        {text.import}
      </label>
    </span>
  );
}

/** Bytes that the page keeps in this browser, models included; `null` where the browser does not tell. */
function useStorageUsage(index: SearchIndexStatus | null): number | null {
  const [usage, setUsage] = useState<number | null>(null);
  const { documents, vectorBytes } = index ?? { documents: 0, vectorBytes: 0 };
  useEffect(() => {
    let isCurrent = true;
    // Without HTTPS there is none.
    const storage = navigator.storage as StorageManager | undefined;
    storage?.estimate().then(
      (estimate) => isCurrent && setUsage(estimate.usage ?? null),
      () => undefined,
    );
    return () => {
      isCurrent = false;
    };
  }, [documents, vectorBytes]);
  return usage;
}
