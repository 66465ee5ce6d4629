/** @file A map of the library: passages as points, subjects by colour and shape, the hits and the query among them. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { SearchHit } from "../../src/index.ts";
import { FailureText } from "../failure-card.tsx";
import { percent } from "../format.ts";
import { MIN_MAP_POINTS, pointOf } from "../map/cartographer.ts";
import type { Cartographer, LibraryMapSheet, MapPoint, VectorCounts } from "../map/cartographer.ts";
import { groupRows, placeQuery } from "../map/map-view.ts";
import { placeStrays } from "../map/stray-hits.ts";
import type { FindAlike, StrayHit } from "../map/stray-hits.ts";
import { useStore } from "../store.ts";
import { strings } from "../strings.ts";
import { MapCanvas } from "./map-canvas.tsx";
import type { PassageGlimpse } from "./map-canvas.tsx";
import { MapHits } from "./map-hits.tsx";
import type { MarkedHit } from "./map-hits.tsx";
import { MapLegend } from "./map-legend.tsx";

const text = strings.panels.map;

export interface LibraryMapProps {
  readonly cartographer: Cartographer;
  /** Of the index now. */
  readonly counts: VectorCounts;
  /** More are on their way: a map is drawn when they are there, or when the visitor asks. */
  readonly isGrowing: boolean;
  /** What a point is coloured by, of its document. */
  readonly subjectOf: (documentId: string) => string;
  /** `null` where the passage is no longer there. */
  readonly describe: (passage: MapPoint | SearchHit) => Promise<PassageGlimpse | null>;
  readonly onOpen: (passage: MapPoint | SearchHit) => void;
  readonly findAlike: FindAlike;
  /** Of the search on the screen, best first; `[]` when there is none. */
  readonly hits: readonly SearchHit[];
}

/** Draws when it is opened; the map stays until it is drawn anew, even while it is not shown. */
export function LibraryMap(props: LibraryMapProps) {
  const { cartographer, counts, isGrowing } = props;
  const state = useStore(cartographer.store);
  const { share, failure, isCancelled } = state;
  // Vectors of another model have nothing to do with these.
  const sheet = state.sheet?.counts.space === counts.space ? state.sheet : null;
  const isWanted = sheet === null && share === null && failure === null && !isCancelled;
  const canDraw = counts.vectors >= MIN_MAP_POINTS;
  useEffect(() => {
    if (isWanted && canDraw && !isGrowing) void cartographer.draw(counts);
  }, [cartographer, isWanted, canDraw, isGrowing, counts.vectors, counts.space]);
  const onDraw = (): void => void cartographer.draw(counts);
  return (
    <section class="card panel map" aria-labelledby="map-heading" data-testid="map" data-drawn={sheet !== null}>
      <div class="card-head">
        <h2 id="map-heading">{text.heading}</h2>
        <MapAction {...{ sheet, share, counts, canDraw, onDraw }} onCancel={() => cartographer.cancel()} />
      </div>
      <p class="small">{text.lead}</p>
      {failure && (
        <div role="alert" data-testid="map-error">
          <h3>{text.failed}</h3>
          <FailureText failure={failure} />
        </div>
      )}
      {sheet ? (
        <Sheet {...props} sheet={sheet}>
          <Progress share={share} sheet={sheet} />
        </Sheet>
      ) : (
        <>
          <Blank canDraw={canDraw} isCancelled={isCancelled} />
          <Progress share={share} sheet={sheet} />
        </>
      )}
    </section>
  );
}

interface MapActionProps {
  readonly sheet: LibraryMapSheet | null;
  readonly share: number | null;
  readonly counts: VectorCounts;
  readonly canDraw: boolean;
  readonly onDraw: () => void;
  readonly onCancel: () => void;
}

/** One button stays where it is and changes what it does, so that it keeps the focus. */
function MapAction({ sheet, share, counts, canDraw, onDraw, onCancel }: MapActionProps) {
  const isDrawing = share !== null;
  const isStale = sheet !== null && sheet.counts.vectors !== counts.vectors;
  if (!isDrawing && (!canDraw || (sheet !== null && !isStale))) return null;
  const label = isDrawing ? text.cancel : sheet === null ? text.draw : text.redraw;
  return (
    <span class="map-action">
      {isStale && !isDrawing && <span class="small">{text.stale}</span>}
      <button
        key="action"
        type="button"
        class="button"
        onClick={isDrawing ? onCancel : onDraw}
        data-testid={isDrawing ? "map-cancel" : "map-draw"}
      >
        {label}
      </button>
    </span>
  );
}

/** As large as the map, so that nothing moves when it comes. */
function Blank({ canDraw, isCancelled }: { canDraw: boolean; isCancelled: boolean }) {
  const why = canDraw ? text.cancelled : text.tooFew(MIN_MAP_POINTS);
  return <div class="map-frame map-blank">{(!canDraw || isCancelled) && <p>{why}</p>}</div>;
}

