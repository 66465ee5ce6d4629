/** @file Views against sorting by cosine. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Precision } from "../../search-types.ts";
import type { Candidate } from "./coding.ts";
import { cutAndNormalize } from "./cut.ts";
import { CHUNK_BYTES } from "./row-chunks.ts";
import { createView, rescore, type VectorView } from "./views.ts";

const PRECISIONS: readonly Precision[] = ["float32", "float16", "int8", "binary"];
/** Float32 rounding of unit vectors; a cosine of them is off by far less than a millionth. */
const FLOAT32_TOLERANCE = 1e-6;

/** Unit rows, `[count, dimensions]`, uniform in all directions. */
function randomRows(count: number, dimensions: number, seed: number): Float32Array {
  let state = seed;
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const rows = Float32Array.from({ length: count * dimensions }, () => random() + random() + random() - 1.5);
  return cutAndNormalize(rows, dimensions, dimensions);
}

function rowsOf(vectors: Float32Array, rows: readonly number[], dimensions: number): Float32Array {
  const read = new Float32Array(rows.length * dimensions);
  for (const [i, row] of rows.entries()) {
    read.set(vectors.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions);
  }
  return read;
}

/** Every row by its cosine, best first. */
function sortAll(vectors: Float32Array, query: Float32Array, dimensions: number): Candidate[] {
  const count = vectors.length / query.length;
  const scored = Array.from({ length: count }, (_, row) => {
    const start = row * query.length;
    let [product, rowSum, querySum] = [0, 0, 0];
    for (let i = 0; i < dimensions; i++) {
      product += vectors[start + i]! * query[i]!;
      rowSum += vectors[start + i]! ** 2;
      querySum += query[i]! ** 2;
    }
    return { row, score: product / Math.sqrt(rowSum * querySum) };
  });
  return scored.sort((a, b) => b.score - a.score || a.row - b.row);
}

/** The first rows of `all`: scores in its order, and each row's own; rows of nearly equal scores may change places. */
function expectFirst(found: readonly Candidate[], all: readonly Candidate[], tolerance: number): void {
  const scores = new Map(all.map(({ row, score }) => [row, score]));
  for (const [i, { row, score }] of found.entries()) {
    expect(Math.abs(score - all[i]!.score)).toBeLessThan(tolerance);
    expect(Math.abs(score - scores.get(row)!)).toBeLessThan(tolerance);
  }
  expect(new Set(found.map(({ row }) => row)).size).toBe(found.length);
}

const shapes = fc.record({
  stored: fc.constantFrom(7, 32, 100, 129),
  cut: fc.double({ min: 0.2, max: 1, noNaN: true }),
  rows: fc.integer({ min: 1, max: 40 }),
  seed: fc.nat(),
});

