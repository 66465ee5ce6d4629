/** @file Points of the map in the library: the passages they stand for. */
import { EmbedError } from "../src/index.ts";
import type { SearchHit } from "../src/index.ts";
import { Cartographer } from "./map/cartographer.ts";
import type { MapPoint } from "./map/cartographer.ts";
import type { FindAlike } from "./map/stray-hits.ts";
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
  async describe(passage: MapPoint | SearchHit): Promise<{ readonly title: string; readonly quote: string } | null> {
    const hit = await this.#find(passage);
    if (hit === null) return null;
    const quote = hit.text.slice(0, QUOTE_CHARACTERS);
    return { title: hit.title ?? strings.results.untitled, quote: quote === hit.text ? quote : `${quote}…` };
  }

  async open(passage: MapPoint | SearchHit): Promise<void> {
    const hit = await this.#find(passage);
    if (hit) await this.#page.openDocument({ documentId: hit.documentId, start: hit.start, end: hit.end });
  }

  /** What is like a passage, nearest first. */
  readonly findAlike: FindAlike = async (passageId, options) => {
    const result = await this.#page.index?.search({ passageId }, { ...options, mode: "semantic" });
    return result?.hits ?? [];
  };

  /** A passage is nearest to its own vector. */
  async #find(passage: MapPoint | SearchHit): Promise<SearchHit | null> {
    if ("text" in passage) return passage;
    const { passageId, documentId, vector } = passage;
    const options = { mode: "semantic", topK: MAX_PASSAGES, filter: { documentIds: [documentId] } } as const;
    const result = await this.#page.index?.search({ vector }, options);
    return result?.hits.find((hit) => hit.passageId === passageId) ?? null;
  }
}
