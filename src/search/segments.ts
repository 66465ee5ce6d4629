/** @file Intl.Segmenter in time that grows with the text's length alone. Pure. */

/**
 * V8 takes time with the square of the length where a text is longer than 64 Ki units and not Latin-1: 20 s for the
 * graphemes of 120,000 Chinese characters (Node 20), and 0.3 s in windows.
 */
const WINDOW = 1 << 13;

/**
 * Calls `visit` with the UTF-16 offsets of each segment, ascending, end exclusive. A window ends where its last segment
 * begins, as that one may go on; one that fills several windows is taken for ended at 64 Ki units.
 */
export function eachSegment(
  segmenter: Intl.Segmenter,
  text: string,
  visit: (start: number, end: number) => void,
): void {
  let [start, length] = [0, WINDOW];
  while (start < text.length) {
    const end = Math.min(start + length, text.length);
    const starts = Array.from(segmenter.segment(text.slice(start, end)), ({ index }) => start + index);
    const last = starts.at(-1)!;
    const ended = end === text.length || (last === start && length >= WINDOW * 8);
    if (ended) starts.push(end);
    for (let index = 1; index < starts.length; index++) visit(starts[index - 1]!, starts[index]!);
    length = last === start && !ended ? length * 2 : WINDOW;
    start = ended ? end : last;
  }
}

const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });

/**
 * @param limit - 1 or more.
 * @returns The last boundary between graphemes up to `limit`, or the first one after it where there is none.
 */
export function graphemeCut(text: string, limit: number): number {
  for (let length = limit + WINDOW; ; length *= 2) {
    const content = text.slice(0, length);
    const at = graphemes.segment(content).containing(Math.min(limit, content.length));
    if (!at) return content.length;
    if (at.index > 0) return at.index;
    if (at.segment.length < content.length || content.length === text.length) return at.segment.length;
  }
}
