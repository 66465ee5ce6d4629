/** @file Vectors → a map on which neighbours lie together. Pure; seconds of work, so it runs in a worker. */
import { UMAP } from "umap-js";
import type { MapLayout, MapVectors } from "./map-types.ts";
import { nearestNeighbours, toUnitRows } from "./neighbours.ts";
import { principalComponents } from "./principal-components.ts";
import { seededRandom } from "./random.ts";

/** UMAP's own default: enough to keep a subject together, few enough to keep two apart. */
const NEIGHBOURS = 15;

/** With fewer vectors each is a neighbour of all, and UMAP has nothing to say. */
export const LEAST_FOR_UMAP = NEIGHBOURS + 1;

/** Begun from the principal components, the map stands still after these; a random start takes 500. */
const EPOCHS = 200;

/** Any but 0. */
const SEED = 6;

/** UMAP's coordinates at its start. */
const START_RADIUS = 10;

/** Vectors that are the same begin this far apart, or no force would part them. */
const START_NOISE = 1e-3;

/** A handful of passages that are like no others drift far away: they are not to press the rest into a corner. */
const OUTERMOST = 0.02;

/** How far out the outermost may lie, as a multiple of what sets the scale. */
const REACH = 1.35;

/** What finding the neighbours takes of the whole, roughly. */
const NEIGHBOUR_SHARE = 0.4;

/**
 * Lays vectors out in a plane; the same vectors always in the same way.
 *
 * @param onProgress - From 0 to 1.
 */
export function layOut(vectors: MapVectors, onProgress: (share: number) => void = () => undefined): MapLayout {
  const unit = toUnitRows(vectors);
  const components = principalComponents(unit);
  if (vectors.rows < LEAST_FOR_UMAP) return { positions: fitToSquare(components), method: "components" };
  const { indices, distances } = nearestNeighbours(unit, NEIGHBOURS, (share) => onProgress(share * NEIGHBOUR_SHARE));
  const umap = new UMAP({ nNeighbors: NEIGHBOURS, nEpochs: EPOCHS, random: seededRandom(SEED) });
  umap.setPrecomputedKNN(indices, distances);
  // With neighbours given, UMAP asks for the number of vectors alone.
  const epochs = umap.initializeFit(indices);
  startFrom(umap.getEmbedding(), components);
  for (let epoch = 1; epoch <= epochs; epoch++) {
    umap.step();
    onProgress(NEIGHBOUR_SHARE + (1 - NEIGHBOUR_SHARE) * (epoch / epochs));
  }
  return { positions: fitToSquare(Float32Array.from(umap.getEmbedding().flat()), OUTERMOST), method: "umap" };
}

/**
 * umap-js begins at random, which tears subjects apart; it moves the very arrays that `getEmbedding` returns, so that
 * they can be given another beginning.
 */
function startFrom(points: number[][], components: Float32Array): void {
  const random = seededRandom(SEED);
  const square = fitToSquare(components);
  points.forEach((point, row) => {
    for (const axis of [0, 1]) point[axis] = square[row * 2 + axis]! * START_RADIUS + random() * START_NOISE;
  });
}

/**
 * Moves and scales points (`[rows, 2]`), the same along both axes, so that all lies between −1 and 1.
 *
 * @param outermost - Share at either end of an axis that is not to set the scale; what then lies outside comes to the edge.
 */
export function fitToSquare(positions: Float32Array, outermost = 0): Float32Array {
  const frame = (left: number, reach: number) => {
    const [x, y] = [span(positions, 0, left), span(positions, 1, left)];
    return { x: x.middle, y: y.middle, radius: Math.max(x.radius, y.radius) * reach };
  };
  const [all, most] = [frame(0, 1), frame(outermost, REACH)];
  const { x, y, radius } = all.radius <= most.radius ? all : most;
  return positions.map((value, at) => Math.max(-1, Math.min(1, (value - (at % 2 === 0 ? x : y)) / (radius || 1))));
}

function span(positions: Float32Array, axis: 0 | 1, outermost: number): { middle: number; radius: number } {
  const sorted = positions.filter((_, at) => at % 2 === axis).sort();
  const last = sorted.length - 1;
  const least = sorted[Math.floor(last * outermost)] ?? 0;
  const most = sorted[Math.ceil(last * (1 - outermost))] ?? 0;
  return { middle: (least + most) / 2, radius: (most - least) / 2 };
}
