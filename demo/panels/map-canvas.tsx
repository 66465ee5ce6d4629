/** @file The map's picture, and what is told of the point under the pointer. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { PointedAt, Scatter, ScatterHandlers, ScatterView } from "../map/scatter.ts";
import { FailureText } from "../failure-card.tsx";
import { toFailure } from "../failure.ts";
import type { Failure } from "../state.ts";
import { strings } from "../strings.ts";

const text = strings.panels.map;

/** A pointer that crosses the map asks for nothing. */
const GLIMPSE_DELAY_MS = 60;

/** What is told of a point under the pointer. */
export interface PassageGlimpse {
  readonly title: string;
  readonly quote: string;
}

interface MapCanvasProps {
  readonly view: ScatterView;
  /** In place of the picture. */
  readonly label: string;
  readonly describe: (row: number) => Promise<PassageGlimpse | null>;
  /** What the row is coloured by; `""` where that has no name. */
  readonly subjectOf: (row: number) => string;
  readonly onOpen: (row: number) => void;
}

/** A canvas of fixed proportions; it follows its width and the colour scheme. */
export function MapCanvas({ view, label, describe, subjectOf, onOpen }: MapCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [at, setAt] = useState<PointedAt | null>(null);
  const [scatter, failure] = useScatter(canvas, { onPoint: setAt, onOpen });
  const scheme = useColourScheme();
  useLayoutEffect(() => scatter?.show(view), [scatter, view, scheme]);
  return (
    <div class="map-frame">
      <canvas ref={canvas} role="img" aria-label={label} data-testid="map-canvas" />
      {failure && (
        <div class="map-over" role="alert">
          <FailureText failure={failure} />
        </div>
      )}
      {at && (
        <Glimpse
          key={at.row}
          at={at}
          describe={describe}
          subject={subjectOf(at.row)}
          isRight={at.left > (canvas.current?.clientWidth ?? 0) / 2}
        />
      )}
    </div>
  );
}

interface GlimpseProps {
  readonly at: PointedAt;
  readonly isRight: boolean;
  readonly subject: string;
  readonly describe: MapCanvasProps["describe"];
}

/** Beside the point, towards the middle. */
function Glimpse({ at, isRight, subject, describe }: GlimpseProps) {
  const [glimpse, setGlimpse] = useState<PassageGlimpse | null>(null);
  useEffect(() => {
    let isCurrent = true;
    const timer = setTimeout(() => {
      // A passage that cannot be read has no glimpse; opening it says why.
      describe(at.row).then(
        (found) => isCurrent && setGlimpse(found),
        () => undefined,
      );
    }, GLIMPSE_DELAY_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
    // One for each row: the component is made anew with another.
  }, []);
  if (!glimpse) return null;
  return (
    <div
      class="map-glimpse"
      data-side={isRight ? "left" : "right"}
      style={{ left: `${at.left}px`, top: `${at.top}px` }}
    >
      <p class="map-glimpse-title">{glimpse.title}</p>
      <p class="map-glimpse-quote">{glimpse.quote}</p>
      <p class="small">{subject === "" ? text.open : `${subject} · ${text.open}`}</p>
    </div>
  );
}

/** The plot library comes with the first map. */
function useScatter(
  canvas: { readonly current: HTMLCanvasElement | null },
  events: ScatterHandlers,
): readonly [Scatter | null, Failure | null] {
  const [scatter, setScatter] = useState<Scatter | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const latest = useRef(events);
  latest.current = events;
  useEffect(() => {
    let made: Scatter | null = null;
    let isGone = false;
    import("../map/scatter.ts").then(
      ({ drawScatter }) => {
        if (isGone || !canvas.current) return;
        made = drawScatter(canvas.current, {
          onPoint: (at) => latest.current.onPoint(at),
          onOpen: (row) => latest.current.onOpen(row),
        });
        setScatter(made);
      },
      (error: unknown) => !isGone && setFailure(toFailure(error)),
    );
    return () => {
      isGone = true;
      made?.dispose();
    };
  }, [canvas]);
  return [scatter, failure];
}

/** Changes when the system turns light or dark. */
function useColourScheme(): string {
  const [scheme, setScheme] = useState("");
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const onChange = (): void => setScheme(dark.matches ? "dark" : "light");
    dark.addEventListener("change", onChange);
    return () => dark.removeEventListener("change", onChange);
  }, []);
  return scheme;
}
