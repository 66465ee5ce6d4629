/** @file What is in the library, how far the indexing is, and the way to add files. */
import { useEffect, useState } from "preact/hooks";
import { FailureText } from "./failure-card.tsx";
import { clipTo } from "./format.ts";
import { TEXT_EXTENSIONS } from "./import-files.ts";
import type { ImportReport, IndexingState, PageState } from "./state.ts";
import { strings } from "./strings.ts";

interface LibraryPanelProps extends Pick<PageState, "indexing" | "sample" | "imports"> {
  /** Whether a model is loaded. */
  readonly ready: boolean;
  readonly onPause: () => void;
  readonly onResume: () => void;
  readonly onFiles: (files: FileList) => void;
}

/** Passages, progress, import. */
export function LibraryPanel(props: LibraryPanelProps) {
  const { indexing, sample, imports, ready } = props;
  return (
    <section class="card panel" aria-labelledby="library-heading" data-testid="library">
      <div class="card-head">
        <h2 id="library-heading">{strings.library.heading}</h2>
        {ready && indexing.done < indexing.total ? (
          <button type="button" class="button" onClick={indexing.working ? props.onPause : props.onResume}>
            {indexing.working ? strings.library.pause : strings.library.resume}
          </button>
        ) : (
          <span class="figures">{strings.library.passages(indexing.done)}</span>
        )}
      </div>
      <Progress indexing={indexing} ready={ready} />
      {indexing.failure && (
        <div role="alert" data-testid="indexing-error">
          <FailureText failure={indexing.failure} />
        </div>
      )}
      {sample?.failure && (
        <p class="failure-message" role="alert" data-testid="sample-error">
          {strings.library.samplesFailed(sample.failure)}
        </p>
      )}
      <DropZone onFiles={props.onFiles} />
      <Imports imports={imports} />
      {sample?.licence && <p class="small">{strings.library.licence(sample.licence)}</p>}
    </section>
  );
}

function Progress({ indexing, ready }: Pick<LibraryPanelProps, "indexing" | "ready">) {
  const { done, total } = indexing;
  return (
    <div class="indexing">
      <div
        class="core core-thin"
        role="progressbar"
        aria-labelledby="library-heading"
        aria-valuemin={0}
        aria-valuemax={total}
        aria-valuenow={done}
        aria-valuetext={describe(indexing, ready)}
      >
        <div class="core-fill" style={{ clipPath: clipTo(total === 0 ? 0 : done / total) }} />
      </div>
      <p class="indexing-line" data-testid="indexing">
        {describe(indexing, ready)}
      </p>
      <p class="indexing-line figures">{pace(indexing)}</p>
    </div>
  );
}

function describe({ done, total, run, working }: IndexingState, ready: boolean): string {
  if (working) return strings.library.indexing(done, total);
  if (total === 0) return strings.library.none;
  if (!ready) return strings.library.waiting;
  return done < total ? strings.library.paused(total - done) : strings.library.indexed(run.passages, run.elapsedMs);
}

function pace({ run, remainingMs }: IndexingState): string {
  const rate = run.elapsedMs > 0 ? strings.library.rate((run.tokens / run.elapsedMs) * 1000) : "";
  return [rate, remainingMs === null ? "" : strings.library.remaining(remainingMs)].filter(Boolean).join(", ");
}

function DropZone({ onFiles }: { onFiles: (files: FileList) => void }) {
  const dragging = useFileDrop(onFiles);
  return (
    <div class="drop" data-dragging={dragging}>
      <h3>{strings.import.heading}</h3>
      <p>
        {dragging ? strings.import.dropNow : strings.import.drop} {strings.import.or}{" "}
        <input
          type="file"
          id="files"
          class="visually-hidden"
          multiple
          accept={TEXT_EXTENSIONS.join(",")}
          data-testid="files"
          onChange={(event) => {
            const input = event.currentTarget;
            if (input.files) onFiles(input.files);
            // So that the same file can be chosen again.
            input.value = "";
          }}
        />
        <label for="files" class="link">
          {strings.import.choose}
        </label>
      </p>
      <p class="small">{strings.import.kinds}</p>
    </div>
  );
}

/** Takes files dropped anywhere on the page; true while some are held over it. */
function useFileDrop(onFiles: (files: FileList) => void): boolean {
  const [dragging, setDragging] = useState(false);
  useEffect(() => {
    const onDrag = (event: DragEvent): void => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      // The model panel takes folders itself.
      if (event.target instanceof Element && event.target.closest("[data-takes-folders]")) return setDragging(false);
      // Without this the browser would leave the page and open the file.
      event.preventDefault();
      // Leaving one element for another fires too; only leaving the window has nowhere to go to.
      setDragging(event.type === "dragover" || (event.type === "dragleave" && event.relatedTarget !== null));
      if (event.type === "drop") onFiles(event.dataTransfer.files);
    };
    const events = ["dragover", "dragleave", "drop"] as const;
    for (const name of events) window.addEventListener(name, onDrag);
    return () => {
      for (const name of events) window.removeEventListener(name, onDrag);
    };
  }, [onFiles]);
  return dragging;
}

function Imports({ imports }: { imports: readonly ImportReport[] }) {
  return (
    <ul class="imports" role="status" aria-label={strings.import.list} data-testid="imports">
      {imports.map(({ name, outcome }, index) => (
        <li key={imports.length - index} data-added={typeof outcome === "number"}>
          <span class="import-name">{name}</span>
          <span class="small">
            {typeof outcome === "number"
              ? strings.import.added(outcome)
              : `${strings.import.notAdded}: ${strings.import.refused(outcome)}`}
          </span>
        </li>
      ))}
    </ul>
  );
}
