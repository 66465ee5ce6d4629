/** @file Where the time went, as bars and in words. */
import { formatDuration, percent } from "./format.ts";
import { strings } from "./strings.ts";

export interface TimePart {
  readonly label: string;
  readonly ms: number;
}

interface TimesProps {
  readonly parts: readonly TimePart[];
  /** The whole, in milliseconds. */
  readonly totalMs: number;
}

/** The grain of a browser's clock. */
const LEAST_MS = 0.1;

/** Parts that follow each other, as layers of one bar; what they leave of the total is the way to the worker and back. */
export function TimeSplit({ parts, totalMs }: TimesProps) {
  const other = totalMs - parts.reduce((sum, part) => sum + part.ms, 0);
  const all = [...parts, { label: strings.status.other, ms: other }]
    .map((part, layer) => ({ ...part, layer: `layer-${layer}` }))
    .filter((part) => part.ms >= LEAST_MS);
  return (
    <div class="split">
      <div class="split-bar" aria-hidden="true">
        {all.map((part) => (
          <span key={part.label} class={part.layer} style={{ flexGrow: String(part.ms) }} />
        ))}
      </div>
      <ul class="split-legend">
        {all.map((part) => (
          <li key={part.label}>
            <span class={`swatch ${part.layer}`} aria-hidden="true" />
            {part.label} <span class="figures">{formatDuration(part.ms)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Parts that overlap: a bar each, against the total. */
export function TimeBars({ parts, totalMs }: TimesProps) {
  return (
    <ul class="time-bars">
      {parts.map(({ label, ms }) => (
        <li key={label}>
          <span>{label}</span>
          <span class="time-track" aria-hidden="true">
            <span class="time-fill" style={{ width: percent(ms / totalMs) }} />
          </span>
          <span class="figures">{formatDuration(ms)}</span>
        </li>
      ))}
    </ul>
  );
}
