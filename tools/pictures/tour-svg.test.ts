import { describe, expect, it } from "vitest";
import { tourSvg, type TourFrame } from "./tour-svg.ts";

const SIZE = { width: 90, height: 60 };
const frame = (durationMs: number): TourFrame => ({ webp: Buffer.from(`frame of ${durationMs}`), durationMs });

/** What the keyframes of a frame say is seen at a share of the time. */
function isSeenAt(svg: string, frameAt: number, share: number): boolean {
  const rule = new RegExp(`@keyframes f${frameAt}\\{(.*)\\}`).exec(svg)![1]!;
  const steps = [...rule.matchAll(/([\d.]+)%\{visibility:(\w+)\}/g)];
  return steps.filter(([, percent]) => Number(percent) <= 100 * share).at(-1)![2] === "visible";
}

describe("tourSvg", () => {
  it("shows exactly one frame at each time, for as long as it lasts", () => {
    const frames = [frame(1000), frame(500), frame(2500)];
    const svg = tourSvg(frames, SIZE);
    for (const [share, seen] of [
      [0, 0],
      [0.249, 0],
      [0.251, 1],
      [0.374, 1],
      [0.376, 2],
      [0.999, 2],
    ] as const)
      expect(frames.map((_, at) => isSeenAt(svg, at, share))).toEqual(frames.map((_, at) => at === seen));
  });

  it("has the marked frame where nothing is to move, else the last", () => {
    const stillOf = (svg: string): string => /class="frame still" style="animation-name:(\w+)"/.exec(svg)![1]!;
    expect(stillOf(tourSvg([frame(1), { ...frame(2), isStill: true }, frame(3)], SIZE))).toBe("f1");
    expect(stillOf(tourSvg([frame(1), frame(2)], SIZE))).toBe("f1");
  });

  it("needs no script and no other file", () => {
    const svg = tourSvg([frame(1)], SIZE);
    expect(svg).not.toContain("<script");
    for (const [, address] of svg.matchAll(/href="([^"]*)"/g)) expect(address).toMatch(/^data:image\/webp;base64,/);
  });
});
