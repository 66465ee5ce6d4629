/** @file Bar charts as SVG text: horizontal bars with whiskers, legible on light and dark pages. Pure. */
import type { Spread } from "./result.ts";

export interface Bar {
  /** Index into the chart's series. */
  readonly series: number;
  /** Whiskers go from `least` to `most`. */
  readonly spread: Pick<Spread, "median" | "least" | "most">;
  /** Behind the bar, such as `78 tokens/s`. */
  readonly text: string;
}

export interface BarChart {
  readonly title: string;
  /** What a longer bar means, such as `tokens/s, longer is faster`. */
  readonly scale: string;
  readonly series: readonly string[];
  readonly groups: readonly { readonly label: string; readonly bars: readonly Bar[] }[];
}

/** Pixels. */
const WIDTH = 860;
const LABEL_WIDTH = 290;
/** For the numbers behind the bars. */
const TEXT_WIDTH = 150;
const BAR_HEIGHT = 18;
const BAR_GAP = 4;
const GROUP_GAP = 18;
const HEAD_HEIGHT = 76;
const MARGIN = 20;

/** Told apart by colour-blind readers, on white and on near-black; more series than these would not be. */
const COLOURS = ["#2f7ed8", "#d9822b", "#8f6bb8"];

/** A card of its own colour: a page that is dark although the system is light must not swallow the letters. */
const STYLE = `
  .card { fill: #ffffff; stroke: #d0d7de; }
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .quiet { fill: #59636e; }
  .whisker { stroke: #1f2328; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; stroke: #3d444d; }
    text { fill: #f0f6fc; }
    .quiet { fill: #9198a1; }
    .whisker { stroke: #f0f6fc; }
  }
`;

/** @throws {RangeError} Without a bar, or with a series that has no name or colour. */
export function barChart({ title, scale, series, groups }: BarChart): string {
  const bars = groups.flatMap((group) => group.bars);
  if (bars.length === 0) throw new RangeError(`chart "${title}" has no bars`);
  if (bars.some((bar) => !series[bar.series] || !COLOURS[bar.series]))
    throw new RangeError(`chart "${title}": no such series`);
  const most = Math.max(...bars.map(({ spread }) => Math.max(spread.most, spread.median)));
  const pixels = (WIDTH - LABEL_WIDTH - TEXT_WIDTH - MARGIN) / (most || 1);
  const parts: string[] = [];
  let top = HEAD_HEIGHT;
  for (const { label, bars: own } of groups) {
    const height = own.length * (BAR_HEIGHT + BAR_GAP);
    parts.push(text({ x: LABEL_WIDTH - 10, y: top + height / 2 + 3, anchor: "end" }, label));
    for (const bar of own) {
      parts.push(drawBar(bar, { top, pixels }));
      top += BAR_HEIGHT + BAR_GAP;
    }
    top += GROUP_GAP;
  }
  const height = top;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escape(title)}">`,
    `<style>${STYLE}</style>`,
    `<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    text({ x: MARGIN, y: 28, style: "title" }, title),
    legend(series),
    text({ x: WIDTH - MARGIN, y: 52, anchor: "end", style: "quiet" }, scale),
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function drawBar({ series, spread, text: words }: Bar, at: { readonly top: number; readonly pixels: number }): string {
  const { top, pixels } = at;
  const end = LABEL_WIDTH + spread.median * pixels;
  const [from, to] = [LABEL_WIDTH + spread.least * pixels, LABEL_WIDTH + spread.most * pixels];
  const middle = top + BAR_HEIGHT / 2;
  const tick = (x: number): string => line(x, middle - 4, x, middle + 4);
  const whisker = to - from > 1 ? line(from, middle, to, middle) + tick(from) + tick(to) : "";
  return [
    `<rect x="${LABEL_WIDTH}" y="${top}" width="${round(Math.max(1, end - LABEL_WIDTH))}" height="${BAR_HEIGHT}" rx="2" fill="${COLOURS[series]}"/>`,
    whisker,
    text({ x: Math.max(end, to) + 8, y: middle + 4.5 }, words),
  ].join("");
}

function legend(series: readonly string[]): string {
  let x = MARGIN;
  return series
    .map((name, i) => {
      const entry = `<rect x="${x}" y="42" width="12" height="12" rx="2" fill="${COLOURS[i]}"/>${text({ x: x + 18, y: 52 }, name)}`;
      // A letter of the font is about 7 pixels wide.
      x += 34 + name.length * 7;
      return entry;
    })
    .join("");
}

// eslint-disable-next-line max-params -- two points
function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="whisker" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;
}

function text(
  at: { readonly x: number; readonly y: number; readonly anchor?: "end"; readonly style?: string },
  words: string,
): string {
  const anchor = at.anchor ? ` text-anchor="${at.anchor}"` : "";
  const style = at.style ? ` class="${at.style}"` : "";
  return `<text x="${round(at.x)}" y="${round(at.y)}"${anchor}${style}>${escape(words)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(words: string): string {
  return words.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}
