/** @file The library: what is in it, the ways into it and out of it. */
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import type { DocumentEntry, SearchIndexStatus } from "../../src/index.ts";
import type { Collected } from "../import/collect.ts";
import type { SampleLibrary, SampleState } from "../sample.ts";
import type { ImportReport, Transfer } from "../state.ts";
import { strings } from "../strings.ts";
import { DocumentList } from "./document-list.tsx";
import type { LibraryActions } from "./library-actions.ts";
import { splitLibraries } from "./library-file.ts";
import { ImportOutcomes } from "./import-outcomes.tsx";
import type { PassageChoice } from "./passage-choice.ts";
import { PassageSettings } from "./passage-settings.tsx";
import { SampleCards } from "./sample-cards.tsx";
import { SourceIntake } from "./source-intake.tsx";
import { TakeAlong } from "./take-along.tsx";
import { useIntake } from "./use-intake.ts";

const text = strings.panels.library;

export interface LibraryDataProps {
  /** `null` until it is open. */
  readonly index: SearchIndexStatus | null;
  readonly documents: readonly DocumentEntry[];
  readonly libraries: readonly SampleLibrary[];
  readonly sample: SampleState | null;
  /** Newest first. */
  readonly imports: readonly ImportReport[];
  /** Reads and additions under way. */
  readonly arriving: number;
  /** An import or export of a whole library under way. */
  readonly transfer: Transfer | null;
  /** How documents are split. */
  readonly passages: PassageChoice;
  readonly actions: LibraryActions;
  /** Below the heading: how far the indexing is. */
  readonly children?: ComponentChildren;
}

/** A panel that is short until something is opened; takes drops and pastes for the whole page. */
export function LibraryData(props: LibraryDataProps) {
  const { index, documents, libraries, sample, actions, transfer } = props;
  const heading = useRef<HTMLHeadingElement>(null);
  const onCollected = (collected: Collected): void => {
    void splitLibraries(collected).then(({ libraries: saved, rest }) => {
      for (const file of saved) actions.onImport(file);
      if (rest.sources.length + rest.refusals.length > 0) actions.onCollected(rest);
    });
  };
  const dragging = useIntake(onCollected);
  const canWrite = index !== null && !index.readOnly;
  return (
    <section class="card panel library" aria-labelledby="library-heading" data-testid="library">
      <div class="card-head">
        <h2 id="library-heading" ref={heading} tabIndex={-1}>
          {text.heading}
        </h2>
        <span class="figures">{index && text.figures(index.documents, index.passages)}</span>
      </div>
      {props.children}
      <SourceIntake dragging={dragging} onCollected={onCollected} />
      <ImportOutcomes imports={props.imports} />
      <TransferLine transfer={transfer} />
      {sample?.failure && (
        <p class="failure-message" role="alert" data-testid="sample-error">
          {strings.library.samplesFailed(sample.failure)}
        </p>
      )}
      <SampleCards
        {...{ libraries, documents, actions, canWrite }}
        busyName={transfer?.kind === "sample" ? transfer.name : null}
      />
      <DocumentList {...{ documents, actions, canWrite }} isIndexed={index?.vectors === index?.passages} />
      <PassageSettings
        passages={props.passages}
        isEmpty={canWrite && index.documents === 0 && props.arriving === 0}
        onPassages={actions.onPassages}
      />
      <TakeAlong {...{ documents, actions, canWrite, transfer, index }} onCleared={() => heading.current?.focus()} />
      {dragging && <div class="drop-overlay">{text.dropNow}</div>}
    </section>
  );
}

/** Always there, so that what comes into it is read out; it says a kind once, and shows the rest. */
function TransferLine({ transfer }: { transfer: Transfer | null }) {
  return (
    <div class="transfer" data-testid="transfer">
      <p role="status">{transfer && text.transfer[transfer.kind](transfer.name)}</p>
      {transfer && (
        <>
          <progress
            class="transfer-bar"
            aria-label={text.transfer[transfer.kind](transfer.name)}
            {...(transfer.totalDocuments > 0 && { max: transfer.totalDocuments, value: transfer.doneDocuments })}
          />
          <p class="figures">
            {transfer.totalDocuments > 0 && text.transferProgress(transfer.doneDocuments, transfer.totalDocuments)}
          </p>
        </>
      )}
    </div>
  );
}
