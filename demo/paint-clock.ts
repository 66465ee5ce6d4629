/** @file From the keystroke to the pixels: when results are on the screen, as those who measure want to know. */
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Answer } from "./state.ts";

/** Name of the `performance.measure` of each answer. */
const MEASURE = "strata:painted";

/**
 * Writes `data-painted-ms` at the list once an answer is painted: the time since it was asked for, without what the
 * model took for the query.
 *
 * @param answer - As it is rendered now.
 * @returns For the list.
 */
export function usePaintClock(answer: Answer | null): RefObject<HTMLOListElement | null> {
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    if (answer === null || answer.askedAtMs === null || !answer.isFinal) return;
    const { askedAtMs, result } = answer;
    return afterPaint(() => {
      const endMs = performance.now();
      performance.measure(MEASURE, { start: askedAtMs, end: endMs });
      list.current?.setAttribute("data-painted-ms", (endMs - askedAtMs - result.timings.embedMs).toFixed(1));
      list.current?.setAttribute("data-painted-query", answer.question.query);
    });
  }, [answer]);
  return list;
}

/** A frame is painted after its callbacks; the first task after that finds it on the screen. */
function afterPaint(then: () => void): () => void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = then;
  const frame = requestAnimationFrame(() => port2.postMessage(null));
  return () => {
    cancelAnimationFrame(frame);
    port1.close();
  };
}
