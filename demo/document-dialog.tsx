/** @file A document as it was added, opened at the passage that was found. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import { findMatches } from "../src/index.ts";
import type { SearchDocument } from "../src/index.ts";
import { Dialog } from "./dialog.tsx";
import { Highlighted } from "./highlighted.tsx";
import { toReadingParts } from "./spans.ts";
import type { OpenedDocument } from "./state.ts";
import { strings } from "./strings.ts";

const text = strings.document;

interface DocumentDialogProps {
  readonly opened: OpenedDocument;
  readonly onClose: () => void;
}

/** The whole text, scrolled to the passage. */
export function DocumentDialog({ opened, onClose }: DocumentDialogProps) {
  const { document, isMissing, place } = opened;
  return (
    <Dialog labelledBy="document-heading" testId="reading" class="document" onClose={onClose}>
      <div class="dialog-head">
        <h2 id="document-heading" dir="auto">
          {document ? (document.title ?? text.untitled) : place.documentId}
        </h2>
        <button type="button" class="button" onClick={onClose} data-testid="close-document">
          {text.close}
        </button>
      </div>
      {document ? (
        <Reading key={document.id} document={document} opened={opened} />
      ) : (
        <p class="document-text" role="status">
          {isMissing ? text.missing : text.loading}
        </p>
      )}
    </Dialog>
  );
}

/** Takes the focus, so that the arrow keys scroll. */
function Reading({ document, opened }: { document: SearchDocument; opened: OpenedDocument }) {
  const { place, terms } = opened;
  const mark = useRef<HTMLElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const { before, lead, passage, tail, after } = useMemo(() => toReadingParts(document.text, place), [document, place]);
  useEffect(() => {
    scroller.current?.focus();
    mark.current?.scrollIntoView({ block: "center" });
  }, [document, place]);
  return (
    <div ref={scroller} class="document-text" dir="auto" tabIndex={0} role="region" aria-labelledby="document-heading">
      <Blocks blocks={before} />
      <div>
        {lead}
        {passage !== "" && (
          <mark ref={mark} class="document-passage" data-testid="passage">
            <Highlighted text={passage} spans={findMatches(passage, terms)} />
          </mark>
        )}
        {tail}
      </div>
      <Blocks blocks={after} />
    </div>
  );
}

function Blocks({ blocks }: { blocks: readonly string[] }) {
  return (
    <>
      {blocks.map((block, index) => (
        <div key={index} class="document-block">
          {block}
        </div>
      ))}
    </>
  );
}
