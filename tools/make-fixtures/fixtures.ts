/** @file What is in e2e/fixtures. Pure. */
import { HOSTILE_HTML } from "./hostile.ts";
import { makePdf } from "./pdf.ts";
import type { PdfLine } from "./pdf.ts";
import { makeDocx, makeEpub } from "./zipped.ts";

/** A4, in points. */
const TOP = 760;
const LINE_GAP = 14;
const PARAGRAPH_GAP = 26;

/** Files by name. The same bytes at every call. */
export function makeFixtures(): ReadonlyMap<string, Uint8Array> {
  return new Map([
    ["tide-mills.pdf", tideMills()],
    ["lighthouse.md", encode(LIGHTHOUSE)],
    ["bees.docx", bees()],
    ["salt.epub", salt()],
    ["bridges.csv", encode(BRIDGES)],
    ["hostile.html", encode(HOSTILE_HTML)],
  ]);
}

function tideMills(): Uint8Array {
  const page = (title: string, ...paragraphs: readonly (readonly string[])[]): PdfLine[] => {
    const lines: PdfLine[] = [{ text: title, y: TOP, size: 16 }];
    let y = TOP - 34;
    for (const paragraph of paragraphs) {
      for (const text of paragraph) {
        lines.push({ text, y });
        y -= LINE_GAP;
      }
      y -= PARAGRAPH_GAP - LINE_GAP;
    }
    return lines;
  };
  const pages = [
    page(
      "How a tide mill works",
      [
        "A tide mill is a water mill that is driven by the rise and fall of the sea. At high",
        "water a gate lets the flood tide into a mill-",
        "pond behind a dam.",
      ],
      [
        "When the tide has gone out, the miller opens a sluice and the stored water turns",
        "the wheel. A mill could grind for about three hours on each tide, so millers worked at",
        "odd hours, following the moon rather than the sun.",
      ],
    ),
    page(
      "Old mills",
      [
        "The oldest tide mill whose date is known stood at Nendrum Monastery on Strangford",
        "Lough. Its timbers were felled in the years 619 to 621.",
      ],
      [
        "Woodbridge Tide Mill in Suffolk was first recorded in 1170 and was the last in",
        "England to work for a living: it stopped in 1957, when its oak shaft broke.",
      ],
    ),
    page(
      "Power from the tide",
      [
        "The Rance tidal power station in Brittany opened in 1966. Its 24 turbines have a",
        "peak power of 240 megawatts. For 45 years it was the largest of its kind.",
      ],
      [
        "The idea is that of the old mills: a barrage keeps the high water back until the sea",
        "outside has fallen far enough.",
      ],
    ),
  ];
  const numbered = pages.map((lines, index) => [
    ...lines,
    { text: `Tide mills - ${index + 1}`, x: 270, y: 40, size: 9 },
  ]);
  return makePdf({ title: "Tide mills", pages: numbered });
}

const LIGHTHOUSE = `---
title: "Keeping a lighthouse"
---

# Keeping a lighthouse

A keeper trimmed the wicks every four hours and wound the clockwork that turned the lens.

## The lens

Augustin Fresnel's lens of 1822 bends the light of one lamp into a beam that is seen from 20 miles away.

- The largest lenses weigh several tons.
- They float on mercury, so that a finger can turn them.

## Fog

In fog a keeper rang a bell or fired a small cannon, at times for days on end.
`;

function bees(): Uint8Array {
  return makeDocx("The year of a bee hive", [
    { text: "The year of a bee hive", style: "Title" },
    { text: "Spring", style: "heading 1" },
    { text: "In April the queen lays up to two thousand eggs a day." },
    { text: "Winter", style: "heading 1" },
    { text: "In winter the bees form a cluster and keep its middle at about 35 degrees by shivering." },
    { text: "More about the winter cluster", link: "javascript:alert(1)" },
  ]);
}

function salt(): Uint8Array {
  return makeEpub("A short book of salt", [
    {
      label: "From the sea",
      html: "<h1>From the sea</h1><p>In a salt pan the sun dries sea water until crystals form.</p>",
    },
    {
      label: "From the mountain",
      html: "<p>The mine of Hallstatt in Austria has been worked for seven thousand years.</p>",
    },
  ]);
}

const BRIDGES = `name,year,country,description
The Iron Bridge,1781,England,"The first large bridge of cast iron, over the Severn."
Forth Bridge,1890,Scotland,"A cantilever railway bridge; painting it was said never to end."
Millau Viaduct,2004,France,"The tallest bridge in the world, with a mast of 343 metres."
`;

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
