/** @file What became of each thing that was brought. */
import { importStrings } from "../import-strings.ts";
import type { ImportReport } from "../state.ts";
import { strings } from "../strings.ts";

const text = strings.panels.library;

/** As many as are seen without scrolling; a folder of thousands is told of in full all the same. */
const MAX_SHOWN = 100;

/** What has no name of its own goes by a fingerprint. */
const PASTED = /^pasted-[0-9a-f]{8}$/;

/** Newest first; refused ones say why. */
export function ImportOutcomes({ imports }: { imports: readonly ImportReport[] }) {
  const hidden = imports.length - MAX_SHOWN;
  return (
    <ul class="imports" role="status" aria-label={text.outcomes} data-testid="imports">
      {imports.slice(0, MAX_SHOWN).map((report, at) => (
        <li key={imports.length - at} data-added={typeof report.outcome === "number"}>
          <span class="import-name">{PASTED.test(report.name) ? text.pasted : report.name}</span>
          <Outcome {...report} />
        </li>
      ))}
      {hidden > 0 && <li class="small">{text.olderOutcomes(hidden)}</li>}
    </ul>
  );
}

function Outcome({ outcome, detail }: ImportReport) {
  if (typeof outcome === "number") return <span class="small">{text.added(outcome)}</span>;
  return (
    <span class="small">
      {text.notAdded}: {importStrings.refusals[outcome]}. {detail}
    </span>
  );
}
