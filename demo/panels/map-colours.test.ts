/** @file The map's colours against the surfaces that they stand on: 3:1 at least, in both schemes. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

/** What WCAG 2.2 asks of graphics. */
const LEAST_CONTRAST = 3;

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

/** Custom properties of a style sheet, those for dark screens last. */
function coloursOf(css: string): readonly (readonly [string, string])[] {
  return Array.from(css.matchAll(/(--[a-z0-9-]+): (#[0-9a-f]{6});/g), ([, name, colour]) => [name!, colour!] as const);
}

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = parseInt(colour.slice(at, at + 2), 16) / 255;
    return channel <= 0.03928 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

const [light, dark] = coloursOf(read("../base.css")).filter(([name]) => name === "--surface");
const onMap = coloursOf(read("map.css"));
const half = onMap.length / 2;

describe("the colours of the map", () => {
  it("are the same names, light and dark", () => {
    const names = onMap.map(([name]) => name);
    expect(names.slice(0, half)).toEqual(names.slice(half));
    expect(half).toBe(8);
  });

  it.each(onMap.map(([name, colour], at) => ({ name, colour, surface: (at < half ? light : dark)![1] })))(
    "$name $colour stands out on $surface",
    ({ colour, surface }) => {
      const [a, b] = [luminance(colour), luminance(surface)].sort((x, y) => y - x);
      expect((a! + 0.05) / (b! + 0.05)).toBeGreaterThanOrEqual(LEAST_CONTRAST);
    },
  );
});