describe("createView", () => {
  it("finds in float32 what sorting by cosine finds, at any cut and limit", () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 60 }), ({ stored, cut, rows, seed }, limit) => {
        const dimensions = Math.max(1, Math.round(stored * cut));
        const vectors = randomRows(rows, stored, seed);
        const query = randomRows(1, stored, seed + 1).map((component) => 3 * component);
        const view = createView("float32", dimensions);
        view.append(vectors, stored);
        const found = view.scan(query, limit, null);
        expect(found).toHaveLength(Math.min(limit, rows));
        expectFirst(found, sortAll(vectors, query, dimensions), FLOAT32_TOLERANCE);
      }),
      { numRuns: 60 },
    );
  });

  it("gives the exact order in every precision once all rows are rescored", () => {
    fc.assert(
      fc.property(shapes, fc.constantFrom(...PRECISIONS), ({ stored, rows, seed }, precision) => {
        const vectors = randomRows(rows, stored, seed);
        const query = randomRows(1, stored, seed + 1);
        const view = createView(precision, stored);
        view.append(vectors, stored);
        const candidates = view.scan(query, rows, null);
        const read = rowsOf(
          vectors,
          candidates.map(({ row }) => row),
          stored,
        );
        expect(candidates).toHaveLength(rows);
        expectFirst(rescore(candidates, read, query), sortAll(vectors, query, stored), FLOAT32_TOLERANCE);
      }),
      { numRuns: 60 },
    );
  });

  it("estimates cosines: float16 to 1e-3, int8 to 1e-2, binary without bias", () => {
    const dimensions = 1000;
    const vectors = randomRows(200, dimensions, 5);
    const query = Float32Array.from(vectors.subarray(0, dimensions), (x, i) => x + vectors[dimensions + i]!);
    const exact = new Map(sortAll(vectors, query, dimensions).map(({ row, score }) => [row, score]));
    const errors = (precision: Precision): number[] => {
      const view = createView(precision, dimensions);
      view.append(vectors, dimensions);
      return view.scan(query, 200, null).map(({ row, score }) => score - exact.get(row)!);
    };
    const largest = (precision: Precision): number => Math.max(...errors(precision).map(Math.abs));
    expect(largest("float16")).toBeLessThan(1e-3);
    expect(largest("int8")).toBeLessThan(1e-2);
    // One component's sign is off by about 0.75 of it: sqrt(0.57 / 1000) for a cosine, five of which are never exceeded.
    expect(largest("binary")).toBeLessThan(0.12);
    const binary = errors("binary");
    expect(Math.abs(binary.reduce((sum, error) => sum + error, 0) / binary.length)).toBeLessThan(0.01);
  });

  it("passes over rows that are not accepted", () => {
    fc.assert(
      fc.property(shapes, fc.constantFrom(...PRECISIONS), ({ stored, rows, seed }, precision) => {
        const view = createView(precision, stored);
        view.append(randomRows(rows, stored, seed), stored);
        const query = randomRows(1, stored, seed + 1);
        const accepted = Uint8Array.from({ length: rows }, (_, row) =>
          Math.imul(row + seed, 2654435761) >>> 30 ? 1 : 0,
        );
        const expected = view.scan(query, rows, null).filter(({ row }) => accepted[row] === 1);
        expect(view.scan(query, rows, accepted)).toEqual(expected);
        expect(view.scan(query, 3, accepted)).toEqual(expected.slice(0, 3));
      }),
      { numRuns: 60 },
    );
  });

  it("is the same whether rows come at once or in pieces", () => {
    fc.assert(
      fc.property(shapes, fc.constantFrom(...PRECISIONS), fc.nat({ max: 40 }), (shape, precision, cut) => {
        const { stored, rows, seed } = shape;
        const vectors = randomRows(rows, stored, seed);
        const query = randomRows(1, stored, seed + 1);
        const [whole, pieces] = [createView(precision, stored), createView(precision, stored)];
        whole.append(vectors, stored);
        pieces.append(vectors.subarray(0, Math.min(cut, rows) * stored), stored);
        pieces.append(vectors.subarray(Math.min(cut, rows) * stored), stored);
        expect(pieces.scan(query, rows, null)).toEqual(whole.scan(query, rows, null));
      }),
      { numRuns: 40 },
    );
  });

  it("is the same in binary once there are enough rows for a centre, and nearer to the exact cosines then", () => {
    const [dimensions, rows] = [100, 300];
    // Much in common, as embeddings have.
    const vectors = cutAndNormalize(
      randomRows(rows, dimensions, 2).map((component) => component + 0.1),
      dimensions,
      dimensions,
    );
    const query = vectors.subarray(0, dimensions);
    const [whole, pieces, early] = [1, 2, 3].map(() => createView("binary", dimensions)) as [
      VectorView,
      VectorView,
      VectorView,
    ];
    whole.append(vectors, dimensions);
    for (let row = 0; row < rows; row += 50) {
      pieces.append(vectors.subarray(row * dimensions, (row + 50) * dimensions), dimensions);
    }
    expect(pieces.scan(query, rows, null)).toEqual(whole.scan(query, rows, null));
    early.append(vectors.subarray(0, 255 * dimensions), dimensions);
    const exact = new Map(sortAll(vectors, query, dimensions).map(({ row, score }) => [row, score]));
    const meanError = (view: VectorView): number => {
      const found = view.scan(query, 255, null);
      return found.reduce((sum, { row, score }) => sum + Math.abs(score - exact.get(row)!), 0) / found.length;
    };
    expect(meanError(whole)).toBeLessThan(meanError(early));
  });

  // Binary rows are too small to fill a chunk within a moment; its chunks are the same class.
  it.each(["float32", "float16", "int8"] as const)(
    "finds rows of %s beyond a chunk's end, and holds little more than they need",
    (precision) => {
      const dimensions = 4096;
      const componentBytes = { float32: 4, float16: 2, int8: 1 }[precision];
      const rows = Math.ceil((1.2 * CHUNK_BYTES) / (dimensions * componentBytes));
      const view = createView(precision, dimensions);
      const batch = randomRows(16, dimensions, 9);
      for (let row = 0; row < rows; row++)
        view.append(batch.subarray((row % 16) * dimensions, ((row % 16) + 1) * dimensions), dimensions);
      const last = batch.subarray(((rows - 1) % 16) * dimensions, (((rows - 1) % 16) + 1) * dimensions);
      const same = Array.from({ length: rows }, (_, row) => row).filter((row) => row % 16 === (rows - 1) % 16);
      expect(view.scan(last, same.length, null).map(({ row }) => row)).toEqual(same);
      expect(view.rows).toBe(rows);
      expect(view.bytes).toBeLessThan(2.1 * CHUNK_BYTES);
    },
  );

  it("refuses a query without direction or of too few components, and keeps what it has when a row is no number", () => {
    const view = createView("int8", 3);
    view.append(Float32Array.of(1, 0, 0, 0), 4);
    expect(() => view.scan(Float32Array.of(0, 0, 0, 1), 1, null)).toThrow(
      expect.objectContaining({ code: "invalid-input" }),
    );
    expect(() => view.scan(Float32Array.of(1, NaN, 0, 1), 1, null)).toThrow(
      expect.objectContaining({ code: "invalid-input" }),
    );
    expect(() => view.scan(Float32Array.of(1, 1), 1, null)).toThrow(
      expect.objectContaining({ code: "index-mismatch" }),
    );
    expect(() => view.append(Float32Array.of(0, 1, 0, 0, NaN, 0, 0, 0), 4)).toThrow(
      expect.objectContaining({ code: "numeric-fault", details: expect.objectContaining({ row: 1 }) }),
    );
    expect(view.rows).toBe(1);
    expect(view.scan(Float32Array.of(2, 0, 0, 0), 5, null)).toEqual([{ row: 0, score: expect.closeTo(1, 4) }]);
  });

  it("scores a row that the cut leaves without direction 0", () => {
    for (const precision of PRECISIONS) {
      const view = createView(precision, 2);
      view.append(Float32Array.of(0, 0, 1), 3);
      expect(view.scan(Float32Array.of(1, 0, 0), 1, null)[0]!.score === 0).toBe(true);
    }
  });
});
