/** @file Libraries that come with the page, each to be taken in or let go. */
import type { DocumentEntry } from "../../src/index.ts";
import type { SampleLibrary } from "../sample.ts";
import { strings } from "../strings.ts";
import type { LibraryActions } from "./library-actions.ts";

const text = strings.panels.library;

interface SampleCardsProps {
  readonly libraries: readonly SampleLibrary[];
  readonly documents: readonly DocumentEntry[];
  readonly canWrite: boolean;
  /** Title of the one that is being taken in. */
  readonly busyName: string | null;
  readonly actions: LibraryActions;
}

/** Nothing where none are offered. */
export function SampleCards({ libraries, documents, canWrite, busyName, actions }: SampleCardsProps) {
  if (libraries.length === 0) return null;
  return (
    <div class="samples" data-testid="samples">
      <h3>{text.samples}</h3>
      <p class="small">{text.samplesNote}</p>
      <ul>
        {libraries.map((library) => (
          <SampleCard
            key={library.id}
            library={library}
            own={documents.filter(({ metadata }) => metadata["library"] === library.title).map(({ id }) => id)}
            disabled={!canWrite || busyName === library.title}
            actions={actions}
          />
        ))}
      </ul>
    </div>
  );
}

interface SampleCardProps {
  readonly library: SampleLibrary;
  /** Ids of its documents that are in the library. */
  readonly own: readonly string[];
  readonly disabled: boolean;
  readonly actions: LibraryActions;
}

function SampleCard({ library, own, disabled, actions }: SampleCardProps) {
  const { id, title, description, licence, passages, bytes } = library;
  const isHere = own.length > 0;
  return (
    <li class="sample-card" data-testid={`sample-${id}`} data-here={isHere}>
      <div class="sample-head">
        <h4>{title}</h4>
        <button
          type="button"
          class="button"
          disabled={disabled}
          aria-label={isHere ? text.removeLabel(title) : text.sampleAddLabel(title)}
          onClick={() => (isHere ? actions.onRemove(own) : actions.onAddSample(id))}
        >
          {isHere ? text.remove : text.sampleAdd}
        </button>
      </div>
      <p class="small">{description}</p>
      <p class="small">
        {text.sampleSize(passages, bytes)} · {licence}
      </p>
    </li>
  );
}