/** One line, with or without words in it. */
function Progress({ share, sheet }: { share: number | null; sheet: LibraryMapSheet | null }) {
  const what = share === 0 ? text.reading : text.layingOut;
  return (
    <div class="map-progress">
      {share === null ? (
        <p class="small">{sheet && <Extent sheet={sheet} />}</p>
      ) : (
        <div
          class="core core-thin"
          role="progressbar"
          aria-label={what}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(share * 100)}
        >
          <div class="core-fill map-fill" style={{ width: percent(share) }} />
        </div>
      )}
    </div>
  );
}

function Extent({ sheet: { sample, layout, counts } }: { sheet: LibraryMapSheet }) {
  const extent = sample.rows < counts.vectors ? text.sampled(sample.rows, counts.vectors) : text.all(sample.rows);
  return <>{layout.method === "components" ? `${extent}, ${text.components}` : extent}</>;
}

interface SheetProps extends LibraryMapProps {
  readonly sheet: LibraryMapSheet;
  /** Right below the map. */
  readonly children: ComponentChildren;
}

/** The map, what its marks mean, and the hits in words. Hits that it was not laid out with are its last rows. */
function Sheet({ sheet, subjectOf, describe, onOpen, findAlike, hits, children }: SheetProps) {
  const [pointed, setPointed] = useState<number | null>(null);
  const shown = useSame(hits);
  const placed = useStrays(shown, sheet, findAlike);
  const strays = placed ?? NO_STRAYS;
  const { sample, layout } = sheet;
  const positions = useMemo(
    () => Float32Array.of(...layout.positions, ...strays.flatMap(({ spot }) => [spot.x, spot.y])),
    [layout, strays],
  );
  const documentIds = [...sample.documentIds, ...strays.map(({ hit }) => hit.documentId)];
  const subjects = useSame(documentIds.map(subjectOf));
  const groups = useMemo(() => groupRows(subjects), [subjects]);
  const marked = useMemo(() => hitsOnMap(shown, sheet, strays), [shown, sheet, strays]);
  const query = useMemo(() => placeQuery(marked, positions), [marked, positions]);
  const view = useMemo(
    () => ({ positions, groups, hits: marked.map(({ row }) => row), query, pointed }),
    [positions, groups, marked, query, pointed],
  );
  const passageAt = (row: number): MapPoint | SearchHit => strays[row - sample.rows]?.hit ?? pointOf(sheet, row);
  const open = (row: number): void => onOpen(passageAt(row));
  return (
    <>
      <MapCanvas
        view={view}
        label={text.label(sample.rows, groups.length)}
        describe={(row) => describe(passageAt(row))}
        subjectOf={(row) => subjects[row] ?? ""}
        onOpen={open}
      />
      {children}
      <MapLegend groups={groups} hasHits={marked.length > 0} hasQuery={query !== null} />
      <MapHits
        marked={marked}
        query={query}
        missing={placed === null ? 0 : hits.length - marked.length}
        {...{ positions, open, setPointed }}
      />
    </>
  );
}

const NO_STRAYS: readonly StrayHit[] = [];

interface PlacedStrays extends Pick<SheetProps, "hits" | "sheet"> {
  readonly strays: readonly StrayHit[];
}

/** `null` until those of this search are placed on this map. */
function useStrays(
  hits: readonly SearchHit[],
  sheet: LibraryMapSheet,
  findAlike: FindAlike,
): readonly StrayHit[] | null {
  const [placed, setPlaced] = useState<PlacedStrays | null>(null);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    void placeStrays(hits, sheet, { findAlike, signal })
      // They are counted as not on the map; the search says itself what is wrong with the library.
      .catch(() => NO_STRAYS)
      .then((strays) => !signal.aborted && setPlaced({ hits, sheet, strays }));
    return () => controller.abort();
    // How passages are found does not change with each rendering, though the function does.
  }, [hits, sheet]);
  return placed?.hits === hits && placed.sheet === sheet ? placed.strays : null;
}

/** The same list as before as long as the same is in it: the picture is drawn anew with another one. */
function useSame<T>(list: readonly T[]): readonly T[] {
  const kept = useRef(list);
  const isSame = kept.current.length === list.length && list.every((item, at) => item === kept.current[at]);
  if (!isSame) kept.current = list;
  return kept.current;
}

function hitsOnMap(
  hits: readonly SearchHit[],
  { rowOf, sample }: LibraryMapSheet,
  strays: readonly StrayHit[],
): MarkedHit[] {
  const strayRowOf = new Map(strays.map(({ hit }, at) => [hit.passageId, sample.rows + at]));
  return hits.flatMap((hit, at) => {
    const row = rowOf.get(hit.passageId) ?? strayRowOf.get(hit.passageId);
    return row === undefined ? [] : [{ row, cosine: hit.cosine, hit, rank: at + 1 }];
  });
}
