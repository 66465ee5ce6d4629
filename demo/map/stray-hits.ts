/** @file Hits that are not among the passages drawn: placed among those they are like. */
import type { SearchHit } from "../../src/index.ts";
import type { LibraryMapSheet } from "./cartographer.ts";
import { placeQuery } from "./map-view.ts";
import type { MapSpot } from "./map-view.ts";

/** So many of the passages that a hit is like are to be on the map, on average. */
const NEIGHBOURS = 12;
/** Their documents are read, too: a hit of a library that is far larger than its map may find no place. */
const MOST_ASKED = 240;

/** Passages that a passage is like, nearest first. */
export type FindAlike = (
  passageId: number,
  options: { readonly topK: number; readonly signal: AbortSignal },
) => Promise<readonly SearchHit[]>;

/** A hit with a place, but no point of its own in the layout. */
export interface StrayHit {
  readonly hit: SearchHit;
  readonly spot: MapSpot;
}

/**
 * Places hits that the map was not laid out with, where `placeQuery` would place their text.
 *
 * @param hits - Those that are on the map are left out, as are those of which nothing alike is.
 */
export async function placeStrays(
  hits: readonly SearchHit[],
  { layout, rowOf, sample, counts }: LibraryMapSheet,
  { findAlike, signal }: { readonly findAlike: FindAlike; readonly signal: AbortSignal },
): Promise<StrayHit[]> {
  const topK = Math.min(MOST_ASKED, Math.ceil((NEIGHBOURS * counts.vectors) / sample.rows));
  const placed: StrayHit[] = [];
  for (const hit of hits) {
    if (rowOf.has(hit.passageId)) continue;
    const alike = await findAlike(hit.passageId, { topK, signal });
    const marks = alike.flatMap(({ passageId, cosine }) => {
      const row = rowOf.get(passageId);
      return row === undefined ? [] : [{ row, cosine }];
    });
    const spot = placeQuery(marks, layout.positions);
    if (spot) placed.push({ hit, spot });
  }
  return placed;
}
