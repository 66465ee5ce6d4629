/** @file The hits on the map as a list: for those who cannot see it, and for the keyboard. */
import type { SearchHit } from "../../src/index.ts";
import { regionOf } from "../map/map-view.ts";
import type { MapMark, MapSpot } from "../map/map-view.ts";
import { strings } from "../strings.ts";

const text = strings.panels.map;

/** A hit and where it is. */
export interface MarkedHit extends MapMark {
  readonly hit: SearchHit;
  /** Among all hits, from 1. */
  readonly rank: number;
}

interface MapHitsProps {
  readonly marked: readonly MarkedHit[];
  /** Hits that are not on the map. */
  readonly missing: number;
  readonly query: MapSpot | null;
  /** `[rows, 2]`. */
  readonly positions: Float32Array;
  readonly open: (row: number) => void;
  /** Points a hit out on the map. */
  readonly setPointed: (row: number | null) => void;
}

/** Each says where it lies; the one with the focus or the pointer has a ring on the map. */
export function MapHits({ marked, missing, query, positions, open, setPointed }: MapHitsProps) {
  if (marked.length === 0) return <p class="small">{missing === 0 ? text.noHits : text.noneOnMap}</p>;
  return (
    <div class="map-hits">
      <h3>{text.hits}</h3>
      {query && <p class="small">{text.queryAt(regionOf(query))}</p>}
      <ol data-testid="map-hits">
        {marked.map(({ hit, row, rank }) => (
          <li key={hit.passageId} value={rank}>
            <button
              type="button"
              class="map-hit"
              onClick={() => open(row)}
              onFocus={() => setPointed(row)}
              onBlur={() => setPointed(null)}
              onMouseEnter={() => setPointed(row)}
              onMouseLeave={() => setPointed(null)}
            >
              {hit.title ?? hit.documentId}
              <span class="visually-hidden">, {text.at(regionOf(spotOf(positions, row)))}</span>
            </button>
          </li>
        ))}
      </ol>
      {missing > 0 && <p class="small">{text.hitsMissing(missing)}</p>}
    </div>
  );
}

function spotOf(positions: Float32Array, row: number): MapSpot {
  return { x: positions[row * 2]!, y: positions[row * 2 + 1]! };
}
