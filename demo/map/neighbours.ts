/** @file Each vector's nearest others by cosine, exactly. Pure. */
import type { MapVectors } from "./map-types.ts";

/** As UMAP takes them: each vector is the first of its own neighbours, at distance 0. */
export interface Neighbours {
  /** `[rows][count]`, nearest first. */
  readonly indices: number[][];
  /** `[rows][count]`: 1 − cosine, never below 0. */
  readonly distances: number[][];
}

/** So often progress is told, in rows. */
const ROWS_A_STEP = 64;

/**
 * Compares all pairs: for a few thousand vectors as quick as an approximate search, and right.
 *
 * @param unit - Vectors of length 1.
 * @param count - Neighbours of each, itself included; at most the rows.
 * @param onProgress - Share of the pairs that are done.
 */
export function nearestNeighbours(
  unit: MapVectors,
  count: number,
  onProgress: (share: number) => void = () => undefined,
): Neighbours {
  const { rows } = unit;
  const distances = new Float32Array(rows * rows);
  for (let row = 0; row < rows; row++) {
    for (let other = row + 1; other < rows; other++) {
      const distance = Math.max(0, 1 - dotOfRows(unit, row, other));
      distances[row * rows + other] = distance;
      distances[other * rows + row] = distance;
    }
    if (row % ROWS_A_STEP === 0) onProgress(1 - ((rows - row) / rows) ** 2);
  }
  const nearest = Array.from({ length: rows }, (_, row) =>
    nearestOf(distances.subarray(row * rows, (row + 1) * rows), row, count),
  );
  return {
    indices: nearest,
    distances: nearest.map((indices, row) => indices.map((other) => distances[row * rows + other]!)),
  };
}

/** The vectors at length 1; a row of zeros stays one. */
export function toUnitRows({ data, rows, dimensions }: MapVectors): MapVectors {
  const unit = new Float32Array(data);
  for (let row = 0; row < rows; row++) {
    let square = 0;
    for (let at = row * dimensions; at < (row + 1) * dimensions; at++) square += unit[at]! ** 2;
    if (square === 0) continue;
    const scale = 1 / Math.sqrt(square);
    for (let at = row * dimensions; at < (row + 1) * dimensions; at++) unit[at]! *= scale;
  }
  return { data: unit, rows, dimensions };
}

/** Four sums, so that one addition need not wait for the one before. */
function dotOfRows({ data, dimensions }: MapVectors, row: number, other: number): number {
  const a = row * dimensions;
  const b = other * dimensions;
  const even = dimensions - (dimensions % 4);
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  for (let at = 0; at < even; at += 4) {
    s0 += data[a + at]! * data[b + at]!;
    s1 += data[a + at + 1]! * data[b + at + 1]!;
    s2 += data[a + at + 2]! * data[b + at + 2]!;
    s3 += data[a + at + 3]! * data[b + at + 3]!;
  }
  for (let at = even; at < dimensions; at++) s0 += data[a + at]! * data[b + at]!;
  return s0 + s1 + (s2 + s3);
}

/** `self`, then the nearest; of equals the one that comes first. */
function nearestOf(distances: Float32Array, self: number, count: number): number[] {
  const nearest: number[] = [];
  for (let other = 0; other < distances.length; other++) {
    if (other === self) continue;
    const distance = distances[other]!;
    if (nearest.length === count - 1 && distance >= distances[nearest.at(-1)!]!) continue;
    let at = nearest.length;
    while (at > 0 && distances[nearest[at - 1]!]! > distance) at--;
    nearest.splice(at, 0, other);
    nearest.length = Math.min(nearest.length, count - 1);
  }
  return [self, ...nearest];
}
