/** @file What is drawn on the map: groups by subject, hits, the place of the query. Pure. */

/** As many colours and shapes as can be told apart: seven of each, and four hollow shapes. What is left is one group. */
export const MOST_GROUPS = 11;

/** The query lies among its nearest passages; more would pull it to the middle of the map. */
const QUERY_NEIGHBOURS = 5;

/** A hit whose cosine is so much lower than the best counts 1/e of it. */
const COSINE_SCALE = 0.03;

/** Points of one subject, drawn in one colour and shape. */
export interface MapGroup {
  /** `null`: all subjects that have no colour of their own. */
  readonly label: string | null;
  /** Rows of the map. */
  readonly rows: readonly number[];
}

/** A hit that is on the map. */
export interface MapMark {
  readonly row: number;
  /** To the query; `null` where it was found by its words alone. */
  readonly cosine: number | null;
}

export interface MapSpot {
  readonly x: number;
  readonly y: number;
}

/**
 * The largest subjects, largest first, and the rest together.
 *
 * @param subjects - Of each row.
 */
export function groupRows(subjects: readonly string[]): MapGroup[] {
  const rowsOf = new Map<string, number[]>();
  subjects.forEach((subject, row) => {
    const rows = rowsOf.get(subject);
    if (rows) rows.push(row);
    else rowsOf.set(subject, [row]);
  });
  const all = [...rowsOf].sort(([a, rows], [b, others]) => others.length - rows.length || a.localeCompare(b));
  // One group left over is no "rest".
  const named = all.length <= MOST_GROUPS ? all : all.slice(0, MOST_GROUPS - 1);
  const rest = all.slice(named.length).flatMap(([, rows]) => rows);
  return [
    ...named.map(([label, rows]) => ({ label, rows })),
    ...(rest.length > 0 ? [{ label: null, rows: rest }] : []),
  ];
}

/**
 * Where the query would lie: the centre of its nearest passages, the nearer the heavier. Laying the map out anew with
 * the query in it would take seconds and move everything.
 *
 * @param positions - `[rows, 2]`.
 * @returns `null` where no hit that is on the map has a cosine.
 */
export function placeQuery(marks: readonly MapMark[], positions: Float32Array): MapSpot | null {
  const near = marks
    .filter((mark): mark is MapMark & { readonly cosine: number } => mark.cosine !== null)
    .sort((a, b) => b.cosine - a.cosine)
    .slice(0, QUERY_NEIGHBOURS);
  const best = near[0]?.cosine;
  if (best === undefined) return null;
  let [x, y, whole] = [0, 0, 0];
  for (const { row, cosine } of near) {
    const weight = Math.exp((cosine - best) / COSINE_SCALE);
    x += weight * positions[row * 2]!;
    y += weight * positions[row * 2 + 1]!;
    whole += weight;
  }
  return { x: x / whole, y: y / whole };
}

/** A place in one of nine parts of the map, as a key for words. */
export type MapRegion = `${"top" | "middle" | "bottom"}-${"left" | "centre" | "right"}`;

/** @param spot - x and y from −1 to 1, y upwards. */
export function regionOf({ x, y }: MapSpot): MapRegion {
  const third = 1 / 3;
  const row = y > third ? "top" : y < -third ? "bottom" : "middle";
  const column = x > third ? "right" : x < -third ? "left" : "centre";
  return `${row}-${column}`;
}
