/** @file How documents are split, to be chosen while the library is empty. */
import { strings } from "../strings.ts";
import { OVERLAPS, PASSAGE_SIZES } from "./passage-choice.ts";
import type { PassageChoice } from "./passage-choice.ts";

const text = strings.panels.library;

interface PassageSettingsProps {
  readonly passages: PassageChoice;
  /** Nothing is in the library, and nothing is on its way. */
  readonly isEmpty: boolean;
  readonly onPassages: (passages: PassageChoice) => void;
}

/** Two lists; they are locked, with the reason, while something is split already. */
export function PassageSettings({ passages, isEmpty, onPassages }: PassageSettingsProps) {
  const { maxTokens, overlapTokens } = passages;
  const isWhole = maxTokens === Infinity;
  return (
    <details data-testid="passage-settings">
      <summary>{text.settings}</summary>
      <div class="passage-settings">
        <Choice
          id="passage-size"
          label={text.passageSize}
          values={PASSAGE_SIZES}
          chosen={maxTokens}
          disabled={!isEmpty}
          onChoice={(value) => onPassages({ ...passages, maxTokens: value })}
        />
        <Choice
          id="passage-overlap"
          label={text.overlap}
          values={OVERLAPS}
          chosen={overlapTokens}
          disabled={!isEmpty || isWhole}
          onChoice={(value) => onPassages({ ...passages, overlapTokens: value })}
        />
        <p class="small">{isEmpty ? text.settingsNote : text.settingsLocked}</p>
        {isWhole && <p class="small">{text.wholeNote}</p>}
      </div>
    </details>
  );
}

interface ChoiceProps {
  readonly id: string;
  readonly label: string;
  readonly values: readonly number[];
  readonly chosen: number;
  readonly disabled: boolean;
  readonly onChoice: (value: number) => void;
}

function Choice({ id, label, values, chosen, disabled, onChoice }: ChoiceProps) {
  return (
    <label class="choice">
      <span>{label}</span>
      <select
        class="select"
        data-testid={id}
        disabled={disabled}
        onChange={(event) => onChoice(Number(event.currentTarget.value))}
      >
        {values.map((value) => (
          <option key={value} value={String(value)} selected={value === chosen}>
            {value === Infinity ? text.whole : text.tokens(value)}
          </option>
        ))}
      </select>
    </label>
  );
}
