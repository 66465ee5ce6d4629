/** @file What the map's colours and shapes stand for. */
import type { MapGroup } from "../map/map-view.ts";
import { strings } from "../strings.ts";

const text = strings.panels.map;

/** In a square of 12, in the order of the groups: as the map draws them. */
const SHAPES: readonly string[] = [
  "M6 1.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 1 0 0-9z",
  "M6 1.2 11 10H1z",
  "M2 2h8v8H2z",
  "M6 .8 11.2 6 6 11.2.8 6z",
  "M6 1v10M1 6h10",
  "m2.2 2.2 7.6 7.6m0-7.6L2.2 9.8",
  "M6 1v10M1 6h10M2.5 2.5l7 7m0-7-7 7",
];

/** From the eighth on: of `SHAPES`, hollow. */
const HOLLOW: readonly number[] = [3, 2, 1, 0];

interface MapLegendProps {
  readonly groups: readonly MapGroup[];
  readonly hasHits: boolean;
  readonly hasQuery: boolean;
}

/** Shapes repeat what the colours say. */
export function MapLegend({ groups, hasHits, hasQuery }: MapLegendProps) {
  return (
    <ul class="map-legend" aria-label={text.legend}>
      {groups.map(({ label, rows }, at) => (
        <li key={label ?? ""}>
          <svg class="map-shape" viewBox="0 0 12 12" {...lookOf(label, at)} aria-hidden="true">
            <path d={label === null ? SHAPES[0] : (SHAPES[at] ?? SHAPES[HOLLOW[at - SHAPES.length]!])} />
          </svg>
          <span class="map-group">{label ?? text.rest}</span> <span class="figures">{rows.length}</span>
        </li>
      ))}
      {hasHits && (
        <li>
          <svg class="map-shape" viewBox="0 0 12 12" data-group="hit" aria-hidden="true">
            <path d={SHAPES[0]} />
          </svg>
          {text.hit}
        </li>
      )}
      {hasQuery && (
        <li>
          <svg class="map-shape" viewBox="0 0 12 12" data-group="query" aria-hidden="true">
            <path d={SHAPES[3]} />
          </svg>
          {text.query}
        </li>
      )}
    </ul>
  );
}

function lookOf(label: string | null, at: number) {
  if (label === null) return { "data-group": "rest" };
  return { "data-group": (at % SHAPES.length) + 1, "data-hollow": at >= SHAPES.length };
}
