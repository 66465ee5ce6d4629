/** @file How it is searched: by words, by meaning or both, what counts as similar, and in which documents. */
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
  return (
    <div class="tools">
      <div class="tools-line">
        <ModeSwitch mode={question.mode} onChange={onChange} />
        <label class="check-line">
          <input
            type="checkbox"
            checked={question.bestOnly}
            data-testid="best-only"
            onChange={(event) => onChange({ bestOnly: event.currentTarget.checked })}
          />
          {strings.mode.bestOnly}
        </label>
      </div>
      <div class="tools-line">
        <InstructionEditor question={question} onChange={onChange} />
        <FilterSelects filters={question.filters} documents={documents} onChange={onChange} />
      </div>
      <FilterChips filters={question.filters} onChange={onChange} />
    </div>
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
