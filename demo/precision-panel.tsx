/** @file How long and how coarse vectors are in memory, and what that costs and saves. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Precision, SearchIndexStatus, ViewMeasurement, ViewOptions, ViewStatus } from "../src/index.ts";
import { dimensionSteps } from "./dimension-steps.ts";
import { isAborted, toFailure } from "./failure.ts";
import { PRECISIONS } from "./library-memory.ts";
import { strings } from "./strings.ts";

const text = strings.vectors;

/** A slider on the move is not to rebuild all vectors at each step. */
const APPLY_MS = 250;

interface PrecisionPanelProps {
  readonly index: SearchIndexStatus;
  /** What was wanted last; what is the default is left out. */
  readonly wanted: ViewOptions;
  readonly onConfigure: (view: ViewOptions) => Promise<void>;
  readonly measure: () => Promise<ViewMeasurement | null>;
}

/** Measured anew after each change, once it is open. */
export function PrecisionPanel({ index, ...rest }: PrecisionPanelProps) {
  const [isOpen, setOpen] = useState(false);
  const { view, dimensions } = index;
  return (
    <details class="card panel vectors" data-testid="vectors" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <h2>{text.heading}</h2>
      </summary>
      <p class="small">{text.lead}</p>
      {isOpen && view !== null && dimensions !== null && index.vectors > 0 ? (
        <Controls {...rest} all={dimensions} view={view} vectors={index.vectors} />
      ) : (
        <p>{text.none}</p>
      )}
    </details>
  );
}

interface ControlsProps extends Omit<PrecisionPanelProps, "index"> {
  readonly all: number;
  readonly view: ViewStatus;
  readonly vectors: number;
}

function Controls({ all, view, vectors, onConfigure, measure, ...rest }: ControlsProps) {
  const applied = { dimensions: Math.min(rest.wanted.dimensions ?? all, all), ...toPrecision(rest.wanted) };
  const [wanted, setWanted] = useWanted(applied, (next) => onConfigure(withoutDefaults(next, all)));
  const steps = dimensionSteps(all);
  const step = steps.filter((dimensions) => dimensions <= wanted.dimensions).length - 1;
  const label = text.of(wanted.dimensions, all);
  return (
    <>
      <label class="slider">
        <span>
          {text.dimensions} <span class="figures">{label}</span>
        </span>
        <input
          type="range"
          min={0}
          max={steps.length - 1}
          step={1}
          value={step}
          aria-valuetext={label}
          data-testid="dimensions"
          onInput={(event) => setWanted({ ...wanted, dimensions: steps[Number(event.currentTarget.value)] ?? all })}
        />
      </label>
      <label class="slider">
        <span>{text.precision}</span>
        <select
          class="select"
          value={wanted.precision}
          data-testid="precision"
          onChange={(event) => setWanted({ ...wanted, precision: event.currentTarget.value as Precision })}
        >
          {PRECISIONS.map((precision) => (
            <option key={precision} value={precision}>
              {text.precisionName(precision)}
            </option>
          ))}
        </select>
      </label>
      <label class="check-line">
        <input
          type="checkbox"
          checked={wanted.rescore}
          data-testid="rescore"
          onChange={(event) => setWanted({ ...wanted, rescore: event.currentTarget.checked })}
        />
        {text.rescore}
      </label>
      <Measured view={view} vectors={vectors} measure={measure} />
    </>
  );
}

type Wanted = Pick<ViewStatus, "dimensions" | "precision" | "rescore">;

function toPrecision({ precision = "float32", rescore = true }: ViewOptions): Omit<Wanted, "dimensions"> {
  return { precision, rescore };
}

function withoutDefaults({ dimensions, precision, rescore }: Wanted, all: number): ViewOptions {
  return {
    ...(dimensions !== all && { dimensions }),
    ...(precision !== "float32" && { precision }),
    ...(!rescore && { rescore }),
  };
}

/** What is on the screen goes ahead of what is applied. */
function useWanted(applied: Wanted, onChange: (wanted: Wanted) => Promise<void>) {
  const [wanted, setWanted] = useState<Wanted>(applied);
  const apply = useRef(onChange);
  apply.current = onChange;
  const key = keyOfView(wanted);
  const isApplied = key === keyOfView(applied);
  useEffect(() => {
    if (isApplied) return;
    const timer = setTimeout(() => void apply.current(wanted), APPLY_MS);
    return () => clearTimeout(timer);
    // The wanted view, by value: a status of the index that says the same is nothing new.
  }, [key, isApplied]);
  return [wanted, setWanted] as const;
}

function keyOfView({ dimensions, precision, rescore }: Wanted): string {
  return JSON.stringify([dimensions, precision, rescore]);
}

/** `null`: under way. */
type Outcome = ViewMeasurement | string | null;

function Measured({ view, vectors, measure }: Pick<ControlsProps, "view" | "vectors" | "measure">) {
  const [outcome, setOutcome] = useState<Outcome>(null);
  const key = keyOfView(view);
  // While a library grows there is something new to measure all the time: every doubling will do.
  const size = Math.ceil(Math.log2(vectors));
  const run = useRef(measure);
  run.current = measure;
  useEffect(() => {
    let isCurrent = true;
    setOutcome(null);
    run.current().then(
      (measured) => isCurrent && setOutcome(measured),
      (error: unknown) => isCurrent && !isAborted(error) && setOutcome(toFailure(error).message),
    );
    return () => {
      isCurrent = false;
    };
  }, [key, size]);
  if (typeof outcome === "string") return <p role="alert">{text.failed(outcome)}</p>;
  return (
    <dl class="facts" data-testid="measured" data-recall={outcome?.recall} aria-busy={outcome === null}>
      <Fact term={text.size}>{outcome && text.sizeValue(outcome.bytes, outcome.exactBytes)}</Fact>
      <Fact term={text.recall}>{outcome && text.recallValue(outcome.recall)}</Fact>
      <Fact term={text.time}>
        {outcome && `${text.timeValue(outcome.scanMs, outcome.exactMs)}, ${text.scan[view.scan.kind]}`}
      </Fact>
    </dl>
  );
}

function Fact({ term, children }: { term: string; children: string | null }) {
  return (
    <div>
      <dt>{term}</dt>
      <dd>{children ?? text.measuring}</dd>
    </div>
  );
}
