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
  return { positions: fitToSquare(Float32Array.from(umap.getEmbedding().flat())), method: "umap" };
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

/** Moves and scales, the same along both axes, so that all lies between −1 and 1. */
function fitToSquare(positions: Float32Array): Float32Array {
  const [x, y] = [span(positions, 0), span(positions, 1)];
  const radius = Math.max(x.radius, y.radius) || 1;
  return positions.map((value, at) => (value - (at % 2 === 0 ? x : y).middle) / radius);
}

function span(positions: Float32Array, axis: 0 | 1): { readonly middle: number; readonly radius: number } {
  let [least, most] = [Infinity, -Infinity];
  for (let at = axis; at < positions.length; at += 2) {
    least = Math.min(least, positions[at]!);
    most = Math.max(most, positions[at]!);
  }
  return positions.length === 0 ? { middle: 0, radius: 0 } : { middle: (least + most) / 2, radius: (most - least) / 2 };
}
