/** @file Frames → one SVG that plays them, without a script, so that it works as an image. Pure. */
import { toDataUrl } from "./webp.ts";

/** What is on the screen for a while. */
export interface TourFrame {
  readonly webp: Buffer;
  readonly durationMs: number;
  /** Stands for all of them where nothing is to move. */
  readonly isStill?: true;
}

/** In CSS pixels, of each frame. */
export interface TourSize {
  readonly width: number;
  readonly height: number;
}

/**
 * Plays frames one after the other, over and over; with reduced motion it shows one of them.
 *
 * @param frames - At least one; the still one is the last where none is marked.
 * @returns SVG source; each frame is on the screen from its start to the next one's.
 */
export function tourSvg(frames: readonly TourFrame[], { width, height }: TourSize): string {
  const totalMs = frames.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const marked = frames.findIndex(({ isStill }) => isStill);
  const still = marked === -1 ? frames.length - 1 : marked;
  let startMs = 0;
  const rules: string[] = [];
  const images = frames.map(({ webp, durationMs }, at) => {
    rules.push(keyframes(`f${at}`, startMs / totalMs, (startMs + durationMs) / totalMs));
    startMs += durationMs;
    const stillClass = at === still ? " still" : "";
    return `<image class="frame${stillClass}" style="animation-name:f${at}" width="${width}" height="${height}" href="${toDataUrl(webp, "webp")}"/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<style>
.frame{visibility:hidden}
.still{visibility:visible}
@media (prefers-reduced-motion:no-preference){.frame{animation:${totalMs}ms step-end infinite}}
@media (prefers-reduced-motion:reduce){.frame{animation:none!important}}
${rules.join("\n")}
</style>
<clipPath id="corners"><rect width="${width}" height="${height}" rx="14"/></clipPath>
<g clip-path="url(#corners)">
${images.join("\n")}
</g>
<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="13.5" fill="none" stroke="#7d8782"/>
</svg>
`;
}

/** Seen from one share of the time to another. */
function keyframes(name: string, start: number, end: number): string {
  const percent = (share: number): string => `${(100 * share).toFixed(3)}%`;
  const before = start > 0 ? "0%{visibility:hidden}" : "";
  const after = end < 1 ? `${percent(end)}{visibility:hidden}` : "";
  return `@keyframes ${name}{${before}${percent(start)}{visibility:visible}${after}100%{visibility:${end < 1 ? "hidden" : "visible"}}}`;
}
