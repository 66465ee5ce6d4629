/** @file One model of the catalogue: what it is, whether it runs here, how to get it. */
import { useMemo } from "preact/hooks";
import { factsOf, packBytes, packCommand } from "./catalogue.ts";
import type { CatalogueEntry } from "./catalogue.ts";
import { SourceForm } from "./model-source-form.tsx";
import type { ModelsState } from "./model-state.ts";
import { Needs, useAssessment, VerdictMark } from "./model-verdict.tsx";
import type { Models } from "./models.ts";
import { strings } from "./strings.ts";

const text = strings.models;

interface ModelCardProps {
  readonly entry: CatalogueEntry;
  readonly models: Models;
  readonly state: ModelsState;
  /** Whether the page runs the built-in model. */
  readonly builtInUsed: boolean;
}

/** A card; those of models without a ready-made pack ask where one is. */
export function ModelCard({ entry, models, state, builtInUsed }: ModelCardProps) {
  const { id, name, upstream, architecture, bits } = entry;
  const facts = useMemo(() => factsOf(entry), [entry]);
  const assessment = useAssessment(models, state, facts);
  const { num_hidden_layers: layers, hidden_size: dimensions } = architecture;
  return (
    <li class="model-card" data-testid={`model-${id}`}>
      <div class="model-head">
        <h3>{name}</h3>
        <VerdictMark assessment={assessment} />
      </div>
      <p class="small">{text.shape(layers, dimensions, bits)}</p>
      <Needs assessment={assessment} sizeBytes={packBytes(entry)} />
      {upstream === null ? (
        <BuiltIn used={builtInUsed} onUse={() => void models.useBuiltIn()} />
      ) : (
        <details class="get" name="get-model">
          <summary>{text.get}</summary>
          <p class="small">{text.getNote}</p>
          <SourceForm id={id} onSource={(source) => void models.look(source)} />
          <h4>{text.make}</h4>
          <p class="small">{text.makeNote}</p>
          <pre class="command" tabIndex={0}>
            <code>{packCommand(upstream)}</code>
          </pre>
        </details>
      )}
    </li>
  );
}

function BuiltIn({ used, onUse }: { used: boolean; onUse: () => void }) {
  return (
    <div class="model-foot">
      <span class="small">{text.builtIn}</span>
      {used ? (
        <span class="in-use">{text.inUse}</span>
      ) : (
        <button type="button" class="button" onClick={onUse} data-testid="use-nano">
          {text.use}
        </button>
      )}
    </div>
  );
}
