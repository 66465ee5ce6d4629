/** @file The plane in which vectors differ most. Pure. */
import type { MapVectors } from "./map-types.ts";
import { seededRandom } from "./random.ts";

/** Each turns the axes closer to where they belong; a map needs no more digits. */
const ITERATIONS = 40;

/** Any but 0: where the search for the axes begins. */
const SEED = 1;

/** Below this share of the first axis, what is left is rounding. */
const LEAST_SHARE = 1e-6;

/**
 * First two principal components, by power iteration on the centred vectors.
 *
 * @returns `[rows, 2]`; zeros along an axis that the vectors do not differ in. The sign of each axis is such that the
 *   component furthest from 0 is positive.
 */
export function principalComponents({ data, rows, dimensions }: MapVectors): Float32Array {
  const centred = centre({ data, rows, dimensions });
  const positions = new Float32Array(rows * 2);
  const random = seededRandom(SEED);
  const first = principalAxis(centred, random, null);
  const second = principalAxis(centred, random, first);
  [first, second].forEach((axis, column) => {
    const along = project(centred, axis);
    const furthest = along.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
    for (let row = 0; row < rows; row++) positions[row * 2 + column] = furthest < 0 ? -along[row]! : along[row]!;
  });
  dropRounding(positions);
  return positions;
}

function centre({ data, rows, dimensions }: MapVectors): MapVectors {
  const mean = new Float64Array(dimensions);
  for (let at = 0; at < data.length; at++) mean[at % dimensions]! += data[at]! / rows;
  return { data: data.map((value, at) => value - mean[at % dimensions]!), rows, dimensions };
}

/** Of length 1, at a right angle to `other`. */
function principalAxis(centred: MapVectors, random: () => number, other: Float64Array | null): Float64Array {
  let axis = normalized(withoutPart(Float64Array.from({ length: centred.dimensions }, random), other));
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    axis = normalized(withoutPart(gather(centred, project(centred, axis)), other));
  }
  return axis;
}

/** `[rows]`: each vector along the axis. */
function project({ data, rows, dimensions }: MapVectors, axis: Float64Array): Float64Array {
  const along = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let at = 0; at < dimensions; at++) sum += data[row * dimensions + at]! * axis[at]!;
    along[row] = sum;
  }
  return along;
}

/** `[dimensions]`: the vectors' sum, each times its weight. */
function gather({ data, rows, dimensions }: MapVectors, weights: Float64Array): Float64Array {
  const sum = new Float64Array(dimensions);
  for (let row = 0; row < rows; row++) {
    for (let at = 0; at < dimensions; at++) sum[at]! += data[row * dimensions + at]! * weights[row]!;
  }
  return sum;
}

function withoutPart(vector: Float64Array, axis: Float64Array | null): Float64Array {
  if (axis === null) return vector;
  const part = vector.reduce((sum, value, at) => sum + value * axis[at]!, 0);
  return vector.map((value, at) => value - part * axis[at]!);
}

function normalized(vector: Float64Array): Float64Array {
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}

/** Points on a line are to lie on a line. */
function dropRounding(positions: Float32Array): void {
  let [width, height] = [0, 0];
  for (let at = 0; at < positions.length; at += 2) {
    width = Math.max(width, Math.abs(positions[at]!));
    height = Math.max(height, Math.abs(positions[at + 1]!));
  }
  if (height > width * LEAST_SHARE) return;
  for (let at = 1; at < positions.length; at += 2) positions[at] = 0;
}
