/** @file The map without its looks: reads vectors, has them laid out, keeps what came of it for the visit. */
import type { StoredCounts, VectorSample } from "../../src/index.ts";
import { toFailure } from "../failure.ts";
import type { Failure } from "../state.ts";
import { createStore } from "../store.ts";
import type { Store } from "../store.ts";
import type { MapLayout } from "./map-types.ts";
import { requestLayout } from "./request-layout.ts";

/** Laid out in seconds on a slow laptop; more points would cover each other, too. */
export const MAX_MAP_POINTS = 2000;

/** With fewer there is nothing to compare. */
export const MIN_MAP_POINTS = 3;

/** A passage on the map. */
export interface MapPoint {
  readonly passageId: number;
  readonly documentId: string;
  /** As stored; `[dimensions]`. */
  readonly vector: Float32Array;
}

/** What tells one set of vectors from another. */
export type VectorCounts = Pick<StoredCounts, "vectors" | "space">;

/** A library that was laid out. */
export interface LibraryMapSheet {
  readonly sample: VectorSample;
  readonly layout: MapLayout;
  /** Row by passage id. */
  readonly rowOf: ReadonlyMap<number, number>;
  /** Of the index then. */
  readonly counts: VectorCounts;
}

export interface MapState {
  /** What was drawn last. */
  readonly sheet: LibraryMapSheet | null;
  /** Of the drawing under way, from 0 to 1; `null` when there is none. */
  readonly share: number | null;
  readonly failure: Failure | null;
  /** Whether the visitor called the last drawing off. */
  readonly isCancelled: boolean;
}

/** What maps are made of; of the search index. */
export interface VectorSource {
  vectors(options: { readonly limit: number }): Promise<VectorSample>;
}

const INITIAL: MapState = { sheet: null, share: null, failure: null, isCancelled: false };

/** Draws one map at a time; no call rejects: what fails goes to the store. */
export class Cartographer {
  readonly store: Store<MapState> = createStore<MapState>(INITIAL);
  readonly #source: VectorSource;
  #drawing: AbortController | null = null;

  constructor(source: VectorSource) {
    this.#source = source;
  }

  /**
   * Draws the library as it is now, instead of what is being drawn. The map before it stays until then.
   *
   * @param counts - Of the index, to know later whether it has others.
   */
  async draw(counts: VectorCounts): Promise<void> {
    this.#drawing?.abort();
    const drawing = new AbortController();
    this.#drawing = drawing;
    const update = (change: Partial<MapState>): void => {
      if (this.#drawing === drawing) this.store.update(change);
    };
    update({ share: 0, failure: null, isCancelled: false });
    try {
      const sample = await this.#source.vectors({ limit: MAX_MAP_POINTS });
      const { rows, dimensions } = sample;
      // The worker keeps what it is given.
      const layout = await requestLayout(
        { data: sample.data.slice(), rows, dimensions },
        { signal: drawing.signal, onProgress: (share) => update({ share }) },
      );
      const rowOf = new Map([...sample.passageIds].map((id, row) => [id, row]));
      update({ sheet: { sample, layout, rowOf, counts }, share: null });
    } catch (error) {
      if (!drawing.signal.aborted) update({ share: null, failure: toFailure(error) });
    }
  }

  /** Stops drawing. */
  cancel(): void {
    this.#drawing?.abort();
    this.#drawing = null;
    this.store.update({ share: null, isCancelled: true });
  }
}

/** A row of the map as a passage. */
export function pointOf({ sample }: LibraryMapSheet, row: number): MapPoint {
  const { passageIds, documentIds, data, dimensions } = sample;
  return {
    passageId: passageIds[row]!,
    documentId: documentIds[row]!,
    vector: data.slice(row * dimensions, (row + 1) * dimensions),
  };
}
