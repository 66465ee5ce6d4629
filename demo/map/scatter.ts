/** @file The map as a picture on a canvas, by Chart.js: loaded when the first map is opened. */
import { Chart, LinearScale, PointElement, ScatterController } from "chart.js";
import type { ActiveElement, ChartDataset, PointStyle } from "chart.js";
import type { MapGroup, MapSpot } from "./map-view.ts";

Chart.register(ScatterController, PointElement, LinearScale);

/** In the order of the groups; the legend draws the same. From the eighth on hollow, in other colours. */
const SHAPES: readonly PointStyle[] = ["circle", "triangle", "rect", "rectRot", "cross", "crossRot", "star"];
const HOLLOW_SHAPES: readonly PointStyle[] = ["rectRot", "rect", "triangle", "circle"];

/** Drawn with lines alone. */
const STROKED: ReadonlySet<PointStyle> = new Set<PointStyle>(["cross", "crossRot", "star"]);
const STROKE_WIDTH = 1.75;

/** Points without a colour of their own stand back. */
const REST_SCALE = 0.8;

/** In CSS pixels; a map of thousands of points would be one blot with larger ones. */
const RADIUS = 4;
const FEW_POINTS = 300;
const CROWDED_RADIUS = 3;
const HIT_RADIUS = 8;
const QUERY_RADIUS = 10;
const POINTED_RADIUS = 12;
/** A finger's width, nearly, around a point. */
const TOUCH_RADIUS = 8;

/** Room around the outermost points, in units of the map. */
const MARGIN = 0.08;

/** Two hexadecimal digits behind a colour: points stand back when there are hits to see. */
const FULL = "e6";
const FAINT = "80";

/** What the map shows. */
export interface ScatterView {
  /** `[rows, 2]`, from −1 to 1. */
  readonly positions: Float32Array;
  readonly groups: readonly MapGroup[];
  /** Rows to be ringed. */
  readonly hits: readonly number[];
  readonly query: MapSpot | null;
  /** The row that the visitor points at elsewhere on the page. */
  readonly pointed: number | null;
}

/** Where in the canvas a row is drawn, in CSS pixels from its top left. */
export interface PointedAt {
  readonly row: number;
  readonly left: number;
  readonly top: number;
}

/** What the picture tells. */
export interface ScatterHandlers {
  /** `null`: at none. */
  onPoint(at: PointedAt | null): void;
  onOpen(row: number): void;
}

export interface Scatter {
  show(view: ScatterView): void;
  dispose(): void;
}

/**
 * Draws on a canvas whose parent gives it its size. Colours come from the custom properties `--map-1` to `--map-7`,
 * `--map-rest`, `--ink` and `--surface`, read at each `show`; those of the map are of six hexadecimal digits.
 */
export function drawScatter(canvas: HTMLCanvasElement, { onPoint, onOpen }: ScatterHandlers): Scatter {
  /** Rows of each dataset that can be pointed at. */
  let rowsOf: readonly (readonly number[])[] = [];
  const rowOf = (element: ActiveElement | undefined): number | undefined =>
    element && rowsOf[element.datasetIndex]?.[element.index];
  const bounds = { min: -1 - MARGIN, max: 1 + MARGIN, display: false };
  const chart = new Chart(canvas, {
    type: "scatter",
    data: { datasets: [] },
    options: {
      animation: false,
      maintainAspectRatio: false,
      // The margin does: else all points would move when one is drawn larger.
      layout: { autoPadding: false },
      interaction: { mode: "nearest", intersect: true },
      scales: { x: bounds, y: bounds },
      onHover: (_event, [element]) => {
        const row = rowOf(element);
        canvas.style.cursor = row === undefined ? "" : "pointer";
        onPoint(row === undefined ? null : { row, left: element!.element.x, top: element!.element.y });
      },
      onClick: (_event, [element]) => {
        const row = rowOf(element);
        if (row !== undefined) onOpen(row);
      },
    },
  });
  // Chart.js says nothing of a pointer that has left.
  const onLeave = (): void => onPoint(null);
  canvas.addEventListener("pointerleave", onLeave);
  return {
    show(view) {
      const layers = layersOf(view, getComputedStyle(canvas));
      rowsOf = layers.map(({ rows }) => rows);
      chart.data.datasets = layers.map(({ dataset }) => dataset);
      chart.update("none");
    },
    dispose() {
      canvas.removeEventListener("pointerleave", onLeave);
      chart.destroy();
    },
  };
}

interface Layer {
  /** Empty where nothing of it can be pointed at. */
  readonly rows: readonly number[];
  readonly dataset: ChartDataset<"scatter">;
}

/** What is drawn last comes first. A reach of less than nothing lets the pointer through to what lies below. */
function layersOf(view: ScatterView, style: CSSStyleDeclaration): Layer[] {
  const { positions, groups, hits, query, pointed } = view;
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const spots = (rows: readonly number[]): MapSpot[] =>
    rows.map((row) => ({ x: positions[row * 2]!, y: positions[row * 2 + 1]! }));
  const ring = { pointBackgroundColor: "transparent", pointBorderColor: colour("--ink"), pointBorderWidth: 2 };
  const crowded = positions.length / 2 > FEW_POINTS;
  return [
    {
      rows: [],
      dataset: {
        data: query ? [query] : [],
        pointStyle: "rectRot",
        pointRadius: QUERY_RADIUS,
        pointHitRadius: -QUERY_RADIUS,
        pointBackgroundColor: colour("--ink"),
        pointBorderColor: colour("--surface"),
        pointBorderWidth: 2,
      },
    },
    {
      rows: [],
      dataset: {
        data: spots(pointed === null ? [] : [pointed]),
        pointRadius: POINTED_RADIUS,
        pointHitRadius: -POINTED_RADIUS,
        ...ring,
      },
    },
    { rows: hits, dataset: { data: spots(hits), pointRadius: HIT_RADIUS, pointHoverRadius: POINTED_RADIUS, ...ring } },
    ...groups.map((group, at) => groupLayer({ group, at, crowded, faint: hits.length > 0, colour, spots })),
  ];
}

interface GroupLook {
  readonly group: MapGroup;
  readonly at: number;
  readonly crowded: boolean;
  readonly faint: boolean;
  readonly colour: (name: string) => string;
  readonly spots: (rows: readonly number[]) => MapSpot[];
}

function groupLayer({ group, at, crowded, faint, colour, spots }: GroupLook): Layer {
  const { label, rows } = group;
  const isRest = label === null;
  const isHollow = !isRest && at >= SHAPES.length;
  const own = colour(isRest ? "--map-rest" : `--map-${(at % SHAPES.length) + 1}`);
  const shown = own + (faint ? FAINT : FULL);
  return {
    rows,
    dataset: {
      data: spots(rows),
      pointStyle: isRest ? "circle" : isHollow ? HOLLOW_SHAPES[at - SHAPES.length]! : SHAPES[at]!,
      pointRadius: (crowded ? CROWDED_RADIUS : RADIUS) * (isRest ? REST_SCALE : 1),
      pointHoverRadius: HIT_RADIUS,
      pointHitRadius: TOUCH_RADIUS,
      pointBackgroundColor: isHollow ? "transparent" : shown,
      pointBorderColor: shown,
      pointBorderWidth: isHollow || STROKED.has(SHAPES[at]!) ? STROKE_WIDTH : 1,
      pointHoverBackgroundColor: own,
      pointHoverBorderColor: colour("--ink"),
    },
  };
}
