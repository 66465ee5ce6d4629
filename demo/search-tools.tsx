/** @file How it is searched: by words, by meaning or both, what counts as similar, and in which documents. */
import { useState } from "preact/hooks";
import type { DocumentEntry, SearchMode } from "../src/index.ts";
import { FilterChips, FilterSelects } from "./filters.tsx";
import { InstructionEditor } from "./instruction-editor.tsx";
import type { Question } from "./question.ts";
import { strings } from "./strings.ts";

const MODES: readonly SearchMode[] = ["hybrid", "semantic", "lexical"];

export interface SearchToolsProps {
  readonly question: Question;
  readonly documents: readonly DocumentEntry[];
  readonly onChange: (change: Partial<Question>) => void;
}

/** Of one height until the visitor opens something in it. */
export function SearchTools({ question, documents, onChange }: SearchToolsProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <div class="tools">
      <div class="modes-line">
        <ModeSwitch mode={question.mode} onChange={onChange} />
        <button
          type="button"
          class="button tools-toggle"
          aria-expanded={isOpen}
          aria-controls="tools-more"
          onClick={() => setOpen(!isOpen)}
          data-testid="tools-toggle"
        >
          {strings.mode.more}
        </button>
      </div>
      <div id="tools-more" class="tools-more" data-open={isOpen}>
        <InstructionEditor question={question} onChange={onChange} />
        <div class="tools-line">
          <BestOnly bestOnly={question.bestOnly} onChange={onChange} />
          <FilterSelects filters={question.filters} documents={documents} onChange={onChange} />
        </div>
      </div>
      <FilterChips filters={question.filters} onChange={onChange} />
    </div>
  );
}

function BestOnly({ bestOnly, onChange }: { bestOnly: boolean; onChange: SearchToolsProps["onChange"] }) {
  return (
    <label class="check-line">
      <input
        type="checkbox"
        checked={bestOnly}
        data-testid="best-only"
        onChange={(event) => onChange({ bestOnly: event.currentTarget.checked })}
      />
      {strings.mode.bestOnly}
    </label>
  );
}

function ModeSwitch({ mode, onChange }: { mode: SearchMode; onChange: SearchToolsProps["onChange"] }) {
  return (
    <fieldset class="modes" data-testid="modes">
      <legend class="visually-hidden">{strings.mode.label}</legend>
      {MODES.map((name) => (
        <label key={name} class="mode" title={strings.mode.hint[name]}>
          <input
            type="radio"
            class="visually-hidden"
            name="mode"
            value={name}
            checked={name === mode}
            data-testid={`mode-${name}`}
            onChange={() => onChange({ mode: name })}
          />
          <span>{strings.mode.name(name)}</span>
        </label>
      ))}
    </fieldset>
  );
}
