/** @file Tests of hits that the map was not laid out with. */
import { describe, expect, it } from "vitest";
import type { SearchHit } from "../../src/index.ts";
import type { LibraryMapSheet } from "./cartographer.ts";
import { placeStrays } from "./stray-hits.ts";

const hit = (passageId: number, cosine: number | null = 0.5) => ({ passageId, cosine }) as SearchHit;

/** Passages 0, 2 and 4 of six. */
const sheet = {
  sample: { rows: 3 },
  layout: { positions: Float32Array.of(-1, 0, 1, 0, 0, 1) },
  rowOf: new Map([0, 2, 4].map((id, row) => [id, row])),
  counts: { vectors: 6 },
} as unknown as LibraryMapSheet;

const { signal } = new AbortController();
const place = (hits: readonly SearchHit[], alike: Readonly<Record<number, readonly SearchHit[]>>) =>
  placeStrays(hits, sheet, { signal, findAlike: (id) => Promise.resolve(alike[id] ?? []) });

describe("placeStrays", () => {
  it("places a hit among what it is like, and no hit that has a place", async () => {
    const placed = await place([hit(0), hit(3)], { 3: [hit(5, 0.95), hit(0, 0.9), hit(2, 0.9)], 0: [hit(2)] });
    expect(placed.map((stray) => stray.hit.passageId)).toEqual([3]);
    expect(placed[0]!.spot.x).toBeCloseTo(0, 6);
    expect(placed[0]!.spot.y).toBeCloseTo(0, 6);
  });

  it("leaves out a hit of which nothing alike is on the map", async () => {
    expect(await place([hit(3), hit(5)], { 3: [hit(1)], 5: [hit(4)] })).toEqual([
      { hit: hit(5), spot: { x: 0, y: 1 } },
    ]);
  });

  it("asks for more passages the fewer of them are on the map", async () => {
    const asked: number[] = [];
    const findAlike = async (_: number, { topK }: { topK: number }) => (asked.push(topK), []);
    for (const vectors of [6, 30, 3000]) {
      await placeStrays([hit(3)], { ...sheet, counts: { ...sheet.counts, vectors } }, { findAlike, signal });
    }
    expect(asked).toEqual([24, 120, 240]);
  });
});
