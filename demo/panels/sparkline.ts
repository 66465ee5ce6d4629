/** @file The last minute of a figure: what is kept of it, and the path that draws it. Pure. */

/** What the chart shows. */
export const WINDOW_MS = 60_000;

/** A figure at a moment. */
export interface Reading {
  readonly atMs: number;
  readonly value: number;
}

/** Size of the drawing, in units of its own. */
export interface ChartArea {
  readonly width: number;
  readonly height: number;
  /** What the top stands for. */
  readonly most: number;
  /** What the right edge stands for. */
  readonly nowMs: number;
}

/** Takes a reading in; of those that have left the window the last stays, since its line goes on into it. */
export function addReading(readings: readonly Reading[], reading: Reading): Reading[] {
  const startMs = reading.atMs - WINDOW_MS;
  const firstInside = readings.findIndex(({ atMs }) => atMs > startMs);
  const kept = firstInside < 0 ? readings.slice(-1) : readings.slice(Math.max(0, firstInside - 1));
  return [...kept, reading];
}

/**
 * A line in steps: each value holds until the next reading, the last one until now.
 *
 * @returns An SVG path from left to right, y downwards; `""` without readings.
 */
export function stepPath(readings: readonly Reading[], area: ChartArea): string {
  const [first, ...rest] = readings;
  if (!first) return "";
  const x = (atMs: number): string => round(Math.max(0, 1 - (area.nowMs - atMs) / WINDOW_MS) * area.width);
  const y = (value: number): string => round((1 - share(value, area.most)) * area.height);
  const steps = rest.map(({ atMs, value }) => `H${x(atMs)}V${y(value)}`);
  return `M${x(first.atMs)} ${y(first.value)}${steps.join("")}H${round(area.width)}`;
}

/** The same line, closed along the bottom: for the area below it. */
export function stepArea(readings: readonly Reading[], area: ChartArea): string {
  const line = stepPath(readings, area);
  if (line === "") return "";
  const start = /^M(\S+)/.exec(line)?.[1] ?? "0";
  return `${line}V${round(area.height)}H${start}Z`;
}

function share(value: number, most: number): number {
  return most > 0 ? Math.min(1, Math.max(0, value / most)) : 0;
}

/** A tenth of a unit is less than a pixel. */
function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}
