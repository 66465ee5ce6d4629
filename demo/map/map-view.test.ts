/** @file Tests of what is drawn on the map. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { groupRows, MOST_GROUPS, placeQuery, regionOf } from "./map-view.ts";

describe("groupRows", () => {
  it("puts every row into one group, the largest first, and no more groups than colours", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 12 }).map(String)), (subjects) => {
        const groups = groupRows(subjects);
        expect(groups.length).toBeLessThanOrEqual(MOST_GROUPS);
        expect(groups.flatMap(({ rows }) => rows).sort((a, b) => a - b)).toEqual(subjects.map((_, row) => row));
        const named = groups.filter(({ label }) => label !== null);
        const sizes = named.map(({ rows }) => rows.length);
        expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
        for (const { label, rows } of named) expect(rows.every((row) => subjects[row] === label)).toBe(true);
      }),
    );
  });

  it("names every subject where there are colours for all", () => {
    const subjects = Array.from({ length: MOST_GROUPS }, (_, at) => String.fromCharCode(97 + at));
    expect(groupRows(subjects).map(({ label }) => label)).toEqual(subjects);
    expect(groupRows([...subjects, "one more"]).map(({ label }) => label)).toEqual([...subjects.slice(0, -1), null]);
  });
});

describe("placeQuery", () => {
  const positions = Float32Array.of(-1, 0, 1, 0, 0, 1);

  it("lies between hits that are as near, and at the one that is much nearer", () => {
    const even = [
      { row: 0, cosine: 0.6 },
      { row: 1, cosine: 0.6 },
    ];
    expect(placeQuery(even, positions)).toEqual({ x: 0, y: 0 });
    const clear = placeQuery([...even, { row: 2, cosine: 0.9 }], positions)!;
    // e^-10 of the others' weight.
    expect(clear.y).toBeCloseTo(1, 3);
  });

  it("is nowhere when no hit has a cosine", () => {
    expect(placeQuery([{ row: 0, cosine: null }], positions)).toBeNull();
  });
});

describe("regionOf", () => {
  it.each([
    [-0.9, 0.9, "top-left"],
    [0, 0, "middle-centre"],
    [0.5, -0.5, "bottom-right"],
  ])("calls %d, %d %s", (x, y, region) => expect(regionOf({ x, y })).toBe(region));
});
