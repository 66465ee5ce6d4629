/** @file Weights for the float64 reference: of a written pack (dequantised), or of a source as it was. */
import type { Architecture } from "../../src/pack.ts";
import { type PackLayout, type Part, SOURCE_TABLE } from "./layout.ts";
import { type MatrixPlace, readRows } from "./multiply.ts";
import type { ReferenceWeights } from "./reference.ts";
import type { ModelSource } from "./source.ts";
import type { WorkerPool } from "./worker-pool.ts";

export interface PackPlaces {
  readonly architecture: Architecture;
  /** Where a file of the layout lies. */
  readonly path: (name: string) => string;
  readonly pool: WorkerPool;
}

/** The weights that a pack's files hold, as a runtime would see them. */
export function packWeights(layout: PackLayout, { architecture, path, pool }: PackPlaces): ReferenceWeights {
  const places = new Map<string, { part: Part; path: string }[]>();
  for (const file of layout.files) {
    for (const part of file.parts) {
      const list = places.get(part.source) ?? [];
      places.set(part.source, [...list, { part, path: path(file.name) }]);
    }
  }
  const tableRow = (id: number) => {
    const place = places.get(SOURCE_TABLE)!.find(({ part }) => id < part.firstRow + part.rows)!;
    return readRows(place, id - place.part.firstRow, 1);
  };
  return {
    architecture,
    rows: (inputIds) => concatenate(inputIds.map(tableRow)),
    gain: (source) => readRows(places.get(source)![0]!, 0, 1),
    multiply: (source, x) => {
      const place = places.get(source)![0]!;
      return multiply(pool, place, { x, rows: place.part.rows, columns: place.part.columns });
    },
  };
}

/** The weights of a checkpoint, not rounded. */
export function sourceWeights(source: ModelSource, pool: WorkerPool): ReferenceWeights {
  const place = (name: string) => ({ tensor: source.tensors.get(name)! });
  return {
    architecture: source.architecture,
    rows: (inputIds) => concatenate(inputIds.map((id) => readRows(place(SOURCE_TABLE), id, 1))),
    gain: (name) => {
      const { tensor } = place(name);
      return readRows({ tensor: { ...tensor, shape: [1, tensor.shape[0]!] } }, 0, 1);
    },
    multiply: (name, x) => {
      const [rows, columns] = place(name).tensor.shape;
      return multiply(pool, place(name), { x, rows: rows!, columns: columns! });
    },
  };
}

function concatenate(rows: readonly Float64Array[]): Float64Array {
  const size = rows[0]?.length ?? 0;
  const all = new Float64Array(rows.length * size);
  rows.forEach((row, i) => all.set(row, i * size));
  return all;
}

interface Product {
  readonly x: Float64Array;
  readonly rows: number;
  readonly columns: number;
}

async function multiply(pool: WorkerPool, place: MatrixPlace, { x, rows, columns }: Product): Promise<Float64Array> {
  const shared = new SharedArrayBuffer(x.byteLength);
  new Float64Array(shared).set(x);
  const y = new SharedArrayBuffer((x.length / columns) * rows * 8);
  const step = Math.ceil(rows / pool.threads / 4) * 4;
  const jobs = [];
  for (let firstRow = 0; firstRow < rows; firstRow += step) {
    const count = Math.min(step, rows - firstRow);
    jobs.push(pool.run({ kind: "multiply", place, firstRow, rows: count, x: shared, y }));
  }
  await Promise.all(jobs);
  return new Float64Array(y);
}
