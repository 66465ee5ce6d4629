/** @file What counts as similar: the task that the model is told with each query. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Question } from "./question.ts";
import { INSTRUCTIONS } from "./search-strings.ts";
import { strings } from "./strings.ts";

const text = strings.instruction;

/** Values of the list that are no instruction. */
const STANDARD = "standard";
const OWN = "own";

/** Each change is embedded with the query anew: not at every letter. */
const APPLY_MS = 400;

interface InstructionEditorProps {
  readonly question: Question;
  readonly onChange: (change: Partial<Question>) => void;
}

/** A list of tasks, and a line for one's own. */
export function InstructionEditor({ question, onChange }: InstructionEditorProps) {
  const { instruction, mode } = question;
  const isListed = INSTRUCTIONS.some((listed) => listed.text === instruction);
  const [isOwn, setOwn] = useState(false);
  const own = isOwn || (instruction !== null && !isListed);
  const onChoose = (value: string): void => {
    setOwn(value === OWN);
    if (value !== OWN) onChange({ instruction: value === STANDARD ? null : value });
  };
  return (
    <div class="instruction" data-testid="instruction" title={mode === "lexical" ? text.unused : text.hint}>
      <label>
        <span>{text.label}</span>
        <select
          class="select"
          value={own ? OWN : (instruction ?? STANDARD)}
          disabled={mode === "lexical"}
          aria-describedby="instruction-hint"
          data-testid="instruction-preset"
          onChange={(event) => onChoose(event.currentTarget.value)}
        >
          <option value={STANDARD}>{text.standard}</option>
          {INSTRUCTIONS.map((listed) => (
            <option key={listed.text} value={listed.text}>
              {listed.name}
            </option>
          ))}
          <option value={OWN}>{text.own}</option>
        </select>
      </label>
      <span id="instruction-hint" class="visually-hidden">
        {mode === "lexical" ? text.unused : text.hint}
      </span>
      {own && mode !== "lexical" && <OwnInstruction instruction={instruction} onChange={onChange} />}
    </div>
  );
}

function OwnInstruction({
  instruction,
  onChange,
}: Pick<InstructionEditorProps, "onChange"> & { instruction: string | null }) {
  const [typed, setTyped] = useState(instruction ?? "");
  const apply = useRef(onChange);
  apply.current = onChange;
  useEffect(() => {
    const next = typed.trim() === "" ? null : typed.trim();
    if (next === instruction) return;
    const timer = setTimeout(() => apply.current({ instruction: next }), APPLY_MS);
    return () => clearTimeout(timer);
  }, [typed, instruction]);
  return (
    <input
      type="text"
      class="text-input"
      aria-label={text.ownLabel}
      placeholder={text.ownPlaceholder}
      maxLength={500}
      value={typed}
      data-testid="instruction-own"
      onInput={(event) => setTyped(event.currentTarget.value)}
    />
  );
}
