/** @file Points of the map in the library: the passages they stand for. */
import { EmbedError } from "../src/index.ts";
import type { SearchHit } from "../src/index.ts";
import { Cartographer } from "./map/cartographer.ts";
import type { MapPoint } from "./map/cartographer.ts";
import type { Page } from "./page.ts";
import { strings } from "./strings.ts";

/** Of a passage under the pointer. */
const QUOTE_CHARACTERS = 160;
/** A book has no more passages. */
const MAX_PASSAGES = 5000;

/** Draws the map, and tells of its points; lives as long as the page, so that the map stays. */
export class MapPlaces {
  readonly cartographer: Cartographer;
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
    this.cartographer = new Cartographer({
      vectors: (options) => {
        if (page.index === null) throw new EmbedError("disposed", "the library is not open");
        return page.index.vectors(options);
      },
    });
  }

  /** `null` where the passage is no longer there. */
  async describe(point: MapPoint): Promise<{ readonly title: string; readonly quote: string } | null> {
    const hit = await this.#find(point);
    if (hit === null) return null;
    const quote = hit.text.slice(0, QUOTE_CHARACTERS);
    return { title: hit.title ?? strings.results.untitled, quote: quote === hit.text ? quote : `${quote}…` };
  }

  async open(point: MapPoint): Promise<void> {
    const hit = await this.#find(point);
    if (hit) await this.#page.openDocument({ documentId: hit.documentId, start: hit.start, end: hit.end });
  }

  /** A passage is nearest to its own vector. */
  async #find({ passageId, documentId, vector }: MapPoint): Promise<SearchHit | null> {
    const options = { mode: "semantic", topK: MAX_PASSAGES, filter: { documentIds: [documentId] } } as const;
    const result = await this.#page.index?.search({ vector }, options);
    return result?.hits.find((hit) => hit.passageId === passageId) ?? null;
  }
}
